// A CUDA runtime for the SIMT harness: one device whose memory is host memory. Every allocation is exactly as long as
// asked for, guarded and poisoned; copies and launches are over when they return, or wait in a captured graph for its
// replays; events read the steady clock.
// What a device would find out later, or never, is an error of the call at hand, with a sentence on stderr.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <string>

namespace simt {

// The device that kernels' hosts ask about. The figures of a small H100, but for the processors.
struct Device {
  int count = 1;  // 0: every call that needs a device gives cudaErrorNoDevice
  int processors = 4;
  int compute_major = 9, compute_minor = 0;
  int threads_of_processor = 2048;
  std::size_t shared_bytes_of_processor = 228 * 1024;
  std::size_t shared_bytes_of_block = 227 * 1024;  // after cudaFuncSetAttribute; before it 48 KiB
  std::size_t memory_bytes = std::size_t{1} << 32;
  std::size_t l2_bytes = std::size_t{50} << 20;
  int runtime_version = CUDART_VERSION;
  int driver_version = CUDART_VERSION;
};

Device device();
void set_device(const Device& device);

class ScopedDevice {
 public:
  explicit ScopedDevice(const Device& replacement) : saved_(device()) { set_device(replacement); }
  ~ScopedDevice() { set_device(saved_); }
  ScopedDevice(const ScopedDevice&) = delete;
  ScopedDevice& operator=(const ScopedDevice&) = delete;

 private:
  Device saved_;
};

// What exists now: a test that ends with what it began with leaks nothing.
struct Live {
  std::size_t allocations = 0, bytes = 0, streams = 0, events = 0;
  bool operator==(const Live&) const = default;
};
Live live();

// The sentence of the calling thread's latest fault, "" where there was none since the last call of this function.
std::string take_fault();

namespace detail {

// Makes `error` the calling thread's last error, as every call of the runtime does, and gives it back.
cudaError_t answer(cudaError_t error);
// The same for a misuse that deserves a sentence.
cudaError_t fault(cudaError_t error, const std::string& sentence);
// The size of the allocation at `address` from there on; kNowhere (guarded.h) outside of all allocations.
std::size_t bytes_at(const void* address);
// What a launch must have before it starts: a device, and an attribute where shared memory exceeds 48 KiB.
cudaError_t check_launch(const void* kernel, std::size_t shared_bytes);
// Guards of all allocations, after a launch.
cudaError_t check_guards();
bool stream_exists(cudaStream_t stream);
// While the calling thread captures a stream, work becomes a node of the graph and is run by its replays.
bool capturing();
void add_node(cudaGraphNodeType type, std::function<cudaError_t()> work);
void count_memory(Live& live);

}  // namespace detail
}  // namespace simt
