// The part of XLA's FFI C ABI, version 0.1, that the handlers use, declared here so that building needs no jaxlib.
// tests/python/package/test_xla_abi.py compiles it beside jaxlib's own header and compares sizes, offsets and numbers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spikescan_xla::ffi {

constexpr int kMajor = 0;
constexpr int kMinor = 1;  // XLA refuses a handler that is newer than itself: this is the oldest with a thread pool

enum ExtensionType { kMetadata = 1 };
enum ErrorCode { kInvalidArgument = 3, kResourceExhausted = 8, kUnimplemented = 12, kInternal = 13 };
enum DataType { kU8 = 6, kU32 = 8, kS32 = 4, kF16 = 10, kF32 = 11, kBF16 = 16 };
enum AttributeType { kScalar = 3 };
enum Stage { kExecute = 3 };
enum HandlerTraits : uint32_t { kCommandBufferCompatible = 1 };

struct Context;
struct Error;

struct Extension {
  size_t struct_size;
  ExtensionType type;
  Extension* next;
};

struct ApiVersion {
  size_t struct_size;
  Extension* extension_start;
  int major_version, minor_version;
};

struct Metadata {
  size_t struct_size;
  ApiVersion api_version;
  uint32_t traits;
};

struct MetadataExtension {
  Extension extension_base;
  Metadata* metadata;
};

struct ErrorCreateArgs {
  size_t struct_size;
  Extension* extension_start;
  const char* message;
  ErrorCode errc;
};

struct ErrorDestroyArgs {
  size_t struct_size;
  Extension* extension_start;
  Error* error;
};

struct StreamGetArgs {
  size_t struct_size;
  Extension* extension_start;
  Context* ctx;
  void* stream;
};

struct ScheduleArgs {
  size_t struct_size;
  Extension* extension_start;
  Context* ctx;
  void (*task)(void* data);
  void* data;
};

struct NumThreadsArgs {
  size_t struct_size;
  Extension* extension_start;
  Context* ctx;
  int64_t* num_threads;
};

struct Api {
  size_t struct_size;
  Extension* extension_start;
  ApiVersion api_version;
  void* internal_api;
  Error* (*error_create)(ErrorCreateArgs*);
  void* error_get_message;
  void (*error_destroy)(ErrorDestroyArgs*);
  void* handler_register;
  Error* (*stream_get)(StreamGetArgs*);
  void* type_register;
  void* execution_context_get;
  void* state_set;
  void* state_get;
  void* device_memory_allocate;
  void* device_memory_free;
  Error* (*thread_pool_schedule)(ScheduleArgs*);
  Error* (*thread_pool_num_threads)(NumThreadsArgs*);
};

struct ByteSpan {
  const char* ptr;
  size_t len;
};

struct Scalar {
  DataType dtype;
  void* value;
};

struct Buffer {
  size_t struct_size;
  Extension* extension_start;
  DataType dtype;
  void* data;
  int64_t rank;
  int64_t* dims;
};

struct Args {
  size_t struct_size;
  Extension* extension_start;
  int64_t size;
  int* types;
  void** args;
};

struct Rets {
  size_t struct_size;
  Extension* extension_start;
  int64_t size;
  int* types;
  void** rets;
};

struct Attrs {
  size_t struct_size;
  Extension* extension_start;
  int64_t size;
  AttributeType* types;
  ByteSpan** names;
  void** attrs;
};

struct CallFrame {
  size_t struct_size;
  Extension* extension_start;
  const Api* api;
  Context* ctx;
  Stage stage;
  Args args;
  Rets rets;
  Attrs attrs;
};

}  // namespace spikescan_xla::ffi
