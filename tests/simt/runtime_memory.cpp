// Device memory: guarded, poisoned, exactly as long as asked for; copies within the allocations they touch (runtime.h).
#include <cstring>
#include <map>
#include <mutex>
#include <new>

#include "simt/guarded.h"
#include "simt/runtime.h"

namespace simt {
namespace {

std::mutex memory_mutex;
std::map<const unsigned char*, GuardedBytes> allocations;  // by their first byte
std::size_t allocated_bytes = 0;

std::string size_in_words(const GuardedBytes& memory) {
  return "an allocation of " + std::to_string(memory.bytes()) + " bytes";
}

// A range that begins in an allocation must end there. One that begins elsewhere is the host's own memory.
cudaError_t check_range(const void* address, std::size_t bytes, const char* what) {
  const std::size_t there = detail::bytes_at(address);
  if (there == kNowhere || bytes <= there) return cudaSuccess;
  return detail::fault(cudaErrorInvalidValue, std::string("simt: ") + what + " of " + std::to_string(bytes) +
                                                  " bytes goes past the end of an allocation, " +
                                                  std::to_string(there) + " bytes away");
}

cudaError_t check_stream(cudaStream_t stream) {
  return detail::stream_exists(stream) ? cudaSuccess : detail::answer(cudaErrorInvalidResourceHandle);
}

template <class Work>
cudaError_t run_or_capture(cudaGraphNodeType type, Work work) {
  if (!detail::capturing()) return work();
  detail::add_node(type, work);
  return cudaSuccess;
}

}  // namespace

namespace detail {

std::size_t bytes_at(const void* address) {
  const auto* byte = static_cast<const unsigned char*>(address);
  const std::lock_guard lock(memory_mutex);
  auto after = allocations.upper_bound(byte);
  if (after == allocations.begin()) return kNowhere;
  const GuardedBytes& memory = std::prev(after)->second;
  const auto place = static_cast<std::size_t>(byte - memory.data());
  return place <= memory.bytes() ? memory.bytes() - place : kNowhere;
}

cudaError_t check_guards() {
  const std::lock_guard lock(memory_mutex);
  for (const auto& [address, memory] : allocations) {
    if (memory.intact()) continue;
    return fault(cudaErrorIllegalAddress, "simt: a kernel wrote to bytes next to " + size_in_words(memory));
  }
  return cudaSuccess;
}

void count_memory(Live& live) {
  const std::lock_guard lock(memory_mutex);
  live.allocations = allocations.size();
  live.bytes = allocated_bytes;
}

}  // namespace detail
}  // namespace simt

using namespace simt;

extern "C" {

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  const Device d = device();
  if (d.count == 0) return detail::answer(cudaErrorNoDevice);
  if (detail::capturing()) return detail::answer(cudaErrorStreamCaptureUnsupported);
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  const std::lock_guard lock(memory_mutex);
  if (bytes > d.memory_bytes - allocated_bytes) return detail::answer(cudaErrorMemoryAllocation);
  try {
    GuardedBytes guarded(bytes);
    *memory = guarded.data();
    allocations.emplace(guarded.data(), std::move(guarded));
  } catch (const std::bad_alloc&) {
    return detail::answer(cudaErrorMemoryAllocation);
  }
  allocated_bytes += bytes;
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  if (device().count == 0) return detail::answer(cudaErrorNoDevice);
  if (detail::capturing()) return detail::answer(cudaErrorStreamCaptureUnsupported);
  if (memory == nullptr) return cudaSuccess;
  const std::lock_guard lock(memory_mutex);
  const auto found = allocations.find(static_cast<unsigned char*>(memory));
  if (found == allocations.end()) {
    return detail::fault(cudaErrorInvalidValue, "simt: cudaFree of memory that is not allocated");
  }
  const bool intact = found->second.intact();
  const std::string words = size_in_words(found->second);
  allocated_bytes -= found->second.bytes();
  allocations.erase(found);
  if (intact) return cudaSuccess;
  return detail::fault(cudaErrorIllegalAddress, "simt: bytes next to " + words + " were overwritten");
}

cudaError_t cudaMemcpyAsync(void* destination, const void* source, std::size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream) {
  if (const cudaError_t error = check_stream(stream); error != cudaSuccess) return error;
  if (const cudaError_t error = check_range(source, bytes, "a copy"); error != cudaSuccess) return error;
  if (const cudaError_t error = check_range(destination, bytes, "a copy"); error != cudaSuccess) return error;
  const auto copy = [=] {
    if (bytes > 0) std::memcpy(destination, source, bytes);
    return cudaSuccess;
  };
  return run_or_capture(cudaGraphNodeTypeMemcpy, copy);
}

cudaError_t cudaMemsetAsync(void* destination, int byte, std::size_t bytes, cudaStream_t stream) {
  if (const cudaError_t error = check_stream(stream); error != cudaSuccess) return error;
  if (const cudaError_t error = check_range(destination, bytes, "a fill"); error != cudaSuccess) return error;
  const auto fill = [=] {
    if (bytes > 0) std::memset(destination, byte, bytes);
    return cudaSuccess;
  };
  return run_or_capture(cudaGraphNodeTypeMemset, fill);
}

}  // extern "C"
