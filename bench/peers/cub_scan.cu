// The peer on a GPU: CUB's DeviceScan::InclusiveScanByKey over (decay, value) pairs, V_t = beta V_{t-1} + x_t as an
// associative operator. Rows are [B, C, T], the layout that suits it; V is all it makes, 4 bytes read and 4 written an
// element, and nothing fires. Prints one line of JSON for bench/record.schema.json: cub_scan B T C.
#include <cuda_runtime.h>

#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/iterator/transform_output_iterator.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cub/device/device_scan.cuh>
#include <cub/version.cuh>
#include <cuda/std/functional>
#include <vector>

#include "../support/cuda_timing.h"

namespace {

constexpr int kSamples = 31;
constexpr int kChecked = 4096;
constexpr size_t kBeyondCache = size_t{256} << 20;  // buffers in rotation hold at least this

// What a run of steps does to the state before it: V' = decay V + value.
struct Step {
  float decay, value;
};

struct Compose {
  __host__ __device__ Step operator()(const Step& first, const Step& second) const {
    return {first.decay * second.decay, second.decay * first.value + second.value};
  }
};

// Which row an element belongs to, and its step, made on the fly: no bytes for keys or decays.
struct RowOf {
  int64_t time;
  __host__ __device__ int64_t operator()(int64_t i) const { return i / time; }
};
struct StepOf {
  const float* x;
  const float* beta;
  int64_t time, channels;
  __host__ __device__ Step operator()(int64_t i) const { return {beta[i / time % channels], x[i]}; }
};
struct ValueOf {
  __host__ __device__ float operator()(const Step& step) const { return step.value; }
};

float value_at(int64_t i) {
  return static_cast<float>((static_cast<uint64_t>(i) * 2654435761u) >> 8 & 0xffff) / 65536.0f - 0.25f;
}

struct Buffers {
  float *x = nullptr, *beta = nullptr, *out = nullptr;
};

class Scan {
 public:
  Scan(int64_t batch, int64_t time, int64_t channels)
      : count_(batch * time * channels), time_(time), channels_(channels) {
    std::vector<float> x(static_cast<size_t>(count_)), beta(static_cast<size_t>(channels), 0.9f);
    for (int64_t i = 0; i < count_; ++i) x[static_cast<size_t>(i)] = value_at(i);
    CHECK(cudaMalloc(&buffers_.x, x.size() * sizeof(float)));
    CHECK(cudaMalloc(&buffers_.beta, beta.size() * sizeof(float)));
    CHECK(cudaMalloc(&buffers_.out, x.size() * sizeof(float)));
    CHECK(cudaMemcpy(buffers_.x, x.data(), x.size() * sizeof(float), cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy(buffers_.beta, beta.data(), beta.size() * sizeof(float), cudaMemcpyHostToDevice));
    run(nullptr);  // asks for the size of its workspace
    CHECK(cudaMalloc(&workspace_, workspace_bytes_));
    check(x);
  }

  void run(cudaStream_t stream) {
    const thrust::counting_iterator<int64_t> places(0);
    const auto keys = thrust::make_transform_iterator(places, RowOf{time_});
    const auto steps = thrust::make_transform_iterator(places, StepOf{buffers_.x, buffers_.beta, time_, channels_});
    const auto out = thrust::make_transform_output_iterator(buffers_.out, ValueOf{});
    CHECK(cub::DeviceScan::InclusiveScanByKey(workspace_, workspace_bytes_, keys, steps, out, Compose{}, count_,
                                              cuda::std::equal_to<>{}, stream));
  }

 private:
  // The first steps of the first row against a plain loop.
  void check(const std::vector<float>& x) {
    run(nullptr);
    std::vector<float> out(static_cast<size_t>(std::min<int64_t>(time_, kChecked)));
    CHECK(cudaMemcpy(out.data(), buffers_.out, out.size() * sizeof(float), cudaMemcpyDeviceToHost));
    double v = 0.0;
    for (size_t t = 0; t < out.size(); ++t) {
      v = 0.9 * v + x[t];
      if (std::abs(out[t] - v) > 1e-4) {
        std::fprintf(stderr, "cub_scan: step %zu is %g, not %g\n", t, out[t], v);
        std::exit(1);
      }
    }
  }

  const int64_t count_, time_, channels_;
  Buffers buffers_;
  void* workspace_ = nullptr;
  size_t workspace_bytes_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "cub_scan B T C\n");
    return 2;
  }
  const int64_t batch = std::atoll(argv[1]), time = std::atoll(argv[2]), channels = std::atoll(argv[3]);
  using spikescan::bench::median, spikescan::bench::quantile, spikescan::bench::stream_seconds;
  Scan scan(batch, time, channels);
  cudaStream_t stream;
  CHECK(cudaStreamCreate(&stream));
  void* flushed = nullptr;  // written between samples, so that x is read from memory
  CHECK(cudaMalloc(&flushed, kBeyondCache));
  std::vector<double> samples;
  for (int i = 0; i < kSamples; ++i) {
    CHECK(cudaMemsetAsync(flushed, i, kBeyondCache, stream));
    samples.push_back(stream_seconds(stream, [&] { scan.run(stream); }));
  }
  // The denominator: a copy of the same buffer size, bytes read and written.
  void* copied = nullptr;
  CHECK(cudaMalloc(&copied, kBeyondCache));
  std::vector<double> copies;
  for (int i = 0; i < kSamples; ++i) {
    copies.push_back(stream_seconds(
        stream, [&] { CHECK(cudaMemcpyAsync(copied, flushed, kBeyondCache, cudaMemcpyDeviceToDevice, stream)); }));
  }
  const double copy_speed = 2.0 * static_cast<double>(kBeyondCache) / median(copies);
  std::sort(samples.begin(), samples.end());
  const double middle = quantile(samples, 0.5);
  const double spread = (quantile(samples, 0.9) - quantile(samples, 0.1)) / middle;
  cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0));
  std::printf(
      "{\"median_seconds\": %.6g, \"spread\": %.4g, \"samples\": %d, \"copy_bytes_per_second\": %.6g, "
      "\"device\": \"%s\", \"cub\": \"%d.%d.%d\"}\n",
      middle, spread, kSamples, copy_speed, properties.name, CUB_MAJOR_VERSION, CUB_MINOR_VERSION,
      CUB_SUBMINOR_VERSION);
  return 0;
}
