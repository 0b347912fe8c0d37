// Four vectors, operation by operation: each operation is made for all four before the next one. The operations of one
// alone wait for each other, and the window in which a processor looks for others that do not is short.
#pragma once

#include "kernels/cpu/vector_real.h"

SPIKESCAN_ELEMENT_BEGIN

constexpr int kFour = 4;

template <class T>
struct FourOf {
  T at[kFour];
};
using Four = FourOf<Floats>;

template <class T>
HWY_INLINE const T& operand(const T& of_all, int) {
  return of_all;
}
template <class T>
HWY_INLINE const T& operand(const FourOf<T>& four, int i) {
  return four.at[i];
}

template <class Operation, class... Operands>
HWY_INLINE auto for_each_of_four(Operation operation, const Operands&... operands) {
  FourOf<decltype(operation(operand(operands, 0)...))> result;
#pragma GCC unroll 4
  for (int i = 0; i < kFour; ++i) result.at[i] = operation(operand(operands, i)...);
  return result;
}

template <class T>
constexpr bool kIsFour = false;
template <class T>
constexpr bool kIsFour<FourOf<T>> = true;
template <class... Operands>
concept AnyFour = (kIsFour<Operands> || ...);

// What vector_firing.h computes spikes with. Operands that are not four are the same for all.
#define SPIKESCAN_FOUR_FUNCTION(name)                                                             \
  template <class... Operands>                                                                    \
  requires AnyFour<Operands...> HWY_INLINE auto name(const Operands&... operands) {               \
    return for_each_of_four([](const auto&... of) HWY_ATTR { return name(of...); }, operands...); \
  }
SPIKESCAN_FOUR_FUNCTION(fused)
SPIKESCAN_FOUR_FUNCTION(negated)
SPIKESCAN_FOUR_FUNCTION(magnitude)
SPIKESCAN_FOUR_FUNCTION(nearest_integer)
SPIKESCAN_FOUR_FUNCTION(choose)
#if SPIKESCAN_AVX512
SPIKESCAN_FOUR_FUNCTION(fused_less)
SPIKESCAN_FOUR_FUNCTION(no_larger_than)
SPIKESCAN_FOUR_FUNCTION(scaled)
SPIKESCAN_FOUR_FUNCTION(scaled_for_sum)
SPIKESCAN_FOUR_FUNCTION(at_most)
SPIKESCAN_FOUR_FUNCTION(less_in_bits)
#else
SPIKESCAN_FOUR_FUNCTION(clamp_number)
SPIKESCAN_FOUR_FUNCTION(times_power)
#endif
#undef SPIKESCAN_FOUR_FUNCTION

#define SPIKESCAN_FOUR_OPERATOR(sign)                                                              \
  template <class A, class B>                                                                      \
  requires AnyFour<A, B> HWY_INLINE auto operator sign(const A& a, const B& b) {                   \
    return for_each_of_four([](const auto& x, const auto& y) HWY_ATTR { return x sign y; }, a, b); \
  }
SPIKESCAN_FOUR_OPERATOR(+)
SPIKESCAN_FOUR_OPERATOR(-)
SPIKESCAN_FOUR_OPERATOR(*)
SPIKESCAN_FOUR_OPERATOR(<)
#undef SPIKESCAN_FOUR_OPERATOR

SPIKESCAN_ELEMENT_END
