"""What can be kept by machine of the project's style. Prints `path:line: what is wrong; what to do instead`, exits 1 on findings.

Usage: tidy.py ROOT [--no-format]
"""

import pathlib
import re
import subprocess
import sys

MAX_LINES = 800
CODE = (".cc", ".h")
TEXT = (".cc", ".h", ".py", ".mjs", ".bzl", ".bazel", ".proto", ".md", ".sh")
TOP_FOLDERS = ("proto", "core", "ocpp", "log", "projections", "edge-agent", "server", "firmware", "tools", "tests", "docs")

PROJECT = TOP_FOLDERS + ("chargeledger",)

# Which top folders may be included from which; everything may include itself.
SHIPPED = ("core", "ocpp", "log", "projections", "chargeledger")
LAYERS = {
    "core": ("chargeledger",),
    "ocpp": ("core",),
    "log": ("core", "chargeledger"),
    "projections": ("core", "chargeledger", "ocpp"),
    "projections/runtime": ("core", "chargeledger", "ocpp", "log"),
    "projections/testing": ("core", "chargeledger", "ocpp", "log"),
    "edge-agent": SHIPPED,
    "server": SHIPPED,
    "firmware": (),
    "tools": SHIPPED + ("edge-agent", "server"),
    "tests": SHIPPED + ("edge-agent", "server", "tools"),
}


class Ban:
    """A pattern that must not stand in code: where it holds, where it is allowed, and what to use instead."""

    def __init__(self, pattern, message, where=(), allowed=()):
        self.pattern = re.compile(pattern)
        self.message = message
        self.where = where
        self.allowed = allowed

    def holds_in(self, path):
        if any(path.startswith(place) for place in self.allowed):
            return False
        return not self.where or any(path.startswith(place) for place in self.where)


PURE = ("core/", "ocpp/", "log/", "projections/", "edge-agent/central_system/")
BANS = [
    Ban(r"chrono::(system|steady|high_resolution)_clock|absl::Now\b|\bgettimeofday\b|\bclock_gettime\b|\btime\((nullptr|NULL)\)",
        "real clock; take a core::Clock in the constructor", allowed=("core/system_clock", "core/BUILD")),
    Ban(r"random_device|\bRAND_bytes\b|\bgetrandom\b|\brand\(\)|\bsrand\(",
        "entropy; take it as a parameter, from core/system_clock.h in main", allowed=("core/system_clock",)),
    Ban(r"\b(double|float)\b", "floating point; use core/decimal.h, units.h or money.h", where=("core/", "ocpp/", "log/", "projections/")),
    Ban(r"\bmt19937", "randomness; take its results as inputs", where=PURE + ("server/",)),
    Ban(r"unordered_(map|set)|flat_hash_(map|set)|node_hash_(map|set)",
        "iteration without an order; use absl::btree_map or std::map", where=("projections/", "log/")),
    Ban(r"\bsleep_for\b|\bSleepFor\b|\busleep\(|[^_.\w]sleep\(", "sleep in place of a condition; wait on what is meant"),
    Ban(r"std::string_view", "Debian's Abseil has its own; use absl::string_view", allowed=("ocpp/frame.cc", "ocpp/v16.cc")),
    Ban(r"\bthrow\b", "exception; return absl::Status"),
    Ban(r"\busing namespace\b", "using namespace; name what is used"),
    Ban(r"#include <rocksdb/", "RocksDB's types; use log/store.h", allowed=("log/rocksdb_store.cc",)),
    Ban(r"#include <grpc|\.grpc\.pb\.h\"", "gRPC's types; put it into a rpc/ folder", allowed=("tests/",)),
    Ban(r"(class|struct) \w*(Manager|Helper|Utils?|Common|Misc)\b", "a name that says nothing; name what it is"),
    Ban(r"NOLINT(?!\([\w-]+\): )", "NOLINT without a reason; write NOLINT(check): why"),
]


