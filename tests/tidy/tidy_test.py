"""Each rule of tidy.py fires on what it is against, and is silent on what it asks for."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tidy  # noqa: E402


def messages(path, text):
    return [message for _, message in tidy.check_file(path, text)]


class TidyTest(unittest.TestCase):

    def assert_fires(self, path, bad, good):
        self.assertEqual(len(messages(path, bad)), 1, messages(path, bad))
        self.assertEqual(messages(path, good), [])

    def test_clocks_are_read_in_one_place_only(self):
        self.assert_fires("server/a.cc", "x = absl::Now();\n", "x = clock.WallMicros();\n")
        self.assertEqual(messages("core/system_clock.cc", "clock_gettime(1, t);\n"), [])

    def test_floating_point_is_kept_out_of_the_deterministic_layers(self):
        self.assert_fires("projections/a.cc", "double x;\n", "int64_t x; // not a double\n")
        self.assertEqual(messages("tools/chargesim/a.cc", "double x;\n"), [])

    def test_unordered_containers_are_kept_out_of_projections(self):
        self.assert_fires("projections/a.cc", "std::unordered_map<int, int> m;\n", "std::map<int, int> m;\n")

    def test_sleeping_is_no_way_to_wait(self):
        self.assert_fires("server/a.cc", "std::this_thread::sleep_for(s);\n", "mutex.Await(c);\n")

    def test_databases_and_rpc_stay_behind_their_adapters(self):
        self.assert_fires("server/a.cc", "#include <rocksdb/db.h>\n", '#include "log/store.h"\n')
        self.assert_fires("server/a.cc", "#include <grpcpp/grpcpp.h>\n", '#include "server/queries.h"\n')
        self.assertEqual(messages("server/rpc/a.cc", "#include <grpcpp/grpcpp.h>\n"), [])

    def test_includes_follow_the_layer_diagram(self):
        self.assert_fires("log/a.cc", '#include "projections/fold.h"\n', '#include "core/ids.h"\n')
        self.assert_fires("server/a.cc", '#include "edge-agent/agent.h"\n', '#include "projections/fold.h"\n')
        self.assert_fires("projections/a.cc", '#include "log/store.h"\n', '#include "ocpp/frame.h"\n')
        self.assertEqual(messages("projections/runtime/a.cc", '#include "log/store.h"\n'), [])

    def test_strings_and_comments_are_not_code(self):
        self.assertEqual(messages("log/a.cc", 'x = "absl::Now double"; // throw\n/* float */\n'), [])

    def test_headers_say_what_they_are(self):
        self.assert_fires("log/a.h", "#pragma once\n", "// A thing.\n#pragma once\n")

    def test_marks_have_an_owner_and_files_an_end(self):
        self.assert_fires("log/README.md", "TODO later\n", "TODO(ada): when the format has landed\n")
        self.assert_fires("log/README.md", "text", "text\n")
        self.assert_fires("log/README.md", "text \n", "text\n")

    def test_files_are_split_before_they_are_too_long(self):
        self.assert_fires("log/a.cc", "int x;\n" * 900, "int x;\n" * 700)

    def test_names_say_something(self):
        self.assert_fires("log/a.cc", "class LogManager {};\n", "class EventLog {};\n")


if __name__ == "__main__":
    unittest.main()
