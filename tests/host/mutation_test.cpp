// Thousands of mutated calls, the same ones every time: no crash, a refused call changes no byte, and what is accepted
// or refused for sharing memory is what listing the bytes says. With the recording CUDA backend every call is made;
// the CPU runs those whose arguments lie in the arena. A failure prints its seed.
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/backend.h"
#include "mutate.h"
#include "oracle.h"

namespace spikescan::test {
namespace {

constexpr int64_t kMostWork = 20000;  // elements that the CPU may be made to compute

bool records_only() {
  return cuda_backend() != nullptr;
}

// Steps, rows and channels that a backend may walk over, sizes of zero counted as one.
bool is_small(const spikescan_description& d) {
  __extension__ typedef __int128 Wide;
  const auto count = [](int64_t n) { return Wide{n < 1 ? 1 : n}; };
  return count(d.batch) * count(d.time) * count(d.channels) <= kMostWork;
}

bool lies_in(Arena& arena, const Argument& argument) {
  const auto begin = reinterpret_cast<uintptr_t>(arena.begin());
  if (argument.first < begin || argument.strides[0] < 0 || argument.strides[1] < 0) return false;
  return argument.first - begin + argument.bytes() <= Argument::Wide{Arena::kBytes};
}

// Whether the call may be made although it could be accepted.
template <class Case>
bool may_run(Case& call) {
  if (records_only()) return true;
  if (!is_small(call.d)) return false;
  for (const Argument& argument : arguments_of(call.d, call.args)) {
    if (!lies_in(call.arena, argument)) return false;
  }
  return true;
}

struct Counts {
  int accepted = 0, refused = 0, refused_for_sharing = 0, left_out = 0;
};

// What an accepted call's description and struct sizes promise.
template <class Case>
void check_accepted(const Case& call) {
  EXPECT_GE(call.d.struct_size, sizeof call.d);
  EXPECT_GE(call.args.struct_size, sizeof call.args);
  const std::vector<Argument> arguments = arguments_of(call.d, call.args);
  for (const Argument& argument : arguments) {
    EXPECT_GE(argument.strides[0], 0);
    EXPECT_GE(argument.strides[1], 0);
    EXPECT_LE(argument.bytes() - 1, Argument::Wide{UINTPTR_MAX} - argument.first);
  }
  EXPECT_NE(outputs_share(arguments), Verdict::kShares) << "accepted";
}

template <class Case>
void check_refused(const Case& call, spikescan_status status, Counts& counts) {
  EXPECT_TRUE(status == SPIKESCAN_INVALID_ARGUMENT || status == SPIKESCAN_UNSUPPORTED ||
              status == SPIKESCAN_WORKSPACE_TOO_SMALL || status == SPIKESCAN_BACKEND_UNAVAILABLE)
      << spikescan_status_name(status);
  EXPECT_TRUE(call.arena.unchanged()) << "refused, and yet it wrote";
  const std::string sentence = spikescan_last_error();
  EXPECT_GT(sentence.size(), 10u);
  if (sentence.find("share memory") == std::string::npos) return;
  ++counts.refused_for_sharing;
  EXPECT_NE(outputs_share(arguments_of(call.d, call.args)), Verdict::kApart) << sentence;
}

// query_sizes and the passes hold a description to the same rules.
void check_sizes(const spikescan_description& d, spikescan_status of_pass) {
  spikescan_sizes sizes = {sizeof sizes, 1, 2, 3};
  const spikescan_status status = spikescan_query_sizes(&d, &sizes);
  if (of_pass == SPIKESCAN_OK) {
    EXPECT_EQ(status, SPIKESCAN_OK) << spikescan_last_error();
  }
  if (status != SPIKESCAN_OK) {
    EXPECT_EQ(sizes.saved, 3u);
  }
}

template <class Case>
void throw_mutations(uint32_t first_seed, int calls, Counts& counts) {
  Case call;
  // Nothing here may run on the CPU when the recording backend is under test, or the other way round.
  call.d.backend = records_only() ? SPIKESCAN_BACKEND_CUDA : SPIKESCAN_BACKEND_CPU;
  const spikescan_description good_description = call.d;
  const auto good_args = call.args;
  for (int i = 0; i < calls; ++i) {
    const uint32_t seed = first_seed + static_cast<uint32_t>(i);
    call.d = good_description;
    call.args = good_args;
    Mutator mutator(seed);
    const int changes = 1 + static_cast<int>(seed % 3);
    for (int k = 0; k < changes; ++k) mutator.change(call);
    if (!may_run(call)) {
      ++counts.left_out;
      continue;
    }
    const spikescan_status status = call.run();
    if (status == SPIKESCAN_OK) {
      ++counts.accepted;
      call.arena.restore();
      check_accepted(call);
    } else {
      ++counts.refused;
      check_refused(call, status, counts);
    }
    check_sizes(call.d, status);
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << ", " << changes << " changes";
  }
}

void expect_a_fair_share(const Counts& counts, int calls) {
  EXPECT_GT(counts.accepted, calls / 20);
  EXPECT_GT(counts.refused, calls / 20);
  EXPECT_GT(counts.refused_for_sharing, calls / 200);
  if (records_only()) {
    EXPECT_EQ(counts.left_out, 0);
  }
}

// The CPU really computes what it accepts.
int call_count() {
  return records_only() ? 30000 : 5000;
}

TEST(Mutation, ForwardNeverCrashesNorWritesWhenItRefuses) {
  Counts counts;
  throw_mutations<ForwardCase>(1000000, call_count(), counts);
  expect_a_fair_share(counts, call_count());
}

TEST(Mutation, BackwardNeverCrashesNorWritesWhenItRefuses) {
  Counts counts;
  throw_mutations<BackwardCase>(2000000, call_count(), counts);
  expect_a_fair_share(counts, call_count());
}

// The oracle itself: what it must see.
TEST(Mutation, TheOracleSeesSharedBytes) {
  ForwardCase call;
  EXPECT_EQ(outputs_share(arguments_of(call.d, call.args)), Verdict::kApart);
  call.args.final_state[0].data = reinterpret_cast<float*>(static_cast<std::byte*>(call.args.x.data) + 116);
  EXPECT_EQ(outputs_share(arguments_of(call.d, call.args)), Verdict::kShares) << "x has 120 bytes";
  call.args.final_state[0].data += 1;
  EXPECT_EQ(outputs_share(arguments_of(call.d, call.args)), Verdict::kApart);
  call.args.spikes.stride_time = 2;
  EXPECT_EQ(outputs_share(arguments_of(call.d, call.args)), Verdict::kShares);
}

}  // namespace
}  // namespace spikescan::test
