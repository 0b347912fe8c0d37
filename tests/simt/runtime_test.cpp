// The harness's CUDA runtime does what a device's would, and sees what a device's would not.
#include "simt/runtime.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "simt/try_launch.h"

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

namespace simt {
namespace {

__global__ void add_one(float* values, int first, int count) {
  for (int place = first + static_cast<int>(threadIdx.x); place < first + count;
       place += static_cast<int>(blockDim.x)) {
    values[place] += 1;
  }
}

__global__ void diverge() {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

__global__ void touch_shared(unsigned last) {
  dynamic_shared()[last] = 1;
}

struct DeviceFloats {
  explicit DeviceFloats(std::size_t count) {
    EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&data), count * sizeof(float)), cudaSuccess);
  }
  ~DeviceFloats() { cudaFree(data); }
  float* data = nullptr;
};

TEST(Runtime, MemoryIsAlignedPoisonedAndCounted) {
  const Live before = live();
  {
    const DeviceFloats x(100);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(x.data) % 256, 0u);
    EXPECT_TRUE(std::isnan(x.data[0]) && std::isnan(x.data[99]));
    EXPECT_EQ(live().allocations, before.allocations + 1);
    EXPECT_EQ(live().bytes, before.bytes + 400);
  }
  EXPECT_EQ(live(), before);
  void* nothing = &nothing;
  EXPECT_EQ(cudaMalloc(&nothing, 0), cudaSuccess);
  EXPECT_EQ(nothing, nullptr);
  EXPECT_EQ(cudaFree(nullptr), cudaSuccess);
}

TEST(Runtime, CopiesLaunchesAndFillsFollowEachOther) {
  const DeviceFloats x(100);
  std::vector<float> host(100, 1);
  EXPECT_EQ(cudaMemcpyAsync(x.data, host.data(), 400, cudaMemcpyDefault, nullptr), cudaSuccess);
  EXPECT_EQ(try_launch(1, 32, 0, add_one, x.data, 0, 100), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(x.data, 0, 4, nullptr), cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(host.data(), x.data, 400, cudaMemcpyDefault, nullptr), cudaSuccess);
  EXPECT_EQ(host[0], 0);
  EXPECT_EQ(host[99], 2);
}

TEST(Runtime, OutOfMemory) {
  Device small = device();
  small.memory_bytes = live().bytes + 1000;
  const ScopedDevice scope(small);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 1001), cudaErrorMemoryAllocation);
  EXPECT_EQ(memory, nullptr);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaMalloc(&memory, 1000), cudaSuccess);
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
}

TEST(Runtime, CopiesAndFillsPastAnAllocation) {
  const DeviceFloats x(10);
  std::vector<float> host(20);
  EXPECT_EQ(cudaMemcpyAsync(x.data, host.data(), 44, cudaMemcpyDefault, nullptr), cudaErrorInvalidValue);
  EXPECT_NE(take_fault().find("a copy of 44 bytes"), std::string::npos);
  EXPECT_EQ(cudaMemcpyAsync(host.data(), x.data + 5, 24, cudaMemcpyDefault, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(x.data + 9, 0, 5, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(x.data + 9, 0, 4, nullptr), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(x.data + 10, 0, 0, nullptr), cudaSuccess);
}

TEST(Runtime, FreeOfWhatIsNotAllocated) {
  float host = 0;
  EXPECT_EQ(cudaFree(&host), cudaErrorInvalidValue);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 8), cudaSuccess);
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
  EXPECT_EQ(cudaFree(memory), cudaErrorInvalidValue);
}

TEST(Runtime, AStrayWriteIsAnErrorOfItsLaunchAndOfTheFree) {
  float* x = nullptr;
  ASSERT_EQ(cudaMalloc(reinterpret_cast<void**>(&x), 40), cudaSuccess);
  if (kAddressSanitizer) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(try_launch(1, 1, 0, add_one, x, 0, 11), "AddressSanitizer.*poison");
    EXPECT_EQ(cudaFree(x), cudaSuccess);
    return;
  }
  EXPECT_EQ(try_launch(1, 1, 0, add_one, x, 0, 10), cudaSuccess);
  x[10] = 1;  // the guard was NaN, to which one can be added in vain
  EXPECT_EQ(try_launch(1, 1, 0, add_one, x, 0, 1), cudaErrorIllegalAddress);
  EXPECT_NE(take_fault().find("an allocation of 40 bytes"), std::string::npos);
  EXPECT_EQ(cudaFree(x), cudaErrorIllegalAddress);
}

TEST(Runtime, AFaultIsAnErrorOfItsLaunch) {
  EXPECT_EQ(try_launch(2, 64, 0, diverge), cudaErrorLaunchFailure);
  EXPECT_NE(take_fault().find("runtime_test.cpp:"), std::string::npos);
  EXPECT_EQ(take_fault(), "");
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(try_launch(2, 1025, 0, diverge), cudaErrorInvalidConfiguration);
}

