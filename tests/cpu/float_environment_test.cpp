// Bits do not hang on the caller's floating-point environment, and the caller keeps it.
#include <gtest/gtest.h>

#include <cfenv>
#include <thread>
#include <vector>

#include "tests/cpu/sample.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace spikescan::testing {
namespace {

// What a caller may have set; put back at the end.
class Callers {
 public:
  Callers(int rounding, bool flush) {
    std::fegetenv(&before_);
    std::fesetround(rounding);
#if defined(__SSE2__)
    if (flush) _mm_setcsr(_mm_getcsr() | 0x8040);  // flush to zero, and take subnormals for zeros
#else
    (void)flush;
#endif
  }
  ~Callers() {
    std::fesetenv(&before_);
  }

 private:
  std::fenv_t before_;
};

// Threads in the environment of their pool.
void run_pool(void* is_odd, int64_t tasks, void (*task)(void*, int64_t), void* data) {
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < tasks; ++i) {
    threads.emplace_back([=] {
      const Callers callers(*static_cast<bool*>(is_odd) ? FE_UPWARD : FE_TONEAREST, *static_cast<bool*>(is_odd));
      task(data, i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void run(Sample& sample, bool is_odd) {
  spikescan_executor pool = {sizeof pool, &is_odd, 3, run_pool};
  const spikescan_forward_args f = sample.forward();
  ASSERT_EQ(spikescan_forward(&sample.d, &f, &pool), SPIKESCAN_OK) << spikescan_last_error();
  const spikescan_backward_args b = sample.backward();
  ASSERT_EQ(spikescan_backward(&sample.d, &b, &pool), SPIKESCAN_OK) << spikescan_last_error();
}

TEST(FloatEnvironment, OfTheCallerChangesNoBit) {
  int64_t seen = 0;
  for (unsigned number = 0; number < 32; ++number) {
    for (const SampleShape& shape : kSampleShapes) {
      Sample plain(number, shape.batch, shape.time, shape.channels),
          odd(number, shape.batch, shape.time, shape.channels);
      plain.keep_last_gradient();
      odd.keep_last_gradient();
      run(plain, false);
      {
        const Callers callers(FE_UPWARD, true);
        run(odd, true);
      }
      EXPECT_TRUE(plain.same_outputs(odd)) << number;
      if (plain.d.dtype == SPIKESCAN_FLOAT32) seen += plain.subnormal_gradients();
    }
  }
  EXPECT_GT(seen, 0) << "no gradient was subnormal: nothing was tested";
}

TEST(FloatEnvironment, IsTheCallersAgainAfterACall) {
  Sample sample(0, 2, 64, 3);
  const Callers callers(FE_DOWNWARD, true);
#if defined(__SSE2__)
  const unsigned before = _mm_getcsr() & ~0x3fu;  // without the flags that operations raise
#endif
  run(sample, true);
  EXPECT_EQ(std::fegetround(), FE_DOWNWARD);
#if defined(__SSE2__)
  EXPECT_EQ(_mm_getcsr() & ~0x3fu, before);
#endif
}

}  // namespace
}  // namespace spikescan::testing