def strip_code(text):
    """C++ without comments and the contents of strings, with its lines where they were."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((.*?)\)"|"(?:\\.|[^"\\\n])*"', re.S)

    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return re.sub(r"[^\n]", "", found)
        return '"' + re.sub(r"[^\n]", "", found) + '"'

    return pattern.sub(blank, text)


def check_code(path, text):
    raw_lines = text.split("\n")
    test = path.endswith("_test.cc")
    for number, line in enumerate(strip_code(text).split("\n"), 1):
        if line.lstrip().startswith("#include") and number <= len(raw_lines):
            line = raw_lines[number - 1]
        for ban in BANS:
            if "mt19937" in ban.pattern.pattern and test or "random" in ban.message and test:
                continue
            if "rpc/ folder" in ban.message and "/rpc/" in path:
                continue
            if ban.holds_in(path) and ban.pattern.search(line):
                yield number, ban.message
    if path.endswith(".h"):
        if "#pragma once" not in text:
            yield 1, "header without #pragma once; add it"
        if not text.startswith("//"):
            yield 1, "header without a first comment; say what it is"
    yield from check_includes(path, raw_lines)


def check_includes(path, lines):
    top = path.split("/")[0]
    place = "/".join(path.split("/")[:2])
    allowed = LAYERS.get(place, LAYERS.get(top, ()))
    for number, line in enumerate(lines, 1):
        match = re.match(r'#include "([^/"]+)/', line)
        if not match or match.group(1) not in PROJECT or match.group(1) in (top,) + tuple(allowed):
            continue
        # A projection's test feeds it through the runtime, and so from a log.
        if path.endswith("_test.cc") and top == "projections" and match.group(1) == "log":
            continue
        yield number, f"{top}/ may not include {match.group(1)}/; see the layer diagram in docs/ARCHITECTURE.md"


def check_text(path, text):
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end; add it"
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield number, "white space at the end of the line; remove it"
        if path.startswith("tests/tidy/"):
            continue
        if re.search(r"\b(TODO|FIXME|XXX)\b(?!\(\w+\): )", line):
            yield number, "a mark without an owner; write TODO(owner): reason, or do it"
        if re.search(r"(^|[\s\"'(=])/(root|work|home)/", line):
            yield number, "a path of one machine; name it relative to the project"
        if re.search(r"registry\.npmjs|deb\.debian\.org", line):
            yield number, "host of a package registry; leave it to the package manager"
    lines = text.count("\n")
    if path.endswith(CODE + (".py", ".mjs")) and lines > MAX_LINES:
        yield MAX_LINES, f"{lines} lines; split by noun before {MAX_LINES}"


def check_file(path, text):
    """All findings of one file, as (line, message)."""
    findings = []
    if path.endswith(CODE):
        findings += check_code(path, text)
    if path.endswith(TEXT):
        findings += check_text(path, text)
    return findings


def check_tree(root, with_format):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True,
                            capture_output=True, text=True).stdout.split("\n")
    paths = sorted(p for p in listed if p and (root / p).is_file())
    for path in paths:
        if path.endswith(TEXT):
            for line, message in check_file(path, (root / path).read_text(encoding="utf-8")):
                yield f"{path}:{line}: {message}"
    for folder in TOP_FOLDERS:
        if f"{folder}/README.md" not in paths:
            yield f"{folder}/README.md:1: missing; say what the folder is for and what goes where"
    if with_format:
        code = [p for p in paths if p.endswith(CODE)]
        run = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *code], cwd=root, capture_output=True, text=True)
        for line in run.stderr.split("\n"):
            match = re.match(r"(\S+:\d+):\d+: error: code should be clang-formatted", line)
            if match:
                yield f"{match.group(1)}: not formatted; run clang-format-14 -i"
        if run.returncode and "error" not in run.stderr:
            yield f"clang-format-14: {run.stderr}"


def main():
    findings = list(check_tree(pathlib.Path(sys.argv[1]), "--no-format" not in sys.argv))
    print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
