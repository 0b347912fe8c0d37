#include "ops/shape_cases.h"

#include <algorithm>
#include <sstream>

#include "ops/target.h"
#include "support/coverage.h"
#include "support/random_case.h"

namespace spikescan::ops {
namespace {

using support::Case;
using support::Layout;

// Around the vector width and packed word (32), a whole segment and part of one (16, 10), the largest small buffers,
// the chunk, and an odd length that broke a peer; B and C also around CUDA's 65,535 blocks.
const std::vector<int64_t>& times() {
  const int64_t chunk = chunk_steps();
  static const std::vector<int64_t> sizes = {0,  1,  2,   3,   10,  16,        31,    32,        33,   48,  63,
                                             64, 65, 255, 256, 257, chunk - 1, chunk, chunk + 1, 1000, 4099};
  return sizes;
}
constexpr int64_t kSizes[] = {0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 127, 128, 129, 1025, 65535, 65536, 65537};

constexpr Layout kInputLayouts[] = {Layout::batch_first, Layout::time_first,   Layout::padded,
                                    Layout::window,      Layout::repeat_batch, Layout::repeat_time};
constexpr int kOutputLayouts = 4;  // the first four: an output's elements may not share memory

constexpr int64_t kUsualElements = 5000;

int64_t size_at(int axis, int level) {
  return axis == kTime ? times()[static_cast<size_t>(level)] : kSizes[level];
}

// An empty size counts as one: the other sizes stay bounded.
int64_t weight(int axis, int level) {
  return std::max<int64_t>(size_at(axis, level), 1);
}

bool possible(const Pair& pair) {
  if (pair.axis[1] <= kChannels) {
    return weight(pair.axis[0], pair.level[0]) * weight(pair.axis[1], pair.level[1]) <= kMostElements;
  }
  if (pair.axis[0] == kRule && pair.axis[1] == kSpikesDtype) {
    return support::can_spike_as(support::kRules[pair.level[0]], support::kSpikeDtypes[pair.level[1]]);
  }
  return true;
}

const std::vector<Pair>& pairs() {
  static const std::vector<Pair> all = possible_pairs();
  return all;
}

// Sizes that the pair leaves free, so that the product stays within the limit.
void choose_sizes(support::Random& random, const bool (&fixed)[kAxes], int64_t limit, Choice& choice) {
  int64_t product = 1;
  for (int axis = 0; axis <= kChannels; ++axis) {
    if (fixed[axis]) product *= weight(axis, choice.level[axis]);
  }
  const int first = static_cast<int>(random.below(3));
  for (int i = 0; i < 3; ++i) {
    const int axis = (first + i) % 3;
    if (fixed[axis]) continue;
    std::vector<int> fitting;
    for (int level = 0; level < levels(static_cast<Axis>(axis)); ++level) {
      if (product * weight(axis, level) <= limit || weight(axis, level) == 1) fitting.push_back(level);
    }
    choice.level[axis] = fitting[static_cast<size_t>(random.below(static_cast<int64_t>(fitting.size())))];
    product *= weight(axis, choice.level[axis]);
  }
}

void choose_sampling(Case& c, int level, support::Random& random, support::Fill& fill) {
  spikescan_description& d = c.description;
  fill.own_uniforms = level == 1;
  c.device_key = level == 2 || level == 3;
  if (level < 3) return;
  d.batch_origin = (int64_t{1} << 32) - d.batch - random.below(100);
  d.channel_origin = (int64_t{1} << 32) - d.channels - random.below(100);
  d.time_origin = ((int64_t{1} << 34) - d.time - random.below(100)) / 32 * 32;
}

void choose_inputs(int level, support::Fill& fill) {
  fill.initial_state = level != 1 && level != 4;
  fill.grad_spikes = level != 2;
  fill.grad_membrane = level != 3 && level != 4;
  fill.grad_final_state = level != 2 && level != 4;
}

void choose_outputs(int level, support::Wanted& wanted) {
  if (level == 1) wanted = {true, false, {false, false}, true, true, false, false, {false, false}};
  if (level == 2) wanted = {false, true, {true, false}, true, false, true, true, {false, true}};
}

}  // namespace

int levels(Axis axis) {
  switch (axis) {
    case kTime:
      return static_cast<int>(times().size());
    case kBatch:
    case kChannels:
      return static_cast<int>(std::size(kSizes));
    case kRecurrence:
    case kRule:
    case kSampling:
    case kOutputLayout:
      return 4;
    case kSpikesDtype:
    case kSlope:
    case kInputs:
      return 5;
    case kInputLayout:
    case kGradLayout:
      return 6;
    case kMisaligned:
    case kSharedDecay:
      return 2;
    default:
      return 3;
  }
}

std::vector<Pair> possible_pairs() {
  std::vector<Pair> out;
  for (int a = 0; a < kAxes; ++a) {
    for (int b = a + 1; b < kAxes; ++b) {
      for (int i = 0; i < levels(static_cast<Axis>(a)); ++i) {
        for (int j = 0; j < levels(static_cast<Axis>(b)); ++j) {
          const Pair pair = {{a, b}, {i, j}};
          if (possible(pair)) out.push_back(pair);
        }
      }
    }
  }
  return out;
}

int64_t elements_of(const Choice& choice) {
  int64_t product = 1;
  for (int axis = 0; axis <= kChannels; ++axis) product *= size_at(axis, choice.level[axis]);
  return product;
}

Choice choice_of(int64_t n) {
  const auto count = static_cast<int64_t>(pairs().size());
  const Pair& pair = pairs()[static_cast<size_t>(n % count)];
  support::Random random(static_cast<uint64_t>(n) + 1);
  Choice choice;
  bool fixed[kAxes] = {};
  for (int axis = 0; axis < kAxes; ++axis) {
    choice.level[axis] = static_cast<int>(random.below(levels(static_cast<Axis>(axis))));
  }
  for (int side = 0; side < 2; ++side) {
    choice.level[pair.axis[side]] = pair.level[side];
    fixed[pair.axis[side]] = true;
  }
  choose_sizes(random, fixed, kUsualElements, choice);
  while (
      !support::can_spike_as(support::kRules[choice.level[kRule]], support::kSpikeDtypes[choice.level[kSpikesDtype]])) {
    const Axis free = fixed[kRule] ? kSpikesDtype : kRule;
    choice.level[free] = static_cast<int>(random.below(levels(free)));
  }
  return choice;
}

Case case_of(const Choice& choice, int64_t n) {
  support::Random random(static_cast<uint64_t>(n) + 7777);
  const auto level = [&](Axis axis) { return choice.level[axis]; };
  Case c;
  spikescan_description& d = c.description;
  d.time = size_at(kTime, level(kTime));
  d.batch = size_at(kBatch, level(kBatch));
  d.channels = size_at(kChannels, level(kChannels));
  d.recurrence = support::kRecurrences[level(kRecurrence)];
  d.rule = support::kRules[level(kRule)];
  d.dtype = support::kFloatDtypes[level(kDtype)];
  d.shared_decay = level(kSharedDecay);
  d.surrogate = support::kSurrogates[level(kSlope)];
  d.gradient = level(kSlope) % 2 ? SPIKESCAN_DERIVATIVE : SPIKESCAN_PROBABILITY;
  d.k = random.uniform(0.5f, 12);
  d.threshold = random.uniform(-0.5f, 1.5f);
  d.max_prob = random.uniform(0, 1);
  c.spikes_dtype = support::kSpikeDtypes[level(kSpikesDtype)];
  c.membrane_dtype = support::kFloatDtypes[level(kMembraneDtype)];
  c.grad_spikes_dtype = support::kFloatDtypes[level(kGradDtypes)];
  c.grad_membrane_dtype = support::kFloatDtypes[(level(kGradDtypes) + 1) % 3];
  c.x_layout = c.uniforms_layout = kInputLayouts[level(kInputLayout)];
  c.grad_spikes_layout = c.grad_membrane_layout = kInputLayouts[level(kGradLayout)];
  c.spikes_layout = kInputLayouts[level(kOutputLayout)];
  c.membrane_layout = kInputLayouts[(level(kOutputLayout) + 1) % kOutputLayouts];
  c.grad_x_layout = kInputLayouts[(level(kOutputLayout) + 2) % kOutputLayouts];
  c.misaligned = level(kMisaligned) != 0;
  c.state_padding = random.below(3);
  support::Fill fill = {.special_decays = true};
  choose_sampling(c, level(kSampling), random, fill);
  choose_inputs(level(kInputs), fill);
  choose_outputs(level(kOutputs), c.wanted);
  support::fill(c, static_cast<uint64_t>(n) * 2654435761u + 1, fill);
  return c;
}

std::string describe(const Choice& choice) {
  static constexpr const char* kNames[] = {"T",          "B",        "C",         "recurrence", "rule",   "dtype",
                                           "spikes",     "membrane", "gradients", "x layout",   "grads'", "outputs'",
                                           "misaligned", "shared",   "slope",     "sampling",   "inputs", "outputs"};
  static_assert(std::size(kNames) == kAxes);
  std::ostringstream text;
  for (int axis = 0; axis < kAxes; ++axis) {
    const int level = choice.level[axis];
    text << kNames[axis] << "=";
    if (axis <= kChannels) {
      text << size_at(axis, level);
    } else if (axis == kRecurrence) {
      text << support::name_of(support::kRecurrences[level]);
    } else if (axis == kRule) {
      text << support::name_of(support::kRules[level]);
    } else if (axis == kDtype) {
      text << support::name_of(support::kFloatDtypes[level]);
    } else if (axis == kSpikesDtype) {
      text << support::name_of(support::kSpikeDtypes[level]);
    } else {
      text << level;
    }
    text << (axis + 1 < kAxes ? " " : "");
  }
  return text.str();
}

}  // namespace spikescan::ops
