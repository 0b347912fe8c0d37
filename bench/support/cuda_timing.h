// Seconds that work takes on a CUDA stream, for the programs that call the CUDA runtime themselves. A failed call ends
// the program with CUDA's own sentence.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "samples.h"

#define CHECK(call)                                                       \
  do {                                                                    \
    const cudaError_t error = (call);                                     \
    if (error != cudaSuccess) {                                           \
      std::fprintf(stderr, "%s: %s\n", #call, cudaGetErrorString(error)); \
      std::exit(1);                                                       \
    }                                                                     \
  } while (false)

namespace spikescan::bench {

template <class Work>
double stream_seconds(cudaStream_t stream, Work work) {
  cudaEvent_t start, stop;
  CHECK(cudaEventCreate(&start));
  CHECK(cudaEventCreate(&stop));
  CHECK(cudaEventRecord(start, stream));
  work();
  CHECK(cudaEventRecord(stop, stream));
  CHECK(cudaEventSynchronize(stop));
  float milliseconds = 0.0f;
  CHECK(cudaEventElapsedTime(&milliseconds, start, stop));
  CHECK(cudaEventDestroy(start));
  CHECK(cudaEventDestroy(stop));
  return milliseconds * 1e-3;
}

// The first run, which pays for code loading, is not counted.
template <class Work>
double median_seconds(cudaStream_t stream, int samples, Work work) {
  work();
  std::vector<double> seconds;
  for (int i = 0; i < samples; ++i) seconds.push_back(stream_seconds(stream, work));
  return median(seconds);
}

}  // namespace spikescan::bench
