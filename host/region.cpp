#include "host/region.h"

#include <utility>

#include "host/memory_range.h"

namespace spikescan {
namespace {

// A region without the axes that repeat or only lengthen its runs; the smaller stride first.
struct Runs {
  Wide first, run;
  Axis axes[2];
  int axis_count;

  Wide length(int axis) const { return (axes[axis].count - 1) * axes[axis].stride; }
  void remove(int axis) {
    if (axis == 0) axes[0] = axes[1];
    --axis_count;
  }
};

Runs simplify(const Region& region) {
  Runs out = {static_cast<Wide>(region.first), region.run, {}, 0};
  for (const Axis& axis : region.axes) {
    if (axis.count > 1 && axis.stride > 0) out.axes[out.axis_count++] = axis;
  }
  if (out.axis_count == 2 && out.axes[0].stride > out.axes[1].stride) std::swap(out.axes[0], out.axes[1]);
  if (out.axis_count == 2 && out.axes[1].stride == out.axes[0].count * out.axes[0].stride) {
    out.axes[0].count *= out.axes[1].count;
    out.axis_count = 1;
  }
  while (out.axis_count > 0 && out.axes[0].stride <= out.run) {
    out.run += out.length(0);
    out.remove(0);
  }
  return out;
}

// ---- Two regions whose strides are at most two different ones: exact ------------------------------------------------

// The index differences of both regions along one stride, counted from zero.
struct Differences {
  Axis axes[2] = {{1, 1}, {1, 1}};
  int used = 0;
  Wide shift = 0;  // what counting from zero adds

  bool add(const Runs& runs, bool subtracted) {
    for (int i = 0; i < runs.axis_count; ++i) {
      int k = 0;
      while (k < used && axes[k].stride != runs.axes[i].stride) ++k;
      if (k == 2) return false;
      if (k == used) axes[used++] = {1, runs.axes[i].stride};
      axes[k].count += runs.axes[i].count - 1;
      if (subtracted) shift += runs.length(i);
    }
    return true;
  }
};

Sharing exact_sharing(const Runs& a, const Runs& b) {
  Differences differences;
  if (!differences.add(a, true) || !differences.add(b, false)) return Sharing::kUndecided;
  // Runs at p and q share a byte where -(b.run - 1) <= q - p <= a.run - 1.
  const Wide offset = b.first - a.first - differences.shift;
  return reaches_window(differences.axes[0], differences.axes[1], -(b.run - 1) - offset, a.run - 1 - offset)
             ? Sharing::kShares
             : Sharing::kApart;
}

// ---- A common period ------------------------------------------------------------------------------------------------

Wide greatest_divisor(Wide a, Wide b) {
  while (b != 0) a = std::exchange(b, a % b);
  return a;
}

// The axes in `hull` are taken as one long run, the others make the period smaller.
Wide fold(const Runs& runs, int hull, Wide* period) {
  Wide length = runs.run;
  for (int i = 0; i < runs.axis_count; ++i) {
    if (hull >> i & 1) {
      length += runs.length(i);
    } else {
      *period = greatest_divisor(*period, runs.axes[i].stride);
    }
  }
  return length;
}

// Seen modulo the period, each region lies in one interval, and the two intervals are apart.
bool apart_by_period(const Runs& a, int a_hull, const Runs& b, int b_hull) {
  Wide period = 0;
  const Wide a_length = fold(a, a_hull, &period), b_length = fold(b, b_hull, &period);
  if (period == 0) return false;
  const Wide distance = ((b.first - a.first) % period + period) % period;
  return distance >= a_length && period - distance >= b_length;
}

bool apart_by_some_period(const Runs& a, const Runs& b) {
  for (int a_hull = 0; a_hull < 1 << a.axis_count; ++a_hull) {
    for (int b_hull = 0; b_hull < 1 << b.axis_count; ++b_hull) {
      if (apart_by_period(a, a_hull, b, b_hull)) return true;
    }
  }
  return false;
}

}  // namespace

Sharing sharing_of(const Region& a, const Region& b) {
  if (!ranges_meet(a.first, a.bytes, b.first, b.bytes)) return Sharing::kApart;
  const Runs a_runs = simplify(a), b_runs = simplify(b);
  if (apart_by_some_period(a_runs, b_runs)) return Sharing::kApart;
  return exact_sharing(a_runs, b_runs);
}

bool overlaps_itself(const Region& region) {
  if (region.bytes == 0) return false;
  const Axis &outer = region.axes[0], &inner = region.axes[1];
  for (const Axis& axis : region.axes) {
    if (axis.count > 1 && axis.stride < region.run) return true;
  }
  if (outer.count == 1 || inner.count == 1) return false;
  const Wide outer_length = (outer.count - 1) * outer.stride, inner_length = (inner.count - 1) * inner.stride;
  // One axis lies inside the other's stride: every usual layout.
  if (outer.stride >= inner_length + region.run || inner.stride >= outer_length + region.run) return false;
  // Two runs differ by u >= 1 outer strides and v inner ones, v from -(count - 1) to count - 1.
  const Wide offset = outer.stride - inner_length;
  return reaches_window({outer.count - 1, outer.stride}, {2 * inner.count - 1, inner.stride},
                        -(region.run - 1) - offset, region.run - 1 - offset);
}

}  // namespace spikescan
