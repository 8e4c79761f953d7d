"""Each rule of tidy.py fires on what it is against, and is silent on what it asks for."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tidy  # noqa: E402


class TidyTest(unittest.TestCase):

    def fires(self, said, path, *texts):
        """Each text has exactly one finding in that file, and it says this."""
        for text in texts:
            with self.subTest(path=path, text=text):
                found = [message for _, message in tidy.check_file(path, text + "\n")]
                self.assertEqual(len(found), 1, found)
                self.assertIn(said, found[0])
                self.assertIn("; use ", found[0])

    def silent(self, path, *texts):
        for text in texts:
            with self.subTest(path=path, text=text):
                self.assertEqual(tidy.check_file(path, text + "\n"), [])

    def test_clocks_are_read_in_one_place_only(self):
        reads = ("x = std::chrono::system_clock::now();", "x = std::chrono::high_resolution_clock::now();", "x = absl::Now();",
                 "x = time(nullptr);", "gettimeofday(&t, nullptr);", "clock_gettime(1, &t);")
        for path in ("server/a.cc", "tests/bench/a.cc", "core/clock.h.cc"):
            self.fires("core::Clock", path, *reads)
        self.silent("core/system_clock.cc", *reads)
        self.silent("server/a.cc", "x = clock.WallMicros();", "boost::asio::steady_timer timer;", "uptime(0);")

    def test_the_steady_clock_is_also_for_what_measures(self):
        read = "x = std::chrono::steady_clock::now();"
        for path in ("server/a.cc", "tests/e2e/a.cc", "tools/chargesim/outbox.cc"):
            self.fires("core::Clock", path, read)
        for path in ("core/system_clock.cc", "tests/bench/a.cc", "tools/chargesim/connection.cc", "tools/chargesim/main.cc"):
            self.silent(path, read)

    def test_entropy_is_drawn_in_one_place_only(self):
        draws = ("std::random_device d;", "x = rand();", "srand(1);", "getrandom(b, 8, 0);", "RAND_bytes(b, 8);", "absl::BitGen g;")
        self.fires("entropy", "server/a_test.cc", *draws)
        self.silent("core/system_clock.cc", *draws)
        self.silent("server/a.cc", "x = operand(1);")

    def test_randomness_is_an_input_of_what_decides(self):
        for path in ("core/a.cc", "ocpp/a.cc", "log/a.cc", "projections/a.cc", "edge-agent/central_system/a.cc", "server/a.cc"):
            self.fires("randomness", path, "std::mt19937_64 g(1);")
        for path in ("log/a_test.cc", "edge-agent/rpc/a.cc", "tools/chargesim/a.cc"):
            self.silent(path, "std::mt19937_64 g(1);")

    def test_floating_point_is_kept_out_of_the_deterministic_layers(self):
        for path in ("core/a.cc", "ocpp/a.cc", "log/a.cc", "projections/a.cc"):
            self.fires("core/decimal.h", path, "double x;", "x = static_cast<float>(y);")
            self.silent(path, "int64_t x; // not a double", "ReadDouble(); double_entry();")
        self.silent("tools/chargesim/a.cc", "double x;")

    def test_unordered_containers_are_kept_out_of_projections(self):
        self.fires("absl::btree_map", "projections/a.cc", "std::unordered_map<int, int> m;", "absl::flat_hash_set<int> s;",
                   "absl::node_hash_map<int, int> m;")
        self.silent("projections/a.cc", "std::map<int, int> m;")
        self.silent("server/a.cc", "absl::flat_hash_map<int, int> m;")

    def test_sleeping_is_no_way_to_wait(self):
        self.fires("condition", "tests/a.cc", "std::this_thread::sleep_for(s);", "absl::SleepFor(s);", "usleep(1);", "sleep(1);")
        self.silent("tests/a.cc", "mutex.Await(c);", "asleep(1);")

    def test_string_views_are_those_of_abseil(self):
        self.fires("absl::string_view", "ocpp/a.h", "// A thing.\n#pragma once\nstd::string_view x;")
        self.silent("ocpp/a.cc", "std::string_view x;")
        self.silent("core/a.cc", "absl::string_view x;")

    def test_errors_are_returned_and_names_are_qualified(self):
        self.fires("absl::Status", "log/a.cc", "throw x;")
        self.fires("using namespace", "log/a.cc", "using namespace std;")
        self.silent("log/a.cc", "return absl::DataLossError(x);", "namespace a = b;", "rethrow_it(x);", "using std::swap;")

    def test_silencing_a_linter_needs_a_reason(self):
        self.fires("NOLINT", "log/a.cc", "x; // NOLINT", "x; // NOLINT(check)", "// NOLINTNEXTLINE(check)", "x; // NOLINT(check):why")
        self.silent("log/a.cc", "x; // NOLINT(a-check): the reason", "// NOLINTNEXTLINE(a-check): the reason")

    def test_databases_stay_behind_their_adapter(self):
        self.fires("log/store.h", "server/a.cc", "#include <rocksdb/db.h>", '#include "rocksdb/db.h"')
        self.fires("log/store.h", "log/event_log.cc", "#include <rocksdb/db.h>")
        self.silent("log/rocksdb_store.cc", "#include <rocksdb/db.h>")
        self.silent("log/a_test.cc", "#include <rocksdb/db.h>")
        self.silent("server/a.cc", '#include "log/rocksdb_store.h"')

    def test_rpc_stays_in_its_folders(self):
        includes = ("#include <grpcpp/grpcpp.h>", '#include "chargeledger/v1/query.grpc.pb.h"')
        for path in ("server/a.cc", "server/main.cc", "tests/e2e/a.cc"):
            self.fires("rpc/", path, *includes)
        self.silent("server/rpc/a.cc", *includes)
        self.silent("server/a.cc", '#include "chargeledger/v1/query.pb.h"')

    def test_includes_follow_the_layer_diagram(self):
        folders = ("chargeledger", "core", "ocpp", "log", "projections", "ocpi", "net", "edge-agent", "server", "firmware", "tools",
                   "tests")
        granted = {
            "proto": "",
            "core": "core chargeledger",
            "ocpp": "ocpp core",
            "ocpi": "ocpi core chargeledger",
            "log": "log core chargeledger",
            "projections": "projections core chargeledger ocpp",
            "projections/runtime": "projections core chargeledger ocpp log",
            "projections/testing": "projections core chargeledger ocpp log",
            "net": "net core",
            "edge-agent": "edge-agent core chargeledger ocpp log projections net",
            "server": "server core chargeledger ocpp ocpi log projections net",
            "firmware": "firmware",
            "tools": " ".join(folders[:-1]),
            "tests": " ".join(folders),
        }
        for place, names in granted.items():
            for folder in folders:
                check = self.silent if folder in names.split() else lambda *args: self.fires("layer diagram", *args)
                check(f"{place}/a.cc", f'#include "{folder}/b.h"', f"#include <{folder}/b.h>")

    def test_includes_are_named_from_the_root(self):
        self.fires("path from the root", "log/a.cc", '#include "store.h"', '#include "../server/view.h"')
        self.silent("log/a.cc", '#include "absl/status/status.h"', "#include <vector>", '// #include "store.h"')

    def test_strings_and_comments_are_not_code(self):
        self.silent("log/a.cc", 'x = "absl::Now double"; // throw\n/* float\n float */', "/*\n#include \"server/view.h\"\n*/",
                    'x = R"x(\n)" double\n#include "server/view.h"\n)x";', "x = \"a \\\" float\";")

    def test_code_beside_strings_and_comments_is_code(self):
        self.fires("floating", "log/a.cc", "if (c == '\"') double x; // \"", "x = 1'000; double y; z = '\\'';", 'f("//"); double x;',
                   'x = R"(")"; double y; // "', "/* a */ double x;")
        self.assertEqual([line for line, _ in tidy.check_file("log/a.cc", '/*\n*/ x = R"(\n\n)";\ndouble y;\n')], [5])

    def test_headers_are_guarded_and_say_what_they_are(self):
        self.fires("first comment", "log/a.h", "#pragma once")
        self.fires("#pragma once", "log/a.h", "// A thing.", "// A thing without #pragma once")
        self.silent("log/a.h", "// A thing.\n#pragma once")

    def test_names_say_something(self):
        for word in ("Manager", "Helper", "Util", "Utils", "Common", "Misc"):
            self.fires("says nothing", "log/a.cc", f"class Log{word} {{}};", f"struct {word}Impl {{}};", f"enum class {word} {{}};")
            self.fires("says nothing", f"log/log_{word.lower()}.cc", "int x;")
            self.fires("says nothing", f"tools/{word.lower()}/README.md", "text")
        self.silent("log/utilization.cc", "class EventLog {};", "class Utilization {};", "struct Commoner {};")

    def test_marks_have_an_owner_and_a_reason(self):
        for path in ("log/README.md", "log/a.cc", "tools/demo"):
            self.fires("TODO(owner)", path, "// TODO later", "// FIXME: x", "// XXX", "// TODO(ada) x", "// TODO():x",
                       "// FIXME(ada): use the other")
            self.silent(path, "// TODO(ada): when the format has landed", "mktemp a.XXXXXX")

    def test_paths_of_one_machine_stay_on_it(self):
        for path in ("log/README.md", "tools/demo", "package.json"):
            self.fires("relative", path, "cd /work/main", 'x = "/home/ada/x"', "-I/root/x", "a=/work/x")
            self.silent(path, "tools/work/x", "see https://a.example/home/x", "$root/home/x", "${ROOT}/work/x")

    def test_registries_are_left_to_the_package_manager(self):
        for host in ("registry.npmjs.org", "deb.debian.org"):
            self.fires("package manager", "tools/setup", f"get https://{host}/x")
            self.silent("tests/package-lock.json", f'"https://{host}/x"')

    def test_lines_and_files_end_cleanly(self):
        for suffix in (".cc", ".py", ".mjs", ".bazel", ".bzl", ".proto", ".md", ".sh"):
            self.fires("white space", "log/a" + suffix, "text ", "text\t", "text\r")
            self.silent("log/a" + suffix, "text", "text\n\ntext")
            self.assertEqual([line for line, _ in tidy.check_file("log/a" + suffix, "a\nb")], [2])

    def test_files_are_split_before_they_are_too_long(self):
        for suffix in (".cc", ".py", ".mjs"):
            self.fires("split by noun", "log/a" + suffix, "\n".join(["x"] * 801))
            self.silent("log/a" + suffix, "\n".join(["x"] * 800))


class TreeTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        subprocess.run(["git", "init", "-q", self.root], check=True)
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.write(".gitignore", "/ignored/\n")
        for top in tidy.TOP_FOLDERS:
            self.write(f"{top}/README.md", "# It\n")

    def write(self, path, text):
        (self.root / path).parent.mkdir(exist_ok=True)
        (self.root / path).write_bytes(text if isinstance(text, bytes) else text.encode())

    def findings(self):
        return list(tidy.check_tree(self.root))

    def test_a_clean_tree_has_no_findings(self):
        self.write("core/a.cc", "int x;\n")
        self.assertEqual(self.findings(), [])

    def test_every_top_folder_needs_a_readme(self):
        (self.root / "ocpp/README.md").unlink()
        self.assertEqual([finding.split(":")[0] for finding in self.findings()], ["ocpp/README.md"])

    def test_code_is_formatted(self):
        self.write("core/a.cc", "int x;\n")
        self.write("core/b.cc", "int  x;\n")
        self.assertEqual(self.findings(), ["core/b.cc:1: not formatted; use clang-format-14 -i"])

    def test_every_batch_of_files_is_formatted(self):
        for number in range(tidy.FORMAT_BATCH):
            self.write(f"core/a{number}.cc", "int x;\n")
        self.write("core/b.cc", "int  x;\n")
        self.assertEqual(len(self.findings()), 1)

    def test_a_formatter_that_fails_is_a_finding(self):
        self.write(".clang-format", "BasedOnStyle: Nobody\n")
        self.write("core/a.cc", "int x;\n")
        self.assertEqual(len(self.findings()), 1)

    def test_new_files_are_seen_and_ignored_ones_are_not(self):
        self.write("ignored/a.cc", "double  x;")
        self.write("core/\u00e4.md", "text \n")
        self.assertEqual(self.findings(), ["core/\u00e4.md:1: white space at the end of the line; use none"])

    def test_text_is_utf_8(self):
        self.write("core/a.md", b"\xff\n")
        self.write("core/a.bin", b"\xff\n")
        self.assertEqual(self.findings(), ["core/a.md:1: not UTF-8; use UTF-8"])


if __name__ == "__main__":
    unittest.main()
