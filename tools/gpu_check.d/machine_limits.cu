// Floors and ceilings of this GPU that the kernels' model asks for (docs/cuda.md), as one line of JSON; medians of
// kSamples. Seconds of an empty kernel in a stream and in a replayed graph; bytes a second of reading alone and of 16
// bytes read for one written; 32 x 32 to 64-bit multiplies a second, which the generator is made of; seconds of a
// dependent fused multiply-add in double, a link of the carry's chain; seconds for a word to go from one multiprocessor
// to another.
#include <cstdint>
#include <cstdio>
#include <cuda/atomic>

#include "../../bench/support/cuda_graph.h"

using spikescan::bench::CudaGraph;

constexpr int kSamples = 31;
constexpr int kLaunches = 200;  // between two events, so that their own cost disappears
constexpr size_t kReadBytes = size_t{2} << 30;

__global__ void empty() {}

// Four independent 16-byte loads a thread and step; the sum is stored only if it is a value that the zeroed buffer
// cannot give, so the loads stay and nothing is written.
__global__ void read_all(const uint4* data, size_t count, unsigned* never) {
  const size_t stride = static_cast<size_t>(gridDim.x) * blockDim.x;
  unsigned sum = 0;
  for (size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i + 3 * stride < count; i += 4 * stride) {
    const uint4 a = data[i], b = data[i + stride], c = data[i + 2 * stride], d = data[i + 3 * stride];
    sum += a.x ^ a.y ^ a.z ^ a.w ^ b.x ^ b.y ^ b.z ^ b.w ^ c.x ^ c.y ^ c.z ^ c.w ^ d.x ^ d.y ^ d.z ^ d.w;
  }
  if (sum != 0) *never = sum;
}

// A word written for 16 read.
__global__ void read_sixteen(const uint4* data, size_t count, uint4* out) {
  const size_t stride = static_cast<size_t>(gridDim.x) * blockDim.x;
  const size_t tile = 16 * stride, thread = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (size_t first = 0; first + tile <= count; first += tile) {
    uint4 sum = {};
#pragma unroll
    for (int j = 0; j < 16; ++j) {
      const uint4 one = data[first + j * stride + thread];
      sum.x ^= one.x, sum.y ^= one.y, sum.z ^= one.z, sum.w ^= one.w;
    }
    out[first / 16 + thread] = sum;
  }
}

constexpr int kMultiplies = 4096;  // a thread and chain
constexpr int kChains = 4;

// As Philox multiplies: both halves of the product go on.
__global__ void multiply(unsigned seed, unsigned* never) {
  unsigned x[kChains];
  for (int c = 0; c < kChains; ++c) x[c] = seed + threadIdx.x * kChains + c;
#pragma unroll 16
  for (int i = 0; i < kMultiplies; ++i) {
#pragma unroll
    for (int c = 0; c < kChains; ++c) {
      const uint64_t product = uint64_t{0xD2511F53u} * x[c];
      x[c] = static_cast<unsigned>(product >> 32) ^ static_cast<unsigned>(product);
    }
  }
  if ((x[0] ^ x[1] ^ x[2] ^ x[3]) == 0x12345678u) *never = x[0];
}

constexpr int kLinks = 65536;

__global__ void chain(double factor, double start, double* never) {
  double c = start;
#pragma unroll 32
  for (int i = 0; i < kLinks; ++i) c = fma(factor, c, 1.0);
  if (c == -1.0) *never = c;
}

constexpr int kExchanges = 4096;

// Two blocks, one a multiprocessor, answer each other by relaxed words like the look-back's.
__global__ void exchange(unsigned* words, unsigned first) {
  using Word = cuda::atomic_ref<unsigned, cuda::thread_scope_device>;
  const unsigned mine = blockIdx.x, other = 1 - mine;
  for (unsigned i = first; i < first + kExchanges; ++i) {
    if (mine == 0) Word(words[0]).store(i, cuda::std::memory_order_relaxed);
    while (Word(words[32 * other]).load(cuda::std::memory_order_relaxed) != i) {
    }
    if (mine == 1) Word(words[32]).store(i, cuda::std::memory_order_relaxed);
  }
}

template <class Work>
double median_seconds(cudaStream_t stream, Work work) {
  return spikescan::bench::median_seconds(stream, kSamples, work);
}

int main() {
  cudaStream_t stream;
  CHECK(cudaStreamCreate(&stream));
  const auto launch_all = [&] {
    for (int i = 0; i < kLaunches; ++i) empty<<<1, 32, 0, stream>>>();
    CHECK(cudaGetLastError());
  };
  const double eager = median_seconds(stream, launch_all) / kLaunches;

  const CudaGraph graph(stream, launch_all);
  const double replayed = median_seconds(stream, [&] { graph.replay(stream); }) / kLaunches;

  cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0));
  uint4* data = nullptr;
  unsigned* never = nullptr;
  CHECK(cudaMalloc(&data, kReadBytes));
  CHECK(cudaMalloc(&never, sizeof(unsigned)));
  CHECK(cudaMemset(data, 0, kReadBytes));
  const double read = median_seconds(stream, [&] {
    read_all<<<properties.multiProcessorCount * 8, 256, 0, stream>>>(data, kReadBytes / sizeof(uint4), never);
    CHECK(cudaGetLastError());
  });
  uint4* written = nullptr;
  CHECK(cudaMalloc(&written, kReadBytes / 16));
  const double sixteen = median_seconds(stream, [&] {
    read_sixteen<<<properties.multiProcessorCount * 8, 256, 0, stream>>>(data, kReadBytes / sizeof(uint4), written);
    CHECK(cudaGetLastError());
  });
  constexpr int kBlocks = 8, kThreads = 256;
  const double multiplying = median_seconds(stream, [&] {
    multiply<<<properties.multiProcessorCount * kBlocks, kThreads, 0, stream>>>(1, never);
    CHECK(cudaGetLastError());
  });
  const double multiplies = 1.0 * properties.multiProcessorCount * kBlocks * kThreads * kMultiplies * kChains;
  double* never_double = nullptr;
  CHECK(cudaMalloc(&never_double, sizeof(double)));
  const double chained = median_seconds(stream, [&] {
    chain<<<1, 1, 0, stream>>>(0.999, 1.0, never_double);
    CHECK(cudaGetLastError());
  });
  unsigned* words = nullptr;
  CHECK(cudaMalloc(&words, 64 * sizeof(unsigned)));
  CHECK(cudaMemset(words, 0, 64 * sizeof(unsigned)));
  unsigned first = 1;
  // All the shared memory that a block may have, so that no two are on one multiprocessor.
  const size_t alone = properties.sharedMemPerBlockOptin;
  CHECK(cudaFuncSetAttribute(exchange, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(alone)));
  const double exchanged = median_seconds(stream, [&] {
    exchange<<<2, 1, alone, stream>>>(words, first);
    first += kExchanges;
    CHECK(cudaGetLastError());
  });
  std::printf(
      "{\"empty_kernel_seconds\": %.4g, \"empty_kernel_in_graph_seconds\": %.4g, "
      "\"read_bytes_per_second\": %.6g, \"read_16_write_1_bytes_per_second\": %.6g, "
      "\"wide_multiplies_per_second\": %.6g, \"dependent_double_fma_seconds\": %.4g, "
      "\"word_between_processors_seconds\": %.4g}\n",
      eager, replayed, static_cast<double>(kReadBytes) / read, static_cast<double>(kReadBytes) * 17 / 16 / sixteen,
      multiplies / multiplying, chained / kLinks, exchanged / kExchanges / 2);
  return 0;
}
