#include "fake_cuda.h"

#include <cstring>

namespace spikescan {
namespace test {

FakeCuda& fake() {
  static FakeCuda fake;
  return fake;
}

namespace {

int handle;  // what streams, timers and memory point to

BackendResult result(const char* function) {
  if (fake().failing && std::strcmp(fake().failing, function) == 0) {
    return {fake().status, function, "cudaErrorFake", "told to fail"};
  }
  return {SPIKESCAN_OK, nullptr, nullptr};
}

BackendResult answer(const char* function) {
  ++fake().calls;
  fake().last = function;
  return result(function);
}

BackendResult answer_on(const char* function, void* stream) {
  fake().stream = stream;
  return answer(function);
}

BackendResult device_count(int32_t* count) {
  ++fake().counts;
  *count = fake().devices;
  return result("device_count");
}

BackendResult facts(DeviceFacts* facts) {
  ++fake().facts;
  *facts = {132, 227 * 1024, 228 * 1024};
  return result("facts");
}

BackendResult query_device(int32_t device, spikescan_device_info* info) {
  std::strcpy(info->name, fake().name);
  std::strcpy(info->instruction_set, "sm_90");
  info->processors = 100 + device;
  return answer("query_device");
}

BackendResult forward(const ForwardCall& call, void* stream) {
  fake().forward = call;
  return answer_on("forward", stream);
}

BackendResult backward(const BackwardCall& call, void* stream) {
  fake().backward = call;
  return answer_on("backward", stream);
}

BackendResult allocate(size_t bytes, void** memory) {
  fake().bytes = bytes;
  *memory = &handle;
  return answer("allocate");
}

BackendResult free_memory(void*) {
  return answer("free");
}

BackendResult copy(void*, const void*, size_t bytes, void* stream) {
  fake().bytes = bytes;
  return answer_on("copy", stream);
}

BackendResult fill(void*, int byte, size_t bytes, void* stream) {
  fake().byte = byte;
  fake().bytes = bytes;
  return answer_on("fill", stream);
}

BackendResult stream_create(void** stream) {
  *stream = &handle;
  return answer("stream_create");
}
BackendResult stream_destroy(void* stream) {
  return answer_on("stream_destroy", stream);
}
BackendResult stream_synchronize(void* stream) {
  return answer_on("stream_synchronize", stream);
}

BackendResult timer_create(void** timer) {
  *timer = &handle;
  return answer("timer_create");
}
BackendResult timer_start(void*, void* stream) {
  return answer_on("timer_start", stream);
}
BackendResult timer_stop(void*, void* stream) {
  return answer_on("timer_stop", stream);
}
BackendResult timer_seconds(void*, double* seconds) {
  *seconds = 2.5;
  return answer("timer_seconds");
}
BackendResult timer_destroy(void*) {
  return answer("timer_destroy");
}

}  // namespace
}  // namespace test

const Backend* cuda_backend() {
  static constexpr Backend backend = {test::device_count,  test::facts,          test::query_device,
                                      test::forward,       test::backward,       test::allocate,
                                      test::free_memory,   test::copy,           test::fill,
                                      test::stream_create, test::stream_destroy, test::stream_synchronize,
                                      test::timer_create,  test::timer_start,    test::timer_stop,
                                      test::timer_seconds, test::timer_destroy,  false};
  return &backend;
}

}  // namespace spikescan
