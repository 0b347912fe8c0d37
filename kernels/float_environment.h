// The floating-point environment that the bits are defined in: round to nearest, subnormals kept, no traps. A caller's
// thread may have another (some frameworks flush subnormals to zero), and gets it back.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#else
#include <cfenv>
#endif

namespace spikescan {

class FloatEnvironment {
 public:
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

#if defined(__SSE2__)
  FloatEnvironment() : callers_(_mm_getcsr()) {
    if ((callers_ & ~kRaised) != kAllMasked) _mm_setcsr(kAllMasked);
  }
  ~FloatEnvironment() {
    if ((callers_ & ~kRaised) != kAllMasked) _mm_setcsr(callers_);
  }

 private:
  static constexpr unsigned kRaised = 0x3f, kAllMasked = 0x1f80;
  unsigned callers_;
#else
  FloatEnvironment() {
    std::fegetenv(&callers_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~FloatEnvironment() {
    std::fesetenv(&callers_);
  }

 private:
  std::fenv_t callers_;
#endif
};

}  // namespace spikescan
