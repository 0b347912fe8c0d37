// Launches, and what nvcc's own code in an object asks of the runtime: its kernels are registered before main().
#include "stub/stub.h"

namespace {

struct Configuration {
  dim3 grid, block;
  std::size_t shared_bytes;
  cudaStream_t stream;
};
thread_local Configuration pushed;

cudaError_t launch(const char* function, const void* kernel, dim3 grid, dim3 block, void** arguments,
                   std::size_t shared_bytes, cudaStream_t stream) {
  stub::Call call;
  call.function = function;
  call.on_stream = true;
  call.stream = stream;
  call.kernel = stub::kernel_at(kernel);
  call.grid = grid;
  call.block = block;
  call.shared_bytes = shared_bytes;
  call.source = arguments;
  return stub::answer(call);
}

}  // namespace

extern "C" {

cudaError_t cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                             cudaStream_t stream) {
  return launch("cudaLaunchKernel", kernel, grid, block, arguments, shared_bytes, stream);
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  stub::Call call;
  call.function = "cudaFuncSetAttribute";
  call.kernel = stub::kernel_at(kernel);
  call.number = attribute;
  call.bytes = static_cast<std::size_t>(value);
  return stub::answer(call);
}

// A kernel call with <<<>>> goes by way of these three, and of __cudaGetKernel (registration.cpp).
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream) {
  pushed = {grid, block, shared_bytes, stream};
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared_bytes, void* stream) {
  *grid = pushed.grid;
  *block = pushed.block;
  *shared_bytes = pushed.shared_bytes;
  *static_cast<cudaStream_t*>(stream) = pushed.stream;
  return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t handle, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                               cudaStream_t stream) {
  return launch("__cudaLaunchKernel", handle, grid, block, arguments, shared_bytes, stream);
}

// ---- Registration ---------------------------------------------------------------------------------------------------

void __cudaRegisterFunction(void**, const char* host_function, char*, const char* device_name, int, uint3*, uint3*,
                            dim3*, dim3*, int*) {
  stub::add_kernel(host_function, device_name);
}

}  // extern "C"
