// cuRAND's own device code, compiled for the host, as a second witness of the generator and of the place of every
// element in it: docs/model.md, section 3, says how to draw the same numbers with curand_init and curand.
#include <gtest/gtest.h>

#include <random>

#include "kernels/element/philox.h"

#if __has_include(<curand_kernel.h>)
#define SPIKESCAN_CURAND_WITNESS 1
#define QUALIFIERS static inline
#include <curand_kernel.h>
#endif

namespace spikescan::testing {
namespace {

#if defined(SPIKESCAN_CURAND_WITNESS)

// Words with the corners of 32 bits among them, where carries and sign extension go wrong.
uint32_t draw_word(std::mt19937_64& random) {
  constexpr uint32_t kCorners[] = {0, 1, 0x7fffffff, 0x80000000, 0xffff, 0x10000, 0xfffffffe, 0xffffffff};
  const uint64_t bits = random();
  return bits >> 62 == 0 ? kCorners[bits & 7] : static_cast<uint32_t>(bits);
}

TEST(Curand, BlocksAreTheSame) {
  std::mt19937_64 random(41);
  for (int i = 0; i < 2000000; ++i) {
    uint32_t c[4], k[2];
    for (uint32_t& x : c) x = draw_word(random);
    for (uint32_t& x : k) x = draw_word(random);
    const uint4 theirs = curand_Philox4x32_10(make_uint4(c[0], c[1], c[2], c[3]), make_uint2(k[0], k[1]));
    const PhiloxWords ours = philox4x32_10(c[0], c[1], c[2], c[3], {k[0], k[1]});
    ASSERT_EQ(ours.w[0], theirs.x);
    ASSERT_EQ(ours.w[1], theirs.y);
    ASSERT_EQ(ours.w[2], theirs.z);
    ASSERT_EQ(ours.w[3], theirs.w);
  }
}

struct Place {
  uint64_t seed;
  uint32_t stream, b, c;
  uint64_t t;
};

Place draw_place(std::mt19937_64& random) {
  Place p;
  p.seed = uint64_t{draw_word(random)} << 32 | draw_word(random);
  p.stream = draw_word(random);
  p.b = draw_word(random);
  p.c = draw_word(random);
  p.t = uint64_t{draw_word(random)} << 2 | (random() & 3);
  return p;
}

// The state of the specification's identity. c * 2^34 passes 64 bits from c = 2^30 on: it is skipped in four parts.
curandStatePhilox4_32_10_t state_at(const Place& p) {
  curandStatePhilox4_32_10_t state;
  const uint64_t subsequence = (uint64_t{p.stream} << 32) + p.b;
  if (p.c < 1u << 30) {
    curand_init(p.seed, subsequence, (uint64_t{p.c} << 34) + p.t, &state);
  } else {
    curand_init(p.seed, subsequence, p.t, &state);
    for (int part = 0; part < 4; ++part) skipahead(uint64_t{p.c} << 32, &state);
  }
  return state;
}

TEST(Curand, ASequenceAlongTimeIsASubsequence) {
  std::mt19937_64 random(42);
  int direct = 0;
  for (int i = 0; i < 200000; ++i) {
    const Place p = draw_place(random);
    curandStatePhilox4_32_10_t state = state_at(p);
    // Past the last time index their counter carries into the channel; ours is an error.
    for (uint64_t t = p.t; t < p.t + 6 && t < uint64_t{1} << 34; ++t) {
      const PhiloxWords ours = philox4x32_10(static_cast<uint32_t>(t >> 2), p.c, p.b, p.stream,
                                             {static_cast<uint32_t>(p.seed), static_cast<uint32_t>(p.seed >> 32)});
      ASSERT_EQ(ours.w[t & 3], curand(&state)) << p.seed << ' ' << p.stream << ' ' << p.b << ' ' << t << ' ' << p.c;
    }
    direct += p.c < 1u << 30;
  }
  EXPECT_GT(direct, 40000);
}

// The comparison itself: their next subsequence is another sequence.
TEST(Curand, AnotherSubsequenceDiffers) {
  curandStatePhilox4_32_10_t one, other;
  curand_init(1, 0, 0, &one);
  curand_init(1, 1, 0, &other);
  EXPECT_NE(curand(&one), curand(&other));
}

#else

TEST(Curand, BlocksAreTheSame) {
  GTEST_SKIP()
      << "no curand_kernel.h: the second witness of the generator is missing; pip install nvidia-curand brings it";
}

#endif

}  // namespace
}  // namespace spikescan::testing
