"""The one place where compiler policy stands. Every C++ target of the project is declared through these."""

COPTS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    # Protobuf's and RocksDB's headers trip over it; ours are small aggregates with defaults.
    "-Wno-missing-field-initializers",
]

def cl_library(name, copts = [], **kwargs):
    """A unit of the product: private unless its package grants it to a group of //:BUILD.bazel."""
    native.cc_library(name = name, copts = COPTS + copts, **kwargs)

def cl_binary(name, copts = [], **kwargs):
    """A process or a tool."""
    native.cc_binary(name = name, copts = COPTS + copts, **kwargs)

def cl_test(name, deps = [], copts = [], size = "small", **kwargs):
    """A GoogleTest beside the code it tests."""
    native.cc_test(
        name = name,
        size = size,
        copts = COPTS + copts,
        deps = deps + ["//tools/system:gtest_main"],
        **kwargs
    )

def cl_bench(name, deps = [], copts = [], **kwargs):
    """A Google Benchmark binary. Run by hand or by tests/bench; never a timed test."""
    native.cc_binary(
        name = name,
        testonly = True,
        copts = COPTS + copts,
        deps = deps + ["//tools/system:benchmark"],
        **kwargs
    )
