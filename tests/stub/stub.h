// A CUDA runtime that runs nothing: it takes libcudart's place, records every call and fails the calls that a test asks
// for. Device memory is malloc's; kernels never run, so pointers may be made up.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <string>
#include <vector>

namespace stub {

struct Call {
  std::string function;
  cudaError_t answer = cudaSuccess;
  bool on_stream = false;  // the function takes a stream
  cudaStream_t stream = nullptr;
  void* destination = nullptr;
  const void* source = nullptr;
  std::size_t bytes = 0;
  int number = 0;      // a device, an attribute or a fill's byte
  std::string kernel;  // launches: the kernel's name with its template arguments
  dim3 grid, block;
  std::size_t shared_bytes = 0;
  std::vector<unsigned char> argument;  // the first one's bytes, as set_argument_bytes() says
};

std::vector<Call> calls();
void forget_calls();

// How many bytes of its first argument a kernel gets; without it none are recorded.
void set_argument_bytes(std::size_t (*bytes_of)(const std::string& kernel));

// The n-th call from now on that could fail, counted from 1, fails with `error`; or all from the n-th on.
struct Failure {
  int nth = 0;  // 0: none
  cudaError_t error = cudaSuccess;
  bool from_then_on = false;
  std::string function;  // empty: whichever
};
void plan_failure(const Failure& failure);
// Since plan_failure(): the calls that have failed so, and those that could have.
int failures();
int counted();

// The machine has two devices. What the caller's thread has as its device and as its last error:
void set_device(int device);
int device();
void set_last_error(cudaError_t error);
cudaError_t last_error();

// The CUDA version that the driver serves, 0 where there is none; at first the runtime's own.
void set_driver_version(int version);
int driver_version();

// Every kernel that libraries have registered, sorted, with template arguments.
std::vector<std::string> kernels();

// Memory, streams and events that have not been given back.
int live_objects();

// ---- For the functions that a library calls -------------------------------------------------------------------------

// Records the call and decides its answer.
cudaError_t answer(Call call);
// Records a call that cannot fail by itself.
void note(const char* function);
void add_kernel(const void* host_function, const char* mangled);
std::string kernel_at(const void* host_function);
void count_object(int change);

}  // namespace stub