TEST(Runtime, MoreThan48KiBOfSharedMemoryHaveToBeAskedFor) {
  EXPECT_EQ(try_launch(1, 1, 48 * 1024, touch_shared, 48 * 1024 - 1), cudaSuccess);
  EXPECT_EQ(try_launch(1, 1, 48 * 1024 + 1, touch_shared, 48 * 1024), cudaErrorInvalidValue);
  const auto* kernel = reinterpret_cast<const void*>(&touch_shared);
  constexpr auto kSharedBytes = cudaFuncAttributeMaxDynamicSharedMemorySize;
  EXPECT_EQ(cudaFuncSetAttribute(kernel, kSharedBytes, 227 * 1024 + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(kernel, kSharedBytes, 100 * 1024), cudaSuccess);
  EXPECT_EQ(try_launch(1, 1, 48 * 1024 + 1, touch_shared, 48 * 1024), cudaSuccess);
}

TEST(Runtime, TheDeviceIsWhatATestSays) {
  int processors = 0, limit = 0, count = 0, number = -1;
  Device large = device();
  large.processors = 132;
  const ScopedDevice scope(large);
  EXPECT_EQ(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
  EXPECT_EQ(processors, 132);
  EXPECT_EQ(cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), cudaSuccess);
  EXPECT_EQ(limit, 227 * 1024);
  EXPECT_EQ(cudaDeviceGetAttribute(&limit, cudaDevAttrTccDriver, 0), cudaErrorNotSupported);
  EXPECT_EQ(cudaDeviceGetAttribute(&limit, cudaDevAttrMultiProcessorCount, 1), cudaErrorInvalidDevice);
  cudaDeviceProp properties;
  EXPECT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  EXPECT_EQ(properties.multiProcessorCount, 132);
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(cudaGetDevice(&number), cudaSuccess);
  EXPECT_EQ(number, 0);
  EXPECT_EQ(cudaSetDevice(1), cudaErrorInvalidDevice);
}

TEST(Runtime, AMachineWithoutADevice) {
  Device none = device();
  none.count = 0;
  const ScopedDevice scope(none);
  int count = -1;
  void* memory = nullptr;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  EXPECT_EQ(count, 0);
  EXPECT_EQ(cudaMalloc(&memory, 8), cudaErrorNoDevice);
  EXPECT_EQ(try_launch(1, 1, 0, touch_shared, 0u), cudaErrorNoDevice);
  EXPECT_STREQ(cudaGetErrorName(cudaGetLastError()), "cudaErrorNoDevice");
}

TEST(Runtime, StreamsAndEvents) {
  const Live before = live();
  cudaStream_t stream = nullptr;
  cudaEvent_t start = nullptr, stop = nullptr;
  float milliseconds = -1;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&start), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&stop, cudaEventDefault), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, stop), cudaErrorInvalidResourceHandle);  // not recorded yet
  EXPECT_EQ(cudaEventRecord(start, stream), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(stop, stream), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(stop), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, stop), cudaSuccess);
  EXPECT_GE(milliseconds, 0);
  EXPECT_EQ(cudaEventDestroy(start), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(stop), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(live(), before);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventDestroy(stop), cudaErrorInvalidResourceHandle);
  float value = 0;
  EXPECT_EQ(cudaMemsetAsync(&value, 0, 4, stream), cudaErrorInvalidResourceHandle);
}

TEST(Runtime, WorkOfACaptureRunsInItsReplays) {
  const Live before = live();
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  int source = 1, destination = 0;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  EXPECT_EQ(cudaStreamIsCapturing(stream, &status), cudaSuccess);
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  EXPECT_EQ(cudaMemcpyAsync(&destination, &source, sizeof source, cudaMemcpyDefault, stream), cudaSuccess);
  EXPECT_EQ(try_launch(1, 1, 1, touch_shared, 0u), cudaSuccess);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(destination, 0);
  std::size_t count = 2;
  cudaGraphNode_t nodes[2];
  ASSERT_EQ(cudaGraphGetNodes(graph, nodes, &count), cudaSuccess);
  ASSERT_EQ(count, 2u);
  cudaGraphNodeType type = cudaGraphNodeTypeEmpty;
  EXPECT_EQ(cudaGraphNodeGetType(nodes[1], &type), cudaSuccess);
  EXPECT_EQ(type, cudaGraphNodeTypeKernel);
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  for (source = 2; source < 4; ++source) {
    EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
    EXPECT_EQ(destination, source);
  }
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(live(), before);
}

TEST(Runtime, ACaptureRefusesWhatWaitsOrAllocates) {
  cudaStream_t stream = nullptr, other = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  EXPECT_EQ(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal), cudaErrorStreamCaptureUnsupported);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  void* memory = nullptr;
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 8), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(other, &graph), cudaErrorIllegalState);
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalState);
}

}  // namespace
}  // namespace simt
