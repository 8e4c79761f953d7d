"""What can be kept by machine of the project's style. Prints `path:line: what is wrong; use X instead`, exits 1 on findings.

Usage: tidy.py ROOT [--no-format]
"""

import fnmatch
import pathlib
import re
import subprocess
import sys

MAX_LINES = 800
CLANG_FORMAT = "clang-format-14"
FORMAT_BATCH = 100
CODE = (".cc", ".h")
SIZED = CODE + (".py", ".mjs")
TEXT = SIZED + (".bzl", ".bazel", ".proto", ".md", ".sh")
TOP_FOLDERS = ("proto", "core", "ocpp", "ocpi", "log", "projections", "net", "edge-agent", "server", "firmware", "tools", "tests",
               "docs")

# These two quote what they are against.
OWN_FILES = ("tests/tidy/tidy.py", "tests/tidy/tidy_test.py")

# Which top folders may be included from which; everything may include itself. Generated messages are `chargeledger/v1/...`.
GENERATED = "chargeledger"
SHIPPED = (GENERATED, "core", "ocpp", "log", "projections")
LAYERS = {
    "proto": (),
    "core": (GENERATED,),
    "ocpp": ("core",),
    "ocpi": ("core", GENERATED),
    "log": ("core", GENERATED),
    "projections": ("core", GENERATED, "ocpp"),
    "projections/runtime": ("core", GENERATED, "ocpp", "log"),
    "projections/testing": ("core", GENERATED, "ocpp", "log"),
    "net": ("core",),
    "edge-agent": SHIPPED + ("net",),
    "server": SHIPPED + ("ocpi", "net"),
    "firmware": (),
    "tools": SHIPPED + ("ocpi", "net", "edge-agent", "server", "firmware"),
    "tests": SHIPPED + ("ocpi", "net", "edge-agent", "server", "firmware", "tools"),
}


def any_glob(path, globs):
    """Whether one of the globs matches; `*` crosses folders."""
    return any(fnmatch.fnmatchcase(path, glob) for glob in globs)


class Ban:
    """A pattern that must not stand in C++: where it holds, where it is allowed, and what to use instead."""

    def __init__(self, pattern, message, where=("*",), allowed=(), in_comments=False):
        self.pattern = re.compile(pattern)
        self.message = message
        self.where = where
        self.allowed = allowed
        self.in_comments = in_comments

    def holds_in(self, path):
        return any_glob(path, self.where) and not any_glob(path, self.allowed)


REAL = "core/system_clock.cc"
NO_FLOATS = ("core/*", "ocpp/*", "ocpi/*", "log/*", "projections/*")
EMPTY_NAME = r"(?:Manager|Helper|Util|Utility|Utilitie|Common|Misc)s?"
BANS = [
    Ban(r"\bchrono::(system|high_resolution)_clock\b|\babsl::(Now|GetCurrentTimeNanos)\b|\bgettimeofday\b|\bclock_gettime\b"
        r"|\btime\s*\(\s*(nullptr|NULL|0|&\w+)\s*\)",
        "real clock; use a core::Clock from the constructor", allowed=(REAL,)),
    Ban(r"\bchrono::steady_clock\b", "real clock; use a core::Clock from the constructor",
        allowed=(REAL, "tests/bench/*", "tools/chargesim/connection.*", "tools/chargesim/main.cc")),
    Ban(r"\brandom_device\b|\bRAND_(priv_)?bytes\b|\bgetrandom\b|\bgetentropy\b|\bs?rand\s*\(|\babsl::(Insecure)?BitGen\b",
        "entropy; use core/system_clock.h in main, and hand its result down", allowed=(REAL,)),
    Ban(r"\bmt19937", "randomness; use its results as inputs", allowed=("*_test.cc", "log/testing/*"),
        where=("core/*", "ocpp/*", "log/*", "projections/*", "edge-agent/central_system/*", "server/*")),
    Ban(r"\b(double|float)\b", "floating point; use core/decimal.h, units.h or money.h", where=NO_FLOATS),
    Ban(r"\bunordered_(multi)?(map|set)\b|\b(flat|node)_hash_(map|set)\b",
        "iteration without an order; use absl::btree_map or std::map", where=("projections/*", "log/*")),
    Ban(r"\bsleep_(for|until)\b|\bSleepFor\b|\b(u|nano)?sleep\s*\(", "sleep; use a condition to wait on"),
    Ban(r"\bstd::string_view\b", "not what Debian's Abseil speaks; use absl::string_view", allowed=("ocpp/*.cc", "ocpp/payload_reading.h")),
    Ban(r"\bthrow\b", "exception; use absl::Status"),
    Ban(r"\busing\s+namespace\b", "using namespace; use the names one by one"),
    Ban(r"#\s*include\s*[<\"]rocksdb/", "RocksDB's types; use log/store.h", allowed=("log/rocksdb_store.cc", "log/*_test.cc", "log/testing/*")),
    Ban(r"#\s*include\s*[<\"](grpc|grpcpp|grpc\+\+)/|#\s*include.*\.grpc\.pb\.h", "gRPC's types; use a rpc/ folder for them",
        allowed=("*/rpc/*",)),
    Ban(r"\b(class|struct|enum)\s+\w*" + EMPTY_NAME + r"(?![a-z])", "a name that says nothing; use what it is"),
    Ban(r"NOLINT(NEXTLINE|BEGIN)?\b(?!\([\w., -]+\): \S)", "NOLINT without a reason; use NOLINT(check): why", in_comments=True),
]

NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/'  # comments
    r'|R"(?P<end>[^()\\\s]{0,16})\(.*?\)(?P=end)"|"(?:\\.|[^"\\\n])*"'  # strings
    r"|(?<!\w)'(?:\\[^\n]+?|[^'\\\n])'",  # characters, which may be quotes
    re.S)
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def code_lines(text):
    """The lines of C++ without comments and the contents of strings; what an #include names stays."""

    def blank(match):
        found = match.group(0)
        mark = "" if found.startswith("/") else found[-1]
        return mark + "\n" * found.count("\n") + mark

    lines = NOT_CODE.sub(blank, text).split("\n")
    for number, raw in enumerate(text.split("\n")):
        if INCLUDE.match(raw) and lines[number].lstrip().startswith("#"):
            lines[number] = INCLUDE.match(raw).group(0)
    return lines


def check_code(path, text):
    raw_lines = text.split("\n")
    bans = [ban for ban in BANS if ban.holds_in(path)]
    for number, line in enumerate(code_lines(text), 1):
        for ban in bans:
            if ban.pattern.search(raw_lines[number - 1] if ban.in_comments else line):
                yield number, ban.message
        include = INCLUDE.match(line)
        if include:
            yield from ((number, message) for message in check_include(path, *include.groups()))
    if path.endswith(".h"):
        if "#pragma once" not in raw_lines:
            yield 1, "header without a guard; use #pragma once"
        if not text.startswith(("//", "/*")):
            yield 1, "header without a first comment; use it to say what this is"


def check_include(path, quote, name):
    folder, slash, _ = name.partition("/")
    if quote == '"' and (not slash or folder in (".", "..")):
        yield f'"{name}" depends on where it stands; use the path from the root'
    if folder not in TOP_FOLDERS + (GENERATED,):
        return
    top = path.split("/")[0]
    place = "/".join(path.split("/")[:2])
    if folder != top and folder not in LAYERS.get(place, LAYERS.get(top, ())):
        yield f"{top}/ may not include {folder}/; use the layer diagram in docs/ARCHITECTURE.md"


def check_text(path, text):
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end; use one"
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield number, "white space at the end of the line; use none"
    lines = text.count("\n")
    if path.endswith(SIZED) and lines > MAX_LINES:
        yield MAX_LINES, f"{lines} lines; use a second file, split by noun"


def check_everything(path, text):
    if path in OWN_FILES:
        return
    if any(re.fullmatch(EMPTY_NAME.lower(), word) for word in re.split(r"[/_.-]", path.lower())):
        yield 1, "a path that says nothing; use the noun that it holds"
    for number, line in enumerate(text.split("\n"), 1):
        if re.search(r"\b(TODO|FIXME|XXX)\b(?!(?<=TODO)\([\w-]+\): \S)", line):
            yield number, "a mark without an owner; use TODO(owner): reason, or do it"
        if re.search(r"(?:(?<![\w./~}-])|(?<=-[IL]))/(root|work|home)/", line):
            yield number, "a path of one machine; use one relative to the project"
        if not path.endswith("package-lock.json") and re.search(r"registry\.npmjs\.org|deb\.debian\.org", line):
            yield number, "host of a package registry; use what the package manager is configured for"


def check_file(path, text):
    """All findings of one file, as (line, message)."""
    findings = list(check_everything(path, text))
    if path.endswith(TEXT):
        findings += check_text(path, text)
    if path.endswith(CODE):
        findings += check_code(path, text)
    return sorted(findings)


def check_format(root, paths):
    for start in range(0, len(paths), FORMAT_BATCH):
        batch = paths[start:start + FORMAT_BATCH]
        run = subprocess.run([CLANG_FORMAT, "--dry-run", "-Werror", *batch], cwd=root, capture_output=True, text=True)
        places = re.findall(r"^(\S+:\d+):\d+: error: code should be clang-formatted", run.stderr, re.M)
        yield from (f"{place}: not formatted; use {CLANG_FORMAT} -i" for place in dict.fromkeys(places))
        if run.returncode and not places:
            yield f"{batch[0]}:1: {CLANG_FORMAT} failed: {run.stderr.strip()}; use version 14"


def check_tree(root, with_format=True):
    """All findings of the files that git knows or would add, as `path:line: message`."""
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=root, check=True,
                            capture_output=True, text=True).stdout.split("\0")
    paths = sorted({path for path in listed if path and (root / path).is_file()})
    for path in paths:
        try:
            text = (root / path).read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            if path.endswith(TEXT):
                yield f"{path}:1: not UTF-8; use UTF-8"
            continue
        for line, message in check_file(path, text):
            yield f"{path}:{line}: {message}"
    for folder in TOP_FOLDERS:
        if f"{folder}/README.md" not in paths:
            yield f"{folder}/README.md:1: missing; use it to say what the folder is for and what goes where"
    if with_format:
        yield from check_format(root, [path for path in paths if path.endswith(CODE)])


def main():
    findings = list(check_tree(pathlib.Path(sys.argv[1]), "--no-format" not in sys.argv))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
