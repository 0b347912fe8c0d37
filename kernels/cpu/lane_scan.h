// One scan (kernels/element/recurrence.h) over kLanes channels, segment after segment, chunk after chunk.
// Forward scans are fed from the first segment to the last, gradient scans from the last to the first.
#pragma once

#include "kernels/cpu/lanes.h"

SPIKESCAN_ELEMENT_BEGIN

template <class Scan>
class LaneScan {
 public:
  static constexpr int N = Scan::kOrder;

  // first, second: the clipped decays of each lane in the scan's order (second is ignored for order 1).
  void prepare(const float (&first)[kLanes], const float (&second)[kLanes], int longest_chunk) {
    const int segments = segment_count(longest_chunk);
    for (int l = 0; l < kLanes; ++l) {
      first_[l] = first[l];
      second_[l] = second[l];
      map_[l] = Scan::map({first[l], second[l]});
      Map<N> step_powers[kSegmentSteps + 1], segment_powers[kChunkSegments + 1];
      tabulate_powers(map_[l], step_powers, kSegmentSteps + 1);
      for (int j = 0; j < kHalfSteps; ++j) {
        const int exponent = Scan::response_exponent(j);
        const Map<N> reached = exponent == 0 ? step_powers[0] : positive(step_powers[exponent], map_[l]);
        set_response(j, l, Scan::response(reached));
      }
      tabulate_powers(step_powers[kSegmentSteps], segment_powers, segments + 1);
      half_map_[l] = positive(step_powers[kHalfSteps], map_[l]);
      segment_map_[l] = positive(segment_powers[1], map_[l]);
      for (int s = 0; s <= segments; ++s)
        distance_map_[s][l] = s == 0 ? segment_powers[0] : positive(segment_powers[s], map_[l]);
    }
  }

  void set_carry(int n, int lane, double value) { carry_[lane][n] = value; }
  double carry(int n, int lane) const { return carry_[lane][n]; }

  void begin_chunk() {
    for (auto& lane : d_) {
      for (double& d : lane) d = 0.0;
    }
  }

  // Scans `steps` inputs. `distance`: steps of this chunk that were scanned before.
  void scan(const Segment& input, int steps, int distance, Segment (&output)[N]) {
    const int middle = steps < kHalfSteps ? steps : kHalfSteps;
    float first[N][kLanes], second[N][kLanes];
    scan_half(input, Scan::kReverse ? middle : 0, Scan::kReverse ? steps : middle, output, first);
    scan_half(input, Scan::kReverse ? 0 : middle, Scan::kReverse ? middle : steps, output, second);
    double state[kLanes][N];
    for (int l = 0; l < kLanes; ++l) enter_segment(map_over(distance, l), carry_[l], d_[l], state[l]);
    respond_half(state, Scan::kReverse ? middle : 0, Scan::kReverse ? steps : middle, output);
    const int first_steps = Scan::first_half_steps(steps);
    for (int l = 0; l < kLanes; ++l) {
      float ends[N];
      for (int n = 0; n < N; ++n) ends[n] = first[n][l];
      enter_second_half(first_steps == kHalfSteps ? half_map_[l] : power(map_[l], first_steps), ends, state[l]);
    }
    respond_half(state, Scan::kReverse ? 0 : middle, Scan::kReverse ? middle : steps, output);
    for (int l = 0; l < kLanes; ++l) {
      float a[N], b[N];
      for (int n = 0; n < N; ++n) {
        a[n] = first[n][l];
        b[n] = second[n][l];
      }
      double local[N];
      join_halves(half_map_[l], a, b, local);
      advance_segment(segment_map_[l], d_[l], local);
    }
  }

  // Carries the state over the chunk just scanned.
  void end_chunk(int steps, bool at_split) {
    for (int l = 0; l < kLanes; ++l) {
      float aggregate[N];
      round_aggregate(d_[l], aggregate);
      advance_chunk(map_over(steps, l), carry_[l], aggregate, at_split);
    }
  }

 private:
  // power(base, 0 .. count - 1), each from the one before its highest bit: the same products as power() makes.
  static void tabulate_powers(const Map<N>& base, Map<N>* table, int count) {
    set_identity(table[0]);
    if (count > 1) table[1] = base;
    for (int e = 2, high = 2; e < count; ++e) {
      if (e == 2 * high) high = e;
      table[e] = e == high ? compose(table[high / 2], table[high / 2]) : compose(table[high], table[e - high]);
    }
  }

  static Map<N> positive(Map<N> power, const Map<N>& base) {
    keep_positive(power, base);
    return power;
  }

  Map<N> map_over(int steps, int lane) const {
    return steps % kSegmentSteps == 0 ? distance_map_[steps / kSegmentSteps][lane] : power(map_[lane], steps);
  }

  // Steps [begin, end), one half, from zero; `state` is what they leave.
  void scan_half(const Segment& input, int begin, int end, Segment (&output)[N], float (&state)[N][kLanes]) {
    for (auto& row : state) {
      for (float& value : row) value = 0.0f;
    }
    for (int reached = 0; reached < end - begin; ++reached) {
      const int j = Scan::kReverse ? end - 1 - reached : begin + reached;
      for (int l = 0; l < kLanes; ++l) {
        float s[N], out[N];
        for (int n = 0; n < N; ++n) s[n] = state[n][l];
        Scan::step(Decays<N>{first_[l], second_[l]}, input.at[j][l], s, out);
        for (int n = 0; n < N; ++n) {
          state[n][l] = s[n];
          output[n].at[j][l] = out[n];
        }
      }
    }
  }

  void respond_half(const double (&state)[kLanes][N], int begin, int end, Segment (&output)[N]) {
    float entry[kLanes][N];
    for (int l = 0; l < kLanes; ++l) round_entry(state[l], entry[l]);
    for (int reached = 0; reached < end - begin; ++reached) {
      const int j = Scan::kReverse ? end - 1 - reached : begin + reached;
      for (int l = 0; l < kLanes; ++l) {
        float value[N];
        for (int n = 0; n < N; ++n) value[n] = output[n].at[j][l];
        respond(response(reached, l), entry[l], value);
        for (int n = 0; n < N; ++n) output[n].at[j][l] = value[n];
      }
    }
  }

  void set_response(int j, int l, const Response<1>& r) { response_[0][j][l] = r.a; }
  void set_response(int j, int l, const Response<2>& r) {
    response_[0][j][l] = r.a;
    response_[1][j][l] = r.m;
    response_[2][j][l] = r.b;
  }
  Response<N> response(int j, int l) const {
    if constexpr (N == 1) {
      return {response_[0][j][l]};
    } else {
      return {response_[0][j][l], response_[1][j][l], response_[2][j][l]};
    }
  }

  static constexpr int kCoefficients = N == 1 ? 1 : 3;

  float response_[kCoefficients][kHalfSteps][kLanes];
  float first_[kLanes], second_[kLanes];
  Map<N> map_[kLanes], half_map_[kLanes], segment_map_[kLanes];
  Map<N> distance_map_[kChunkSegments + 1][kLanes];
  double carry_[kLanes][N] = {};
  double d_[kLanes][N] = {};
};

SPIKESCAN_ELEMENT_END
