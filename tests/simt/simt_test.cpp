// Correct kernels give the right result in the harness, whatever the schedule; and what each intrinsic answers.
#include "simt/simt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "simt/sample_kernels.h"

namespace simt {
namespace {

using namespace sample;

std::vector<int> counting(std::size_t count) {
  std::vector<int> values(count);
  std::iota(values.begin(), values.end(), 1);
  return values;
}

TEST(Simt, BlockReductionInSharedMemory) {
  constexpr unsigned kTiles = 37;  // more blocks than residents, and no multiple of them
  const std::vector<int> x = counting(kTiles * kTile);
  Guarded<int> sums(kTiles);
  launch({kTiles, kTile, kTile * sizeof(int)}, sum_tiles<Barriers::all>, x.data(), sums.data());
  EXPECT_EQ(sums.problem(), "");
  for (unsigned tile = 0; tile < kTiles; ++tile) {
    EXPECT_EQ(sums[tile], std::accumulate(x.begin() + tile * kTile, x.begin() + (tile + 1) * kTile, 0)) << tile;
  }
}

TEST(Simt, WarpScanByShuffles) {
  const std::vector<int> x = counting(3 * 96);
  Guarded<int> y(x.size());
  launch({3, 96}, scan_warps, x.data(), y.data());
  int expected = 0;
  for (std::size_t place = 0; place < x.size(); ++place) {
    expected = place % 32 == 0 ? x[place] : expected + x[place];
    ASSERT_EQ(y[place], expected) << place;
  }
}

// One to seven resident blocks: fewer than, as many as and more than this machine has cores.
TEST(Simt, LookBackGivesTheSameBitsUnderEverySchedule) {
  constexpr unsigned kTiles = 50;
  std::vector<float> x(kTiles * kTile);
  for (std::size_t place = 0; place < x.size(); ++place) x[place] = 0.1f * static_cast<float>(place % 17);
  std::vector<float> expected(kTiles);
  float carry = 0;
  for (unsigned tile = 0; tile < kTiles; ++tile) {
    float aggregate = 0;
    for (unsigned place = 0; place < kTile; ++place) aggregate += x[tile * kTile + place];
    expected[tile] = carry = 0.5f * carry + aggregate;
  }
  for (int seed = 1; seed <= 20; ++seed) {
    Options options;
    options.seed = static_cast<std::uint64_t>(seed);
    options.resident_blocks = 1 + seed % 7;
    options.shuffle_blocks = seed % 2 == 0;
    const ScopedOptions scope(options);
    Guarded<float> y(kTiles), aggregates(kTiles), carries(kTiles);
    std::vector<unsigned> status(kTiles), ticket(1);
    launch({kTiles, kTile, kTile * sizeof(float)}, chained_scan<Publish::release, TileOrder::ticket>, x.data(),
           y.data(), Chain{aggregates.data(), carries.data(), status.data(), ticket.data()});
    EXPECT_EQ(std::vector<float>(y.begin(), y.end()), expected) << "seed " << seed;
    EXPECT_EQ(carries.problem(), "");
  }
}

__global__ void record_indices(uint3* seen, dim3* shapes) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned place = block * blockDim.x * blockDim.y * blockDim.z + thread;
  seen[2 * place] = blockIdx;
  seen[2 * place + 1] = threadIdx;
  shapes[place] = gridDim;
}

TEST(Simt, IndicesCountAlongXFirst) {
  const dim3 grid(3, 2, 2), block(5, 3, 2);
  Guarded<uint3> seen(2 * 12 * 30);
  Guarded<dim3> shapes(12 * 30);
  launch({grid, block}, record_indices, seen.data(), shapes.data());
  EXPECT_EQ(seen.problem(), "");
  for (unsigned place = 0; place < 12 * 30; ++place) {
    const unsigned b = place / 30, t = place % 30;
    EXPECT_EQ(std::make_tuple(seen[2 * place].x, seen[2 * place].y, seen[2 * place].z),
              std::make_tuple(b % 3, b / 3 % 2, b / 6));
    EXPECT_EQ(std::make_tuple(seen[2 * place + 1].x, seen[2 * place + 1].y, seen[2 * place + 1].z),
              std::make_tuple(t % 5, t / 5 % 3, t / 15));
    EXPECT_EQ(shapes[place].y, 2u);
  }
}

struct Shuffles {
  int direct[40], up[40], down[40], swapped[40], far_up[40];
  float real[40];
  double wide[40];
};

__global__ void shuffle_all(Shuffles* out) {
  const unsigned thread = threadIdx.x;
  const int lane = static_cast<int>(thread % 32);
  const unsigned mask = thread < 32 ? 0xffffffffu : 0xffu;  // the second warp has eight lanes
  out->direct[thread] = __shfl_sync(mask, lane, lane + 1, 8);
  out->up[thread] = __shfl_up_sync(mask, lane, 3, 8);
  out->down[thread] = __shfl_down_sync(mask, lane, 3, 8);
  out->swapped[thread] = __shfl_xor_sync(mask, lane, 5, 8);
  out->far_up[thread] = __shfl_up_sync(mask, lane, 40);
  out->real[thread] = __shfl_xor_sync(mask, 0.5f * static_cast<float>(lane), 1);
  out->wide[thread] = __shfl_xor_sync(mask, 0.25 * lane, 2);
}

TEST(Simt, ShufflesFollowCudasRules) {
  Guarded<Shuffles> out(1);
  launch({1, 40}, shuffle_all, out.data());
  for (int thread = 0; thread < 40; ++thread) {
    const int lane = thread % 32, first = lane / 8 * 8;
    EXPECT_EQ(out[0].direct[thread], first + (lane + 1) % 8);
    EXPECT_EQ(out[0].up[thread], lane - 3 >= first ? lane - 3 : lane);
    EXPECT_EQ(out[0].down[thread], lane + 3 <= first + 7 ? lane + 3 : lane);
    EXPECT_EQ(out[0].swapped[thread], lane ^ 5);
    EXPECT_EQ(out[0].far_up[thread], lane);
    EXPECT_EQ(out[0].real[thread], 0.5f * static_cast<float>(lane ^ 1));
    EXPECT_EQ(out[0].wide[thread], 0.25 * (lane ^ 2));
  }
}

__global__ void vote(unsigned* ballots, int* any_or_all, int* counts) {
  const unsigned thread = threadIdx.x;
  const unsigned half = thread % 32 < 16 ? 0x0000ffffu : 0xffff0000u;  // two mailboxes of one warp at a time
  ballots[thread] = __ballot_sync(half, thread % 3 == 0);
  any_or_all[thread] = 2 * __any_sync(half, thread == 3) + __all_sync(half, thread >= 16);
  counts[3 * thread] = __syncthreads_count(thread % 2 == 0);
  counts[3 * thread + 1] = __syncthreads_or(thread == 63);
  counts[3 * thread + 2] = __syncthreads_and(thread != 63);
}

TEST(Simt, VotesCountTheirOwnMask) {
  Guarded<unsigned> ballots(64);
  Guarded<int> any_or_all(64), counts(3 * 64);
  launch({1, 64}, vote, ballots.data(), any_or_all.data(), counts.data());
  for (unsigned thread = 0; thread < 64; ++thread) {
    unsigned expected = 0;
    for (unsigned lane = 0; lane < 32; ++lane) {
      if (lane / 16 == thread % 32 / 16 && (thread / 32 * 32 + lane) % 3 == 0) expected |= 1u << lane;
    }
    EXPECT_EQ(ballots[thread], expected);
    EXPECT_EQ(any_or_all[thread], 2 * (thread < 16) + (thread >= 16));
    EXPECT_EQ(counts[3 * thread], 32);
    EXPECT_EQ(counts[3 * thread + 1], 1);
    EXPECT_EQ(counts[3 * thread + 2], 0);
  }
}

__global__ void leave_warp_early(int* sums) {
  if (threadIdx.x >= 20) return;
  sums[threadIdx.x] = __popc(__ballot_sync(0xffffffffu, 1));
}

TEST(Simt, ALaneThatHasReturnedIsNotWaitedFor) {
  Guarded<int> sums(20);
  launch({1, 32}, leave_warp_early, sums.data());
  for (int sum : sums) EXPECT_EQ(sum, 20);
}

__global__ void read_poison(float* dynamic_values, float* static_values) {
  float& value = static_shared<float>([] {});
  dynamic_values[blockIdx.x] = *reinterpret_cast<float*>(dynamic_shared());
  static_values[blockIdx.x] = value;
  *reinterpret_cast<float*>(dynamic_shared()) = value = 1;  // the next block on this thread must not find it
}

TEST(Simt, EveryBlockStartsWithPoisonedSharedMemory) {
  Guarded<float> dynamic_values(9), static_values(9);
  Options options;
  options.resident_blocks = 2;
  const ScopedOptions scope(options);
  launch({9, 1, sizeof(float)}, read_poison, dynamic_values.data(), static_values.data());
  for (unsigned block = 0; block < 9; ++block) {
    EXPECT_TRUE(std::isnan(dynamic_values[block]));
    EXPECT_TRUE(std::isnan(static_values[block]));
  }
}

__global__ void qualified_names(int* out, const int* __restrict__ in) {
  __shared__ int mail;
  if (threadIdx.x == 0) mail = __ldg(in);
  __syncthreads();
  out[threadIdx.x] = mail;
}

__global__ void __launch_bounds__(64) bounded(long long wide, float real, double* out) {
  *out = wide + real;
}

TEST(Simt, QualifiersAndArgumentConversions) {
  const int in = 7;
  Guarded<int> out(33);
  launch({1, 33}, qualified_names, out.data(), &in);
  for (int value : out) EXPECT_EQ(value, 7);
  double sum = 0;
  launch({1, 1}, bounded, 3, 0.25, &sum);  // int to long long, double to float
  EXPECT_EQ(sum, 3.25);
}

__global__ void count_visits(unsigned char* visits) {
  ++visits[blockIdx.x + gridDim.x * blockIdx.y];
}

__global__ void first_block(unsigned* order, unsigned* counter) {
  const cuda::atomic_ref<unsigned, cuda::thread_scope_device> next(*counter);
  order[next.fetch_add(1, cuda::std::memory_order_relaxed)] = blockIdx.x;
}

TEST(Simt, ShuffledOrDoesEveryBlockOnce) {
  Options options;
  for (const bool shuffled : {false, true}) {
    options.shuffle_blocks = shuffled;
    options.resident_blocks = 3;
    const ScopedOptions scope(options);
    std::vector<unsigned char> visits(500);
    launch({dim3(50, 10), 1}, count_visits, visits.data());
    EXPECT_EQ(visits, std::vector<unsigned char>(500, 1));
  }
  options.resident_blocks = 1;
  std::set<std::vector<unsigned>> orders;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    options.seed = seed;
    const ScopedOptions scope(options);
    std::vector<unsigned> order(20), counter(1);
    launch({20, 1}, first_block, order.data(), counter.data());
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 4u);
}

