#include "tests/element/sampling_faults.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace spikescan::testing {
namespace {

void fire_on_ties(const Firing& f, const Segment& u, int steps, Segment& m) {
  for (int j = 0; j < steps; ++j) {
    for (int l = 0; l < kLanes; ++l) {
      const float e = spike_exponential(f.steepness, m.at[j][l]);
      const float p_times = f.rule == SPIKESCAN_SIGMOID_BERNOULLI
                                ? f.max_prob
                                : cosine_turn(turns_of_product(f.threshold, m.at[j][l] - f.threshold));
      m.at[j][l] = fused(u.at[j][l], e, u.at[j][l]) <= p_times ? 1.0f : 0.0f;
    }
  }
}

void fire_without_max_prob(const Firing& f, const Segment& u, int steps, Segment& m) {
  Firing wrong = f;
  wrong.max_prob = 1.0f;
  fire(wrong, u, steps, m);
}

// Every draw goes through the library's own, with one thing changed before or after.
template <auto Change>
void draw_changed(const RandomOrigin& origin, int64_t b, int64_t t, int64_t c, int steps, Segment& u) {
  RandomOrigin o = {origin.key, origin.stream, origin.batch + b, origin.time + t, origin.channel + c};
  Change(o);
  draw_uniforms(o, 0, 0, 0, steps, u);
}
template <auto Change>
constexpr Sampler with_place() {
  return {draw_changed<Change>, fire};
}

// Likewise, with the uniforms of a whole segment changed.
template <auto Change>
void draw_then(const RandomOrigin& origin, int64_t b, int64_t t, int64_t c, int steps, Segment& u) {
  draw_uniforms(origin, b, t, c, steps, u);
  if (steps == kSegmentSteps) Change(u);
}
template <auto Change>
constexpr Sampler with_uniforms() {
  return {draw_then<Change>, fire};
}

template <auto Change>
void change_each(Segment& u) {
  for (auto& row : u.at) {
    for (float& value : row) value = Change(value);
  }
}

void repeat_lane(Segment& u) {
  for (auto& row : u.at) {
    for (int l = 1; l < kLanes; l += 2) row[l] = row[l - 1];
  }
}
void repeat_word(Segment& u) {
  for (int j = 0; j < kSegmentSteps; ++j) std::copy(u.at[j & ~3], u.at[j & ~3] + kLanes, u.at[j]);
}
void swap_words(Segment& u) {
  for (int j = 0; j < kSegmentSteps; j += 2) std::swap_ranges(u.at[j], u.at[j] + kLanes, u.at[j + 1]);
}
float drop_bits(float u) {
  return std::floor(u * 65536.0f) / 65536.0f;
}
float stretch(float u) {
  return u * (1.0f + 0x1p-8f);
}

const SamplerFault kFaults[] = {
    {"<= for <", {draw_uniforms, fire_on_ties}, false},
    {"max_prob ignored", {draw_uniforms, fire_without_max_prob}, true},
    {"seed ignored", with_place<[](RandomOrigin& o) { o.key = {}; }>(), true},
    {"upper half of the seed ignored", with_place<[](RandomOrigin& o) { o.key.high = 0; }>(), true},
    {"halves of the seed swapped", with_place<[](RandomOrigin& o) { std::swap(o.key.low, o.key.high); }>(), false},
    {"stream ignored", with_place<[](RandomOrigin& o) { o.stream = 0; }>(), true},
    {"stream added to the batch", with_place<[](RandomOrigin& o) { o.batch += o.stream, o.stream = 0; }>(), true},
    {"batch ignored", with_place<[](RandomOrigin& o) { o.batch = 0; }>(), true},
    {"time cut to 16 bits", with_place<[](RandomOrigin& o) { o.time &= 0xffff; }>(), true},
    {"time cut to 32 bits", with_place<[](RandomOrigin& o) { o.time &= 0xffffffff; }>(), true},
    {"channel cut to 16 bits", with_place<[](RandomOrigin& o) { o.channel &= 0xffff; }>(), true},
    {"batch cut to 16 bits", with_place<[](RandomOrigin& o) { o.batch &= 0xffff; }>(), true},
    {"batch and channel swapped", with_place<[](RandomOrigin& o) { std::swap(o.batch, o.channel); }>(), false},
    {"time one step late", with_place<[](RandomOrigin& o) { o.time += 1; }>(), false},
    {"lane repeated", with_uniforms<repeat_lane>(), true},
    {"word repeated", with_uniforms<repeat_word>(), true},
    {"words of a block swapped", with_uniforms<swap_words>(), false},
    {"16 bits of a word used", with_uniforms<change_each<drop_bits>>(), true},
    {"uniforms stretched by 2^-8", with_uniforms<change_each<stretch>>(), true},
};

}  // namespace

std::span<const SamplerFault> sampler_faults() {
  return kFaults;
}

}  // namespace spikescan::testing
