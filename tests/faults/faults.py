"""The planted faults: each is one exact piece of the source, what takes its place, and the test that must turn red."""

from dataclasses import dataclass

import host_faults


@dataclass(frozen=True)
class Test:
    target: str  # what is built
    program: str  # under the build folder
    filter: str = "*"


@dataclass(frozen=True)
class Fault:
    name: str
    file: str
    old: str
    new: str
    test: Test


def _element(name):
    return Test(name, f"tests/element/{name}")


BOUNDS = Test("error_bounds_test", "tests/element/error_bounds_test", "ErrorBounds.*:Function/*")
FIRING = _element("firing_test")
CONVERT = _element("convert_test")
CARRY = _element("carry_test")
RECURRENCE = _element("recurrence_test")
PHILOX = _element("philox_test")
# The shapes and the splits are most of the passes' tests' time: only what needs them runs them.
PASSES = Test("ops_cpu", "tests/ops/ops_cpu", "-*Shapes*:*Splits*")
SHAPES = Test("ops_cpu", "tests/ops/ops_cpu", "*Shapes*")
SPLITS = Test("ops_cpu", "tests/ops/ops_cpu", "*Splits*")


def _faults(file, test, *changes):
    return [Fault(name, file, old, new, test) for name, old, new in changes]


REAL = _faults(
    "kernels/element/real.h", BOUNDS,
    ("exp2: one coefficient", "0.05550357f", "0.05550457f"),
    ("exp2: lower end", "z < -126.0f ? -126.0f : z", "z < -126.0f ? -125.0f : z"),
    ("exp2: upper end", "z > 128.0f ? 128.0f : z", "z > 127.0f ? 127.0f : z"),
    ("sigmoid: sign", "exp2_real(-kLog2E * x)", "exp2_real(kLog2E * x)"),
    ("decaying_exp: correction dropped", "fused(0.6931472f * e, z_low, e)", "e"),
    ("decaying_exp: never zero", "z < -126.0f ? 0.0f : ", ""),
    ("sigmoid_slope: not squared", "return e / (d * d);", "return e / d;"),
    ("sine: one coefficient", "81.6024780f", "81.6034780f"),
    ("turns: the product's low part dropped", " + (low - nearest_integer(low))", ""),
    ("turns: overflow", "magnitude(high) < 281474976710656.0f ? r - nearest_integer(r) : (a - a) + (b - b)",
     "r - nearest_integer(r)"),
    ("cosine: not even", "sine_quarter_turn(0.25f - magnitude(r))", "sine_quarter_turn(0.25f - r)"),
    ("sine: not odd", "(r < 0.0f ? -folded : folded)", "folded"),
)

GRADIENT_RULES = _faults(
    "kernels/element/firing.h", BOUNDS,
    ("logistic: below threshold", "(distance < 0.0f ? e : 1.0f) / d", "1.0f / d"),
    ("sigmoid derivative: k missing", "f.k * f.max_prob * s.slope", "f.max_prob * s.slope"),
    ("sigmoid gradient: forms swapped", "f.gradient == SPIKESCAN_PROBABILITY ? f.max_prob",
     "f.gradient != SPIKESCAN_PROBABILITY ? f.max_prob"),
    ("refractory gradient: where p is 0", "if (p <= 0.0f) return 0.0f;", ""),
    ("refractory derivative: sine's sign", "-6.28318531f * sine_turn", "6.28318531f * sine_turn"),
    ("arctan: pi missing", "(fused(w, w, 1.0f) * 3.14159265f)", "fused(w, w, 1.0f)"),
    ("superspike: one-sided", "1.0f + magnitude(z);", "1.0f + z;"),
    ("triangular: negative", "height < 0.0f ? 0.0f : height", "height"),
    ("boxcar: edge", "magnitude(z) <= 1.0f ? 0.5f", "magnitude(z) < 1.0f ? 0.5f"),
    ("tanh: slope", "logistic(f, 2.0f * distance).slope", "logistic(f, distance).slope"),
)

FIRING_RULES = _faults(
    "kernels/element/firing.h", FIRING,
    ("sigmoid: <= for <", "fused(u, e, u) < f.max_prob", "fused(u, e, u) <= f.max_prob"),
    ("sigmoid: max_prob for p", "fused(u, e, u) < f.max_prob", "u < f.max_prob"),
    ("sigmoid: threshold ignored", "exp2_real(f.exponent * (m - f.threshold))", "exp2_real(f.exponent * m)"),
    ("sigmoid: rounded twice", "exp2_real(f.exponent * (m - f.threshold))",
     "exp2_real(f.exponent * m - f.exponent * f.threshold)"),
    ("refractory: k for threshold", "< cosine_turn(turns_of_product(f.threshold, distance))",
     "< cosine_turn(turns_of_product(f.k, distance))"),
    ("refractory: <= for <", "< cosine_turn(turns_of_product(f.threshold, distance))",
     "<= cosine_turn(turns_of_product(f.threshold, distance))"),
    ("heaviside: at threshold", "m > f.threshold ? 1.0f", "m >= f.threshold ? 1.0f"),
    ("none: threshold ignored", "return m - f.threshold;", "return m;"),
    ("draws: one rule forgotten", "f.rule == SPIKESCAN_SIGMOID_BERNOULLI || ", ""),
)

