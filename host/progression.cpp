#include "host/progression.h"

#include <algorithm>
#include <utility>

namespace spikescan {
namespace {

Wide floor_divide(Wide a, Wide b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}
Wide ceil_divide(Wide a, Wide b) {
  return -floor_divide(-a, b);
}

// Sum over i in [0, n) of floor((a i + b) / m), with 0 <= a < m. Each turn exchanges a and m, as Euclid's algorithm
// does: the lattice points under a line are counted along the other axis.
Wide floor_sum(Wide n, Wide m, Wide a, Wide b) {
  const Wide whole = floor_divide(b, m);
  Wide sum = n * whole;
  b -= whole * m;
  for (;;) {
    sum += (n - 1) * n / 2 * (a / m) + n * (b / m);
    a %= m;
    b %= m;
    const Wide top = a * n + b;
    if (top < m) return sum;
    n = top / m;
    b = top % m;
    std::swap(a, m);
  }
}

}  // namespace

bool reaches_window(Axis a, Axis b, Wide low, Wide high) {
  if (a.count > b.count) std::swap(a, b);
  // Beyond these u no v would do; between them v's own bounds take nothing away.
  const Wide first = std::max<Wide>(0, ceil_divide(low - (b.count - 1) * b.stride, a.stride));
  const Wide last = std::min<Wide>(a.count - 1, floor_divide(high, a.stride));
  if (first > last) return false;
  // Each u leaves a window for v * b.stride; the multiples of b.stride in it are a difference of two floors.
  const Wide n = last - first + 1, step = a.stride % b.stride;
  // Whole multiples of b.stride in u * a.stride move both floors alike, so only the remainder of the slope counts; the
  // windows are taken from the last u to the first.
  const Wide start = last * a.stride;
  return floor_sum(n, b.stride, step, high - start) > floor_sum(n, b.stride, step, low - 1 - start);
}

}  // namespace spikescan