__global__ void count_barriers(unsigned long long* out) {
  for (unsigned i = 0; i < 5; ++i) __syncthreads();
  out[threadIdx.x] = barrier_count();
}

TEST(Simt, CountsBarriers) {
  Guarded<unsigned long long> out(1024);
  launch({1, 1024}, count_barriers, out.data());
  for (const unsigned long long passed : out) EXPECT_EQ(passed, 5u);
}

TEST(Intrinsics, AnswerAsOnADevice) {
  EXPECT_EQ(__popc(0xf0f0u), 8);
  EXPECT_EQ(__clz(1), 31);
  EXPECT_EQ(__clz(0), 32);
  EXPECT_EQ(__ffs(0), 0);
  EXPECT_EQ(__ffs(8), 4);
  EXPECT_EQ(__brev(1u), 0x80000000u);
  EXPECT_EQ(__umulhi(0xd2511f53u, 0x9e3779b9u), 0x81fba4c3u);
  EXPECT_EQ(__byte_perm(0x33221100u, 0x77665544u, 0x7610u), 0x77661100u);
  EXPECT_EQ(__byte_perm(0x80u, 0, 0x8888u), 0xffffffffu);
  EXPECT_EQ(__funnelshift_l(0x80000000u, 1u, 1), 3u);
  EXPECT_EQ(__funnelshift_r(0x80000000u, 1u, 1), 0xc0000000u);
  EXPECT_EQ(__float_as_uint(1.0f), 0x3f800000u);
  EXPECT_EQ(__uint_as_float(0x40000000u), 2.0f);
  EXPECT_EQ(__float2int_rn(2.5f), 2);
  EXPECT_EQ(__float2int_rn(1e20f), 2147483647);
  EXPECT_EQ(__float2int_rn(NAN), 0);
}

}  // namespace
}  // namespace simt