CONVERSIONS = _faults(
    "kernels/element/convert.h", CONVERT,
    ("half: scale", "0x77800000u", "0x77000000u"),
    ("half: infinity and NaN", "rest >= 0x7c00u ?", "rest > 0x7c00u ?"),
    ("half: largest", "rest >= 0x47800000u", "rest >= 0x477fe000u"),
    ("half: smallest normal", "rest < 0x38800000u", "rest < 0x38000000u"),
    ("half: ties", "((rest >> 13) & 1u)", "1u"),
    ("bfloat16: ties", "(b + 0x7fffu + ((b >> 16) & 1u))", "(b + 0x8000u)"),
    ("bfloat16: NaN", "nan ? 0x7fc0u | ((b >> 16) & 0x8000u) : rounded", "rounded"),
    ("bytes of a dtype", "dtype == SPIKESCAN_UINT8 ? 1 : 2", "2"),
)

MAPS = _faults(
    "kernels/element/carry.h", CARRY,
    ("compose: order", "fused(x.m, y.a, x.b * y.m)", "fused(x.m, y.b, x.a * y.m)"),
    ("identity: second state", "map.b = 1.0;", "map.b = 0.0;"),
    ("power: floor", "base > 0.0 && !(power > 0.0) && power == power ? 4.9406564584124654e-324 : power", "power"),
    ("power: bits from the wrong end", "if (e & 1)", "if (e & 2)"),
    ("response: floor", "power > 0.0 && rounded == 0.0f ? 1.40129846e-45f : rounded", "rounded"),
    ("response: own step forgotten", "round_power(power.a + power.m)", "round_power(power.m)"),
    ("advance: infinity over no steps", "map.m != 0.0 ?", "true ?"),
    ("halves: the first lost", "state[n] = first[n];", "state[n] = second[n];"),
    ("split: not rounded", "if (at_split)", "if (false)"),
    ("respond: coupling lost", "fused(r.b, entry[1], fused(r.m, entry[0], value[1]))",
     "fused(r.b, entry[1], value[1])"),
)

RECURRENCES = _faults(
    "kernels/element/recurrence.h", RECURRENCE,
    ("clip: above 1", "(raw > 1.0f ? 1.0f : raw)", "raw"),
    ("clip: gradient at the bounds", "!(raw < 0.0f || raw > 1.0f)", "!(raw <= 0.0f || raw >= 1.0f)"),
    ("response: one step short", "return reached + 1;", "return reached;"),
    ("split: a chunk late", "(chunk + 1) % kSplitChunks == 0", "chunk % kSplitChunks == 0"),
    ("gradient step: decays swapped", "s[1] = d.second * output[1];", "s[1] = d.first * output[1];"),
    ("state step: not fused", "s[1] = fused(d.second, s[1], s[0]);", "s[1] = d.second * s[1] + 0.999999f * s[0];"),
)

LENGTHS = _faults(
    "kernels/element/chunking.h", RECURRENCE,
    ("split length", "kSplitSteps = 262144", "kSplitSteps = 131072"),
    ("chunks: rounded down", "(time + kChunkSteps - 1) / kChunkSteps", "time / kChunkSteps"),
    ("rows: last batches lost", "(batch + group - 1) / group", "batch / group"),
)

GENERATOR = _faults(
    "kernels/element/philox.h", PHILOX,
    ("philox: multiplier", "0xD2511F53u", "0xD2511F55u"),
    ("philox: rounds", "round < 10", "round < 9"),
    ("philox: key schedule", "key.high += 0xBB67AE85u", "key.high += 0x9E3779B9u"),
    ("uniform: lower bits", "word >> 8", "word & 0xffffffu"),
) + _faults(
    "kernels/random_origin.h", PHILOX,
    ("key: stream by value only", "k ? k->stream : call.args.stream", "call.args.stream"),
    ("key: upper half of the seed", "static_cast<uint32_t>(seed >> 32)", "0u"),
) + _faults(
    "kernels/cpu/lane_firing.h", PHILOX,
    ("draw: 16 bits of time", "static_cast<uint32_t>(time >> 2)", "static_cast<uint16_t>(time >> 2)"),
    ("draw: lane repeated", "static_cast<uint32_t>(origin.channel + c + l)",
     "static_cast<uint32_t>(origin.channel + c + (l & ~1))"),
    ("draw: batch origin", "static_cast<uint32_t>(origin.batch + b)", "static_cast<uint32_t>(b)"),
    ("draw: first word of a block", "int i = static_cast<int>(time & 3)", "int i = 0"),
)

