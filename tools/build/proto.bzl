"""C++ from .proto files, generated with the installed protoc and grpc_cpp_plugin."""

def _outs(srcs, suffixes):
    return [src[:-len(".proto")] + suffix for src in srcs for suffix in suffixes]

def cl_proto_library(name, srcs, imports = [], deps = [], visibility = None):
    """Messages of `srcs`. `imports` are further .proto files that they import."""
    native.genrule(
        name = name + "_gen",
        srcs = srcs + imports,
        outs = _outs(srcs, [".pb.h", ".pb.cc"]),
        cmd = "protoc -Iproto --cpp_out=$(RULEDIR) " + " ".join(["$(location %s)" % src for src in srcs]),
    )
    native.cc_library(
        name = name,
        srcs = _outs(srcs, [".pb.cc"]),
        hdrs = _outs(srcs, [".pb.h"]),
        includes = ["."],
        copts = ["-w"],
        visibility = visibility,
        deps = deps + ["//tools/system:protobuf"],
    )

def cl_grpc_library(name, srcs, imports = [], deps = [], visibility = None):
    """Service stubs of `srcs`: kept apart from the messages, since gRPC's headers are slow to compile."""
    native.genrule(
        name = name + "_gen",
        srcs = srcs + imports,
        outs = _outs(srcs, [".grpc.pb.h", ".grpc.pb.cc"]),
        cmd = "protoc -Iproto --plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin --grpc_out=$(RULEDIR) " +
              " ".join(["$(location %s)" % src for src in srcs]),
    )
    native.cc_library(
        name = name,
        srcs = _outs(srcs, [".grpc.pb.cc"]),
        hdrs = _outs(srcs, [".grpc.pb.h"]),
        includes = ["."],
        copts = ["-w"],
        visibility = visibility,
        deps = deps + ["//tools/system:grpc"],
    )
