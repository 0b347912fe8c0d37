// Floors and ceilings of this GPU, as one line of JSON: seconds of an empty kernel one after another in a stream and in
// a replayed graph, and bytes a second of a kernel that only reads. Medians of kSamples.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                       \
  do {                                                                    \
    const cudaError_t error = (call);                                     \
    if (error != cudaSuccess) {                                           \
      std::fprintf(stderr, "%s: %s\n", #call, cudaGetErrorString(error)); \
      std::exit(1);                                                       \
    }                                                                     \
  } while (false)

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

template <class Work>
double median_seconds(cudaStream_t stream, Work work) {
  cudaEvent_t start, stop;
  CHECK(cudaEventCreate(&start));
  CHECK(cudaEventCreate(&stop));
  std::vector<double> samples;
  work();
  for (int i = 0; i < kSamples; ++i) {
    CHECK(cudaEventRecord(start, stream));
    work();
    CHECK(cudaEventRecord(stop, stream));
    CHECK(cudaEventSynchronize(stop));
    float milliseconds = 0.0f;
    CHECK(cudaEventElapsedTime(&milliseconds, start, stop));
    samples.push_back(milliseconds * 1e-3);
  }
  CHECK(cudaEventDestroy(start));
  CHECK(cudaEventDestroy(stop));
  std::nth_element(samples.begin(), samples.begin() + kSamples / 2, samples.end());
  return samples[kSamples / 2];
}

int main() {
  cudaStream_t stream;
  CHECK(cudaStreamCreate(&stream));
  const auto launch_all = [&] {
    for (int i = 0; i < kLaunches; ++i) empty<<<1, 32, 0, stream>>>();
    CHECK(cudaGetLastError());
  };
  const double eager = median_seconds(stream, launch_all) / kLaunches;

  cudaGraph_t graph;
  cudaGraphExec_t replay;
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  launch_all();
  CHECK(cudaStreamEndCapture(stream, &graph));
  CHECK(cudaGraphInstantiate(&replay, graph, 0));
  const double replayed = median_seconds(stream, [&] { CHECK(cudaGraphLaunch(replay, stream)); }) / kLaunches;

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
  std::printf(
      "{\"empty_kernel_seconds\": %.4g, \"empty_kernel_in_graph_seconds\": %.4g, "
      "\"read_bytes_per_second\": %.6g}\n",
      eager, replayed, static_cast<double>(kReadBytes) / read);
  return 0;
}