FORWARD = _faults(
    "kernels/cpu/lane_firing.h", PASSES,
    ("bits: second half word", "<< (shift + j)", "<< j"),
    ("bits: first half word lost", "shift == 0 ? 0u : word[l]", "0u"),
    ("bytes: 2 for 1", "spikes.at[j][l] != 0.0f ? 1 : 0;", "spikes.at[j][l] != 0.0f ? 2 : 0;"),
) + _faults(
    "kernels/cpu/lanes.h", SHAPES,
    ("store: past the last channel", "for (int l = 0; l < lanes; ++l) row[l] = from_float",
     "for (int l = 0; l < kLanes; ++l) row[l] = from_float"),
) + _faults(
    "kernels/cpu/neuron_lanes.h", PASSES,
    ("spsn: gain", "1.0f - out.beta[l]", "1.0f"),
    ("alpha: not clipped", "alpha ? clip_decay(alpha[c]) : 0.0f", "alpha ? alpha[c] : 0.0f"),
    ("decay: sharing ignored", "d.shared_decay ? 0 : channel + l", "channel + l"),
    ("psu_lif: R ignored", "kPsu ? states[0]", "false ? states[0]"),
    ("psu_lif: R from x", "= sigmoid(states[0].at[j][l])", "= sigmoid(x.at[j][l])"),
) + _faults(
    "kernels/cpu/forward_lanes.h", PASSES,
    ("initial state ignored", "const float value = initial.data ?", "const float value = false ?"),
    ("final state a step early", "final_[n][l] = states[n].at[steps - 1][l]", "final_[n][l] = states[n].at[0][l]"),
    ("saved carry of the wrong batch", "slot_index(n, b, k - 1,", "slot_index(n, 0, k - 1,"),
) + _faults(
    # Wrong from a fourth chunk on.
    "kernels/cpu/forward_lanes.h", SHAPES,
    ("saved carry of the wrong chunk", "slot_index(n, b, k - 1,", "slot_index(n, b, k / 2,"),
) + _faults(
    "kernels/cpu/forward_lanes.h", SPLITS,
    ("split a chunk late", "(k + 1) % kSplitChunks == 0", "k % kSplitChunks == 0"),
)

BACKWARD = _faults(
    "kernels/cpu/backward_lanes.h", PASSES,
    ("psu_lif: sign on R", "input.at[j][l] = -h.at[j][l];", "input.at[j][l] = h.at[j][l];"),
    ("psu_lif: slope of the wrong value", "fused(sigmoid_slope(membrane.at[j][l])", "fused(sigmoid(membrane.at[j][l])"),
    ("gradient of V ignored", "input.at[j][l] = h.at[j][l] + grad_membrane.at[j][l];", "input.at[j][l] = h.at[j][l];"),
    ("gradient of the final state ignored", "in.data ? in.data[b * in.stride_batch + channel_ + l] : 0.0f", "0.0f"),
    ("spsn: x in the decay's gradient", "v - x.at[j][l]", "v"),
    ("spsn: gain of dx", "dx.at[j][l] *= decays_.gain[l]", "dx.at[j][l] *= decays_.beta[l]"),
    ("decay gradient: state of the same step", "states_[s][n].at[j - 1][l]", "states_[s][n].at[j][l]"),
    ("decay gradient: state before a chunk", ": entry_[n][l];", ": 0.0f;"),
    ("alpha gradient from V", "alpha_sum[l] = fused(gradients[1].at[j][l], previous(1,",
     "alpha_sum[l] = fused(gradients[1].at[j][l], previous(0,"),
    ("partial sums not cleared", "for (double& t : parameter) t = 0.0;", "for (double& t : parameter) t *= 1.0;"),
) + _faults(
    "kernels/cpu/backward_lanes.h", SPLITS,
    ("split: not rounded", "end_chunk(length, k % kSplitChunks == 0)", "end_chunk(length, false)"),
) + _faults(
    "kernels/cpu/cpu_backend.cpp", PASSES,
    ("decay gradient outside [0, 1]", "decay && decay_has_gradient(decay[c]) ?", "decay ?"),
) + _faults(
    "kernels/reduce.h", PASSES,
    ("sum: an accumulator lost", "int half = lanes / 2; half > 0; half /= 2",
     "int half = lanes / 2; half > 1; half /= 2"),
    ("sum: first term lost", "for (int64_t i = lane; i < count", "for (int64_t i = lane + 1; i < count"),
)

HOST = [
    fault
    for file, test, changes in host_faults.CHANGES
    for fault in _faults(file, Test(host_faults.TESTS[test], f"tests/host/{host_faults.TESTS[test]}"), *changes)
]

ALL = (REAL + GRADIENT_RULES + FIRING_RULES + CONVERSIONS + MAPS + RECURRENCES + LENGTHS + GENERATOR + FORWARD +
       BACKWARD + HOST)

# What `make test` plants: faults that one small program sees.
QUICK = ("clip: above 1", "response: one step short", "split length")

# No fault at all: a script that calls this one caught is itself broken.
HARMLESS = Fault("harmless: a blank line", "kernels/element/chunking.h", "}  // namespace spikescan",
                 "\n}  // namespace spikescan", RECURRENCE)
