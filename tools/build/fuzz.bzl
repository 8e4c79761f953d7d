"""Fuzzers: one source that defines LLVMFuzzerTestOneInput, with a folder of inputs beside it."""

load("//tools/build:chargeledger.bzl", "COPTS")

def cl_fuzz(name, srcs, deps, corpus):
    """NAME replays the corpus, and changed copies of it, in every test run; NAME_libfuzzer searches (tools/fuzz, clang)."""
    native.cc_test(
        name = name,
        size = "small",
        srcs = srcs,
        args = [native.package_name() + "/" + corpus],
        copts = COPTS,
        data = native.glob([corpus + "/**"]),
        deps = deps + ["//tools/build:replay"],
    )
    native.cc_binary(
        name = name + "_libfuzzer",
        testonly = True,
        srcs = srcs,
        copts = COPTS,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = deps,
    )
