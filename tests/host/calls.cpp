#include "calls.h"

#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace spikescan::test {
namespace {

#if !defined(SPIKESCAN_CALLS_BACKEND)
#define SPIKESCAN_CALLS_BACKEND SPIKESCAN_BACKEND_CPU
#endif

constexpr size_t kAlignment = 256;

spikescan_tensor dense(void* data, const spikescan_description& d, spikescan_dtype dtype = SPIKESCAN_FLOAT32) {
  return {data, dtype, d.time * d.channels, d.channels};
}

spikescan_state dense_state(float* data, const spikescan_description& d) {
  return {data, d.channels};
}

}  // namespace

Arena::Arena() : memory_(kBytes + kAlignment) {
  const size_t past = reinterpret_cast<uintptr_t>(memory_.data()) % kAlignment;
  begin_ = memory_.data() + (past == 0 ? 0 : kAlignment - past);
}

std::byte* Arena::slot(int byte) {
  EXPECT_LT(used_, kSlots);
  std::byte* start = begin_ + kSlot * used_++;
  std::memset(start, byte, kSlot);
  return start;
}

float* Arena::floats(float value) {
  auto* values = reinterpret_cast<float*>(slot(0));
  for (size_t i = 0; i < kSlot / sizeof(float); ++i) values[i] = value;
  return values;
}

void Arena::remember() {
  before_.assign(begin_, begin_ + kBytes);
}

bool Arena::unchanged() const {
  return std::memcmp(before_.data(), begin_, kBytes) == 0;
}

void Arena::restore() {
  std::memcpy(begin_, before_.data(), kBytes);
}

CallCase::CallCase() {
  d = SPIKESCAN_DESCRIPTION_INIT;
  d.backend = SPIKESCAN_CALLS_BACKEND;
  d.recurrence = SPIKESCAN_CUBA_LIF;
  d.batch = 2;
  d.time = 5;
  d.channels = 3;
}

spikescan_sizes CallCase::sizes() const {
  spikescan_sizes sizes = {};
  sizes.struct_size = sizeof sizes;
  EXPECT_EQ(spikescan_query_sizes(&d, &sizes), SPIKESCAN_OK) << spikescan_last_error();
  return sizes;
}

ForwardCase::ForwardCase() : args{} {
  args.struct_size = sizeof args;
  args.x = dense(arena.floats(0.5f), d);
  args.beta = arena.floats(0.9f);
  args.alpha = arena.floats(0.8f);
  for (spikescan_state& state : args.initial_state) state = dense_state(arena.floats(0.25f), d);
  auto* key = reinterpret_cast<spikescan_device_key*>(arena.slot(0));
  key->seed = 3;
  args.device_key = key;
  args.uniforms = dense(arena.floats(0.5f), d);
  args.spikes = dense(arena.slot(kPoison), d, SPIKESCAN_UINT8);
  args.membrane = dense(arena.slot(kPoison), d);
  for (spikescan_state& state : args.final_state) {
    state = dense_state(reinterpret_cast<float*>(arena.slot(kPoison)), d);
  }
  args.saved = arena.slot(kPoison);
  args.saved_bytes = Arena::kSlot;
  args.workspace = arena.slot(kPoison);
  args.workspace_bytes = Arena::kSlot;
  arena.remember();
}

spikescan_status ForwardCase::run() {
  return spikescan_forward(&d, &args, nullptr);
}

BackwardCase::BackwardCase() : args{} {
  args.struct_size = sizeof args;
  args.x = dense(arena.floats(0.5f), d);
  args.beta = arena.floats(0.9f);
  args.alpha = arena.floats(0.8f);
  for (spikescan_state& state : args.initial_state) state = dense_state(arena.floats(0.25f), d);
  args.saved = arena.slot(0);
  args.saved_bytes = Arena::kSlot;
  args.grad_spikes = dense(arena.floats(1.0f), d);
  args.grad_membrane = dense(arena.floats(0.5f), d);
  for (spikescan_state& state : args.grad_final_state) state = dense_state(arena.floats(0.125f), d);
  args.grad_x = dense(arena.slot(kPoison), d);
  args.grad_beta = reinterpret_cast<float*>(arena.slot(kPoison));
  args.grad_alpha = reinterpret_cast<float*>(arena.slot(kPoison));
  for (spikescan_state& state : args.grad_initial_state) {
    state = dense_state(reinterpret_cast<float*>(arena.slot(kPoison)), d);
  }
  args.workspace = arena.slot(kPoison);
  args.workspace_bytes = Arena::kSlot;
  arena.remember();
}

spikescan_status BackwardCase::run() {
  return spikescan_backward(&d, &args, nullptr);
}

std::string text_of(const void* pointer) {
  char text[32];
  std::snprintf(text, sizeof text, "%p", pointer);
  return text;
}

std::string text_of(int64_t number) {
  return std::to_string(number);
}

}  // namespace spikescan::test
