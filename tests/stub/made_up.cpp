#include "stub/made_up.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <sstream>

namespace stub {
namespace {

// Buffer `number`, 2^57 bytes from its neighbours: no problem is larger than 2^56 elements, and those are made up to be
// of 1 byte.
template <class T = void>
T* buffer(std::uintptr_t number) {
  return reinterpret_cast<T*>(number << 57);
}

spikescan_tensor tensor(const spikescan_description& d, std::uintptr_t number, spikescan_dtype dtype, int64_t time) {
  return {buffer(number), dtype, time * d.channels, d.channels};
}

std::size_t argument_bytes(const std::string& kernel) {
  if (kernel.find("forward") != std::string::npos) return sizeof(spikescan::ForwardCall);
  if (kernel.find("backward") != std::string::npos) return sizeof(spikescan::BackwardCall);
  return 0;
}

void fill_forward(const spikescan_description& d, const spikescan_sizes& sizes, spikescan_forward_args& args) {
  const bool two_states = d.recurrence == SPIKESCAN_CUBA_LIF || d.recurrence == SPIKESCAN_PSU_LIF;
  args.struct_size = sizeof args;
  args.x = tensor(d, 1, d.dtype, d.time);
  args.beta = buffer<float>(2);
  if (d.recurrence == SPIKESCAN_CUBA_LIF) args.alpha = buffer<float>(3);
  for (int n = 0; n < (two_states ? 2 : 1); ++n) {
    args.initial_state[n] = {buffer<float>(4 + n), d.channels};
    args.final_state[n] = {buffer<float>(6 + n), d.channels};
  }
  args.spikes = tensor(d, 8, SPIKESCAN_BITS32, (d.time + 31) / 32);
  args.membrane = tensor(d, 9, SPIKESCAN_FLOAT16, d.time);
  args.saved = sizes.saved > 0 ? buffer(10) : nullptr;
  args.saved_bytes = sizes.saved;
  args.workspace = sizes.forward_workspace > 0 ? buffer(11) : nullptr;
  args.workspace_bytes = sizes.forward_workspace;
}

void fill_backward(const spikescan_description& d, const spikescan_sizes& sizes, spikescan_backward_args& args) {
  const bool two_states = d.recurrence == SPIKESCAN_CUBA_LIF || d.recurrence == SPIKESCAN_PSU_LIF;
  args.struct_size = sizeof args;
  args.x = tensor(d, 1, d.dtype, d.time);
  args.beta = buffer<float>(2);
  args.grad_beta = buffer<float>(12);
  if (d.recurrence == SPIKESCAN_CUBA_LIF) {
    args.alpha = buffer<float>(3);
    args.grad_alpha = buffer<float>(13);
  }
  for (int n = 0; n < (two_states ? 2 : 1); ++n) {
    args.initial_state[n] = {buffer<float>(4 + n), d.channels};
    args.grad_final_state[n] = {buffer<float>(14 + n), d.channels};
    args.grad_initial_state[n] = {buffer<float>(16 + n), d.channels};
  }
  args.grad_spikes = tensor(d, 18, SPIKESCAN_FLOAT16, d.time);
  args.grad_membrane = tensor(d, 19, SPIKESCAN_FLOAT16, d.time);
  args.grad_x = tensor(d, 20, d.dtype, d.time);
  args.saved = sizes.saved > 0 ? buffer(10) : nullptr;
  args.saved_bytes = sizes.saved;
  args.workspace = sizes.backward_workspace > 0 ? buffer(11) : nullptr;
  args.workspace_bytes = sizes.backward_workspace;
}

}  // namespace

spikescan_description describe(spikescan_recurrence recurrence, int64_t batch, int64_t time, int64_t channels) {
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.backend = SPIKESCAN_BACKEND_CUDA;
  d.recurrence = recurrence;
  d.batch = batch;
  d.time = time;
  d.channels = channels;
  d.dtype = SPIKESCAN_FLOAT16;
  return d;
}

MadeUp::MadeUp(const spikescan_description& its_description) : description(its_description) {
  sizes.struct_size = sizeof sizes;
  sizes_status = spikescan_query_sizes(&description, &sizes);
  fill_forward(description, sizes, forward);
  fill_backward(description, sizes, backward);
}

std::vector<Call> launches(const std::vector<Call>& calls) {
  std::vector<Call> found;
  for (const Call& call : calls) {
    if (call.function == "cudaLaunchKernel") found.push_back(call);
  }
  return found;
}

template <class Argument>
Argument argument_of(const Call& launch) {
  Argument argument;
  EXPECT_EQ(launch.argument.size(), sizeof argument) << launch.kernel;
  std::memcpy(static_cast<void*>(&argument), launch.argument.data(), sizeof argument);
  return argument;
}
template spikescan::ForwardCall argument_of(const Call&);
template spikescan::BackwardCall argument_of(const Call&);

std::vector<KernelRow> resource_table() {
  std::ifstream file(SPIKESCAN_RESOURCE_TABLE);
  EXPECT_TRUE(file) << SPIKESCAN_RESOURCE_TABLE;
  std::vector<KernelRow> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    KernelRow row;
    words >> row.kernel >> row.registers >> row.threads >> row.local_bytes >> row.shared_bytes;
    EXPECT_TRUE(words) << line;
    rows.push_back(row);
  }
  return rows;
}

void start_afresh() {
  forget_calls();
  plan_failure({});
  set_device(0);
  set_driver_version(CUDART_VERSION);
  set_last_error(cudaSuccess);
  set_argument_bytes(argument_bytes);
}

}  // namespace stub
