// One fault for each of compute-sanitizer's tools: `planted_fault memcheck|racecheck|initcheck|synccheck`.
// A tool that does not report its own proves nothing about the library.
#include <cstdio>
#include <cstring>

__global__ void write_past_the_end(int* data, int count) {
  data[count + threadIdx.x] = 1;
}

__global__ void read_without_barrier(int* out) {
  __shared__ int values[64];
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  out[threadIdx.x] = values[63 - threadIdx.x];  // the other warp's, with no __syncthreads between
}

__global__ void read_unwritten(const int* data, int* out) {
  out[threadIdx.x] = data[threadIdx.x] + 1;
}

__global__ void barrier_in_a_branch(int* out) {
  if (threadIdx.x % 2 == 0) __syncthreads();
  out[threadIdx.x] = 1;
}

int main(int argc, char** argv) {
  constexpr int kThreads = 64;
  int* data = nullptr;
  int* out = nullptr;
  if (argc != 2 || cudaMalloc(&data, kThreads * sizeof(int)) != cudaSuccess ||
      cudaMalloc(&out, kThreads * sizeof(int)) != cudaSuccess) {
    std::fprintf(stderr, "usage: planted_fault TOOL, on a machine with a GPU\n");
    return 2;
  }
  const char* tool = argv[1];
  if (std::strcmp(tool, "memcheck") == 0) {
    write_past_the_end<<<1, kThreads>>>(data, kThreads);
  } else if (std::strcmp(tool, "racecheck") == 0) {
    read_without_barrier<<<1, kThreads>>>(out);
  } else if (std::strcmp(tool, "initcheck") == 0) {
    read_unwritten<<<1, kThreads>>>(data, out);
  } else if (std::strcmp(tool, "synccheck") == 0) {
    barrier_in_a_branch<<<1, kThreads>>>(out);
  } else {
    std::fprintf(stderr, "unknown tool '%s'\n", tool);
    return 2;
  }
  cudaDeviceSynchronize();
  return 0;
}
