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


BOUNDS = _element("error_bounds_test")
FIRING = _element("firing_test")
CONVERT = _element("convert_test")
CARRY = _element("carry_test")
RECURRENCE = _element("recurrence_test")
PHILOX = _element("philox_test")
# The shapes and the splits are most of the passes' tests' time: only what needs them runs them.
PASSES = Test("ops_cpu", "tests/ops/ops_cpu", "-*Shapes*:*Splits*")
SHAPES = Test("ops_cpu", "tests/ops/ops_cpu", "*Shapes*")
EXECUTOR = Test("executor_test", "tests/cpu/executor_test")
FEW_ROWS = Test("few_rows_test", "tests/cpu/few_rows_test")
STREAMING = Test("streaming_test", "tests/cpu/streaming_test")
FIRING_ORDER = Test("firing_order_test", "tests/cpu/firing_order_test")
FORWARD_ASKING = Test("forward_asking_test", "tests/cpu/forward_asking_test")
NEXT_TURN = Test("next_turn_test", "tests/cpu/next_turn_test")
TINY_NUMBERS = Test("tiny_numbers_test", "tests/cpu/tiny_numbers_test")
VECTOR_FUNCTIONS = Test("vector_functions_test", "tests/cpu/vector_functions_test")


def _faults(file, test, *changes):
    return [Fault(name, file, old, new, test) for name, old, new in changes]


REAL = _faults(
    "kernels/element/real.h", BOUNDS,
    ("exp2: one coefficient", "0.05550711f", "0.05550811f"),
    ("exponential: low part dropped", "fused(scale_low, x, fused(scale, x, kRounder - shifted))",
     "fused(scale, x, kRounder - shifted)"),
    ("exponential: product rounded first", "return {times_power(c, shifted), exp2_fraction(f)};",
     "return {times_power(c, shifted), exp2_fraction(scale * x - (shifted - kRounder))};"),
    ("sigmoid: one coefficient", "-0.16667652f", "-0.16668652f"),
    ("sigmoid: sign", "fused(-kLog2E, inside, kRounder)", "fused(kLog2E, inside, kRounder)"),
    ("sigmoid: ln 2 rounded", "fused(shifted - kRounder, kLn2, inside)", "fused(shifted - kRounder, 0.69314712f, inside)"),
    ("sigmoid: wider reach", "kSigmoidReach = 88.029686f", "kSigmoidReach = 89.029686f"),
    ("clamp: NaN lost", "return x < low ? low : x;", "return x >= low ? x : low;"),
    ("clamp_number: NaN kept", "x = x > low ? x : low;", "x = x < low ? low : x;"),
    ("reciprocal: never zero", "d > 0x1p126f ? 0.0f : ", ""),
    ("logistic: not squared", "e * s * s", "e * s"),
    ("sine: one coefficient", "81.6024780f", "81.6034780f"),
    ("turns: the product's low part dropped", " + (low - nearest_integer(low))", ""),
    ("turns: overflow", "magnitude(high) < 281474976710656.0f ? r - nearest_integer(r) : (a - a) + (b - b)",
     "r - nearest_integer(r)"),
    ("cosine: not even", "sine_quarter_turn(0.25f - magnitude(r))", "sine_quarter_turn(0.25f - r)"),
    ("sine: not odd", "(r < 0.0f ? -folded : folded)", "folded"),
)

GRADIENT_RULES = _faults(
    "kernels/element/firing.h", BOUNDS,
    ("sigmoid gradient: max_prob missing", "fused(e.fraction, e.power, f.steepness.ceiling)",
     "fused(e.fraction, e.power, 1.0f)"),
    ("sigmoid derivative: k missing", "f.slope_factor * logistic(e).slope", "f.max_prob * logistic(e).slope"),
    ("sigmoid gradient: forms swapped", "f.gradient == SPIKESCAN_PROBABILITY) return reciprocal",
     "f.gradient != SPIKESCAN_PROBABILITY) return reciprocal"),
    ("gradient: the spike's lower bound", "k.lowest_gradient, k.highest", "k.lowest, k.highest"),
    ("refractory gradient: where p is 0", "if (p <= 0.0f) return 0.0f;", ""),
    ("refractory derivative: sine's sign", "-6.28318531f * sine_turn", "6.28318531f * sine_turn"),
    ("arctan: pi missing", "fused(w, w, 3.14159274f)", "fused(w, w, 1.0f)"),
    ("superspike: one-sided", "1.0f + magnitude(z);", "1.0f + z;"),
    ("triangular: negative", "height < 0.0f ? 0.0f : height", "height"),
    ("boxcar: edge", "magnitude(z) <= 1.0f ? 0.5f", "magnitude(z) < 1.0f ? 0.5f"),
    ("tanh: factor", "f.slope_factor * logistic(gradient_exponential(f.steepness, m)).slope",
     "f.k * logistic(gradient_exponential(f.steepness, m)).slope"),
)

FIRING_RULES = _faults(
    "kernels/element/firing.h", FIRING,
    ("sigmoid: <= for <", "fused(u, e, u) < f.max_prob", "fused(u, e, u) <= f.max_prob"),
    ("sigmoid: max_prob for p", "fused(u, e, u) < f.max_prob", "u < f.max_prob"),
    ("sigmoid: threshold ignored", "clamp_number(m - k.threshold, k.lowest, k.highest)",
     "clamp_number(m, k.lowest, k.highest)"),
    ("sigmoid: the gradient's lower bound", "clamp_number(m - k.threshold, k.lowest, k.highest)",
     "clamp_number(m - k.threshold, k.lowest_gradient, k.highest)"),
    ("sigmoid: NaN kept", "clamp_number(m - k.threshold", "clamp(m - k.threshold"),
    ("refractory: k for threshold", "< cosine_turn(turns_of_product(f.threshold, m - f.threshold))",
     "< cosine_turn(turns_of_product(f.k, m - f.threshold))"),
    ("refractory: <= for <", "< cosine_turn(turns_of_product(f.threshold, m - f.threshold))",
     "<= cosine_turn(turns_of_product(f.threshold, m - f.threshold))"),
    ("heaviside: at threshold", "m > f.threshold ? 1.0f", "m >= f.threshold ? 1.0f"),
    ("none: threshold ignored", "return m - f.threshold;", "return m;"),
    ("draws: one rule forgotten", "f.rule == SPIKESCAN_SIGMOID_BERNOULLI || ", ""),
)

FIRING_SETUP = _faults(
    "host/firing_setup.cpp", FIRING,
    ("steepness: rounded twice", "-k * kLog2OfE", "static_cast<float>(-k) * 1.44269504f"),
    ("steepness: a bound too far", "if (-static_cast<double>(scale) * x > z) x =", "if (false) x ="),
    ("steepness: max_prob's share of the bound", "127.0 - std::log2(s.ceiling)", "127.0"),
    ("steepness: divisor's limit", "std::min(ceiling, 0x1.8p126)", "std::min(ceiling, 0x1p127)"),
    ("steepness: low part", "static_cast<float>(exact - s.scale)", "0.0f"),
    ("derivative: max_prob missing", "sigmoid ? k * max_prob : k", "k"),
)

CONVERSIONS = _faults(
    "kernels/element/convert.h", CONVERT,
    ("half: scale", "0x77800000u", "0x77000000u"),
    ("half: infinity and NaN", "rest >= 0x7c00u ?", "rest > 0x7c00u ?"),
    ("half: largest", "rest >= 0x47800000u", "rest >= 0x477fe000u"),
    ("half: smallest normal", "rest < 0x38800000u", "rest < 0x38000000u"),
    ("half: ties", "((rest >> 13) & 1u)", "1u"),
    ("bfloat16: ties", "(b + 0x7fffu + ((b >> 16) & 1u))", "(b + 0x8000u)"),
    ("half: NaN", "rest > 0x7f800000u", "false"),
    ("bfloat16: NaN", "x != x ? kNarrowNaN :", "false ? kNarrowNaN :"),
    ("bytes of a dtype", "dtype == SPIKESCAN_UINT8 ? 1 : 2", "2"),
)

MAPS = _faults(
    "kernels/element/carry.h", CARRY,
    ("compose: order", "fused(x.m, y.a, x.b * y.m)", "fused(x.m, y.b, x.a * y.m)"),
    ("identity: second state", "map.b = 1.0;", "map.b = 0.0;"),
    ("power: floor", "power == 0.0 && base > 0.0 ? kLeastDouble : power", "power"),
    ("power: bits from the wrong end", "if (e & 1)", "if (e & 2)"),
    ("response: floor", "power > 0.0 && rounded == 0.0f ? 1.40129846e-45f : rounded", "rounded"),
    ("response: own step forgotten", "round_power(power.a + power.m)", "round_power(power.m)"),
    ("advance: infinity over no steps", "map.m != 0.0 ?", "true ?"),
    ("quarters: the first lost", "joined[n] = left[0][n];", "joined[n] = left[1][n];"),
    ("quarters: the last one lost", "i < kSegmentQuarters; ++i) advance(quarter_map", "i < kSegmentQuarters - 1; ++i) advance(quarter_map"),
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
    ("chunks: rounded down", "divide_up(time, kChunkSteps)", "time / kChunkSteps"),
    ("rows: last batches lost", "divide_up(batch, batches_per_row(time))", "batch / batches_per_row(time)"),
)

GENERATOR = _faults(
    "kernels/element/philox.h", PHILOX,
    ("philox: multiplier", "0xD2511F53u", "0xD2511F55u"),
    ("philox: rounds", "kPhiloxRounds = 10", "kPhiloxRounds = 9"),
    ("philox: key schedule", "n * 0xBB67AE85u", "n * 0x9E3779B9u"),
    ("uniform: lower bits", "word >> 8", "word & 0xffffffu"),
) + _faults(
    "kernels/random_origin.h", PHILOX,
    ("key: stream by value only", "k ? k->stream : call.args.stream", "call.args.stream"),
    ("key: upper half of the seed", "static_cast<uint32_t>(seed >> 32)", "0u"),
) + _faults(
    "kernels/cpu/vector_philox.h", PHILOX,
    ("draw: 16 bits of time", "static_cast<uint64_t>((origin_.time + t) >> 2)",
     "static_cast<uint16_t>((origin_.time + t) >> 2)"),
    ("draw: lane repeated", "channel.of[odd] + pairs(", "channel.of[0] + pairs("),
    ("draw: batch origin", "batch.of[odd] + pairs(static_cast<uint64_t>(origin_.batch))", "batch.of[odd]"),
    ("draw: even rows twice", "hn::ConcatOdd(PairTag()", "hn::ConcatEven(PairTag()"),
    ("draw: a round's key", "pass(odd[i], low, high)", "pass(odd[i], high, low)"),
    ("draw, one batch: batch origin", "origin_.batch + block.batch[0]", "block.batch[0]"),
    ("draw, one batch: the stream", "high_word(product0) ^ origin_.stream ^", "high_word(product0) ^"),
    ("draw, one batch: no part of the batch's in the third round", "^ batch_low_ ^ key_low_[1]", "^ key_low_[1]"),
    ("draw, one batch: even rows twice", "odd[i] = after_three(time.of_batch, odd_row)",
     "odd[i] = after_three(time.of_batch, even_row)"),
    ("draw, several batches: the third round's keys", "pass(c, pairs(key_low_[2]), pairs(key_high_[2]))",
     "pass(c, pairs(key_high_[2]), pairs(key_low_[2]))"),
) + _faults(
    "kernels/cpu/lane_firing.h", PHILOX,
    ("draw: first word of a block", "int first = -philox.phase(t)", "int first = 0"),
)

FORWARD = _faults(
    "kernels/cpu/spike_words.h", PASSES,
    ("bits: second half word", "hn::ShiftLeftSame(bits, shift)", "bits"),
    ("bits: first half word lost", "hn::Load(WordTag(), word_ + l)", "words(0u)"),
    ("bits: rows apart", "word_ + first,", "word_,"),
) + _faults(
    "kernels/cpu/vector_convert.h", PASSES,
    ("bytes: 2 for 1", "return x != 0.0f ? 1 : 0;", "return x != 0.0f ? 2 : 0;"),
) + _faults(
    "kernels/cpu/segment_io.h", SHAPES,
    ("store: past the last channel", "data + j * stride, rest);\n}", "data + j * stride, rest + 1);\n}"),
    ("load: a run's rest", "hn::StoreU(load_first(data + j * stride, rest)", "hn::StoreU(load_first(data + j * stride, rest - 1)"),
    ("load: over the next step's lanes", "out.at[j] + first, rest);", "out.at[j] + first, kFloats);"),
) + _faults(
    "kernels/cpu/row_stream.h", STREAMING,
    ("stream: the first line whole", "first == SharedLine::kWhole ? 0 : part;", "0;"),
    ("stream: ends not kept", "__builtin_memcpy(streaming.last[j], rows[j] + bytes, kLineBytes);", ";"),
    ("stream: beginnings not kept", "__builtin_memcpy(streaming.first[j], own, kLineBytes);", ";"),
    ("stream: batches with gaps", "stride == run && fits", "fits"),
    ("stream: an end's last bytes", "  store_few(uint32_t{});\n", ""),
) + _faults(
    "kernels/cpu/segment_io.h", STREAMING,
    ("stream: joined over gaps", "tensor.stride_time == d.channels;", "true;"),
    ("stream: a strip joined to itself", "place.has_all && ", ""),
) + _faults(
    "kernels/cpu/lane_transpose.h", STREAMING,  # where there is AVX-512
    ("transpose: upper halves", "interleaved<kSide / 2>(rows[i]", "interleaved<0>(rows[i]"),
) + _faults(
    "kernels/cpu/lane_gather.h", STREAMING,
    ("gather: another run's part", "const int lane = l + i * kPart;", "const int lane = l;"),
) + _faults(
    "kernels/cpu/block_grid.h", SHAPES,
    ("blocks: channels left out", "(block < wider ? block : wider)", "wider"),
) + _faults(
    "kernels/cpu/spike_rows.h", STREAMING,  # where there is AVX-512
    ("spikes: the neighbour's bits", "before >> (kLanes - part)", "before"),
    ("spikes: bits not kept", "__builtin_memcpy(streaming.last[step], &up_to_here, sizeof up_to_here);", ""),
    ("spikes: of a narrow block alone", "bits << (kLanes - count) | before >> count", "bits << (kLanes - count)"),
    ("spikes: first bits not kept", "__builtin_memcpy(streaming.first[j], bits_[j], sizeof bits_[j]);", ";"),
    ("spikes: what a line leaves", "bits >> (run - filled)", "0"),
    ("spikes: past a short run", "store_part_ones(bits >> l, 0, count - l,", "store_part_ones(bits >> l, 0, count - l + 1,"),
    ("spikes: part of a line, of the bits after it", "store_part_ones(first_bits, part,", "store_part_ones(bits, part,"),
    ("spikes: part of a line to its end", "(64 - (end - begin))", "0"),
    ("spikes: a part's last row shares its line", "streaming.last_line(step, steps)", "streaming.last_line(step, kSegmentSteps)"),
    ("spikes: of another run", "bits_of_step(j) >> first, count, to, one);", "bits_of_step(j), count, to, one);"),
) + _faults(
    "kernels/cpu/lane_scan.h", PASSES,
    ("quarter: another one's entry", "Response(tables_, entry.at[Scan::quarter(q)], l)",
     "Response(tables_, entry.at[kSegmentQuarters - 1 - Scan::quarter(q)], l)"),
    ("quarter: entered after steps that are not there", "quarter_steps(Scan::quarter(i - 1), steps)", "kQuarterSteps"),
    ("segment: over no steps", "    advance_or_stay(over, carry, chain, state);", "    advance(over, carry, chain, state);"),
    ("quarter: halves in each other's place", "hn::Combine(FloatTag(), high[i][n], low[i][n])",
     "hn::Combine(FloatTag(), low[i][n], high[i][n])"),
    ("last row: of another quarter", "load(local_[q][n] + l)", "load(local_[0][n] + l)"),
    ("carry: taken for nothing", "if (!is_plus_zero(all)) expect_carry();", ""),
    ("carry: of the last state alone", "all = hn::Or(all, load(carry_[n] + l));", "all = load(carry_[n] + l);"),
    ("less than a segment: its last quarter left out", ": (steps + kQuarterSteps - 1) / kQuarterSteps;",
     ": steps / kQuarterSteps;"),
    ("less than a segment backward: its first quarter alone",
     "kSegmentQuarters - (steps + kQuarterSteps - 1) / kQuarterSteps", "kSegmentQuarters - 1"),
) + _faults(
    "kernels/cpu/decay_tables.h", PASSES,
    ("powers: those of an uneven distance", "if (steps % kSegmentSteps == 0) return", "return"),
    ("powers: from another square", "compose(exact[high], exact[s - high])", "compose(exact[high / 2], exact[s - high])"),
    ("powers: vanish", "keep_positive(power, base);\n    put(entry", "put(entry"),
) + _faults(
    "kernels/cpu/lane_decays.h", PASSES,
    ("spsn: gain", "input_gain(out.beta[l])", "1.0f"),
    ("alpha: not clipped", "used && alpha ? clip_decay(alpha[c])", "used && alpha ? alpha[c]"),
    ("decay: sharing ignored", "d.shared_decay || !used ? 0 : block.channel[l]", "!used ? 0 : block.channel[l]"),
) + _faults(
    "kernels/cpu/segment_states.h", PASSES,
    ("psu_lif: R ignored", "Neuron::kPsu ? v - load(", "false ? v - load("),
) + _faults(
    "kernels/cpu/neuron_lanes.h", PASSES,
    ("psu_lif: R from V itself", "return drive(j, l, value(load(states.at[0].at[j] + l)));", "return load(states.at[0].at[j] + l);"),
) + _faults(
    "kernels/cpu/forward_lanes.h", PASSES,
    ("initial state ignored", "load_state(args.initial_state[n], block_, 0, neuron_.carry(n));",
     "load_state(spikescan_state{}, block_, 0, neuron_.carry(n));"),
    ("final state: none of part of a segment", "(leaves_split(k));\n    __builtin_memcpy(final_, states_.last, sizeof final_);",
     "(leaves_split(k));"),
    ("final state: of a last whole segment none", "if (is_last(t)) keep_last(kSegmentSteps);", ""),
) + _faults(
    "kernels/cpu/neuron_lanes.h", PASSES,
    ("last row of V a step early", "rows[n]->at[steps - 1], sizeof", "rows[n]->at[0], sizeof"),
) + _faults(
    "kernels/cpu/neuron_lanes.h", SHAPES,
    ("psu_lif: R from V itself, inside a row", "return sigmoid(value(v));", "return value(v);"),
) + _faults(
    "kernels/cpu/local_membrane.h", SHAPES,
    ("psu_lif: R ignored inside a row", "return v - response(0, i, load(states_.at[1].at[j] + l));", "return v;"),
    ("psu_lif: M in the place of V", "states_.at[Neuron::kPsu ? 1 : 0]", "states_.at[0]"),
    ("membrane's tile: the last quarter left local", "q * kQuarterSteps < steps; ++q", "(q + 1) * kQuarterSteps < steps; ++q"),
) + _faults(
    "kernels/cpu/settle_segment.h", SHAPES,
    ("settle: the first vector's response for all abreast", "settle_step(responses(v), j,", "settle_step(responses(0), j,"),
    ("settle: the second state left local", "store(response(0, reached, load(current)), current);", ""),
) + _faults(
    "kernels/cpu/saved_states.h", PASSES,
    ("saved state of the wrong batch", "saved_index(d, state, block.batch[l],", "saved_index(d, state, 0,"),
) + _faults(
    # Wrong from a fourth chunk on.
    "kernels/cpu/forward_lanes.h", SHAPES,
    ("saved carry of the wrong chunk", "saved_slot(k, segment), values(n)", "saved_slot(k / 2, segment), values(n)"),
) + _faults(
    "kernels/cpu/forward_lanes.h", FEW_ROWS,
    ("split a chunk late", "neuron_.end_chunk(leaves_split(k));", "neuron_.end_chunk(k % kSplitChunks == 0);"),
) + _faults(
    "kernels/cpu/forward_lanes.h", SHAPES,
    ("inner: the end of a chunk forgotten", "end <= length && end < kChunkSteps", "end <= length"),
) + _faults(
    "kernels/cpu/forward_spikes.h", SHAPES,
    ("inner: half a packed word at the end not written", " || t + kSegmentSteps == call_.description.time", ""),
) + _faults(
    "kernels/cpu/spike_sinks.h", SHAPES,
    ("inner: every step's bit in one place", "    bit = bit + bit;\n", ""),
) + _faults(
    "kernels/cpu/decay_sums.h", SHAPES,
    ("partial sums: rows that have no batch", "if (lanes < kFloats) sums =", "if (false) sums ="),
) + _faults(
    "kernels/cpu/vector_philox.h", SHAPES,
    ("fire: one batch's draws for all rows", "one_batch_ = block.lanes == block.width()",
     "one_batch_ = block.chunks() == 1"),
) + _faults(
    "kernels/cpu/lane_firing.h", SHAPES,
    ("fire: of two vectors one twice", "l + i / kTimes * kFloats, m, out", "l, m, out"),
    ("fire: the last draw of part of a segment once more", "fire_drawn<1, 2>(rule, philox, t, in_pairs,",
     "fire_drawn<1, 2>(rule, philox, t - 4, in_pairs,"),
) + _faults(
    "kernels/cpu/forward_lanes.h", EXECUTOR,
    ("split: R measured from an unfinished V", "distance + kSegmentSteps == kChunkSteps, states_)", "false, states_)"),
)

THREADS = _faults(
    "kernels/cpu/threads.h", EXECUTOR,
    ("executor: no task taken for no memory", "if (!shared.ran.load()) return", "if (false) return"),
) + _faults(
    "kernels/cpu/threads.cpp", EXECUTOR,
    ("fork: threads that are gone are waited for", "lost_threads ? 1 : omp_get_max_threads()", "omp_get_max_threads()"),
    ("executor without a run: all of OpenMP's threads", "std::min<int>(pool_->threads, openmp_threads())", "openmp_threads()"),
)

CHUNKS = _faults(
    "kernels/cpu/lane_block.h", FEW_ROWS,
    ("side by side: all the first chunk", "chunk[l] = chunk[l - rows] + step;", "chunk[l] = 0;"),
) + _faults(
    "kernels/cpu/row_places.h", FEW_ROWS,
    ("side by side: words of another chunk", "? kChunkSteps / kPackedSteps : kChunkSteps;", "? kChunkSteps / 64 : kChunkSteps;"),
    ("side by side: a chunk's rows a run in any case", "are_neighbours(block.chunk_lanes()) ?", "true ?"),
) + _faults(
    "kernels/cpu/vector_philox.h", FEW_ROWS,
    ("side by side: the first chunk's draws", "multiply(chunk.of[odd], kChunkSteps / 4)", "multiply(chunk.of[odd], 0)"),
    ("side by side: the first vector's draws", "places_ == 1 ? 0 : even_row, even_row", "0, even_row"),
) + _faults(
    "kernels/cpu/saved_states.h", FEW_ROWS,
    ("side by side: states saved in one place", "slot + block.chunk[l] * kChunkSlots, block", "slot, block"),
) + _faults(
    "kernels/cpu/split_chunk.h", FEW_ROWS,
    ("side by side: a carry not passed on", "scan.carries(), (i + 1) * rows", "scan.carries(), i * rows"),
    ("side by side: rounded as the first chunk is", "lanes.leaves_split(n + i)", "lanes.leaves_split(n)"),
    ("side by side: the last chunks not measured", "!last || item.count > 1", "!last"),
) + _faults(
    "kernels/cpu/forward_lanes.h", FEW_ROWS,
    ("side by side: no final state", "k + block_.chunks() == chunks", "k + 1 == chunks"),
) + _faults(
    "kernels/cpu/backward_lanes.h", FEW_ROWS,
    ("side by side: no gradient of the initial state", "k + 1 > block_.chunks()", "k > 0"),
    ("side by side: the first chunk's states", "k + 1 == block_.chunks()", "k == 0"),
) + _faults(
    "kernels/cpu/decay_sums.h", FEW_ROWS,
    ("side by side: sums in one row", "row_block * grid.rows + r, chunk)", "row_block * grid.rows + r, last_chunk)"),
) + _faults(
    "kernels/cpu/chunk_groups.h", FEW_ROWS,
    ("groups: a short chunk taken twice", "return {before + begin,", "return {begin,"),
    ("groups: a short chunk among whole ones", "(time % kChunkSteps != 0 ? 1 : 0)", "(0)"),
)

ASKING = _faults(
    "kernels/cpu/next_turn.h", NEXT_TURN,
    ("asking: beyond the next turn's steps, and not for all", "return done < last ? done : last;", "return last;"),
) + _faults(
    "kernels/cpu/ask_queue.h", NEXT_TURN,
    ("asking: one batch alone", "lane_ + item.run < lanes_", "false"),
    ("asking: not for where rows begin", "++item.lines;", ""),
    ("asking: as narrow as the last block", "next.is_first_block() && place.first_width > lanes", "false"),
    ("asking: first step first in any case", "item.step = 0 - stride;", "item.step = stride;"),
    ("asking: one long row in whole lines alone", "(aligned ? 0 : kLineBytes)", "0"),
) + _faults(
    "kernels/cpu/next_turn.h", FORWARD_ASKING,
    ("asking forward: not for a longer turn's other steps", "if (done == 0 && own_steps_ < next_.steps)", "if (false)"),
) + _faults(
    "kernels/cpu/asking.h", FORWARD_ASKING,
    ("asking forward: not for where rows begin", "!is_one_run && rows_->together()", "false"),
    ("asking forward: as narrow as the last block", "l < place.first_width;", "l < lanes;"),
) + _faults(
    "kernels/cpu/row_places.h", FORWARD_ASKING,
    ("asking forward: by a vector's first byte", "(vector + 1) * kFloats * bytes - 1", "vector * kFloats * bytes"),
    ("asking forward: the first batch alone", "(first_[line / batch_lines * run_] - first_[0]) * bytes", "0"),
) + _faults(
    "kernels/cpu/lane_firing.h", FIRING_ORDER,
    ("asking forward: not for one step of four", "  if (kAsksBetween) out.ask(j + 2, l);\n", ""),
    ("asking forward: for one step of four twice", "  if (kAsksBetween) out.ask(j + 2, l);\n",
     "  if (kAsksBetween) out.ask(j + 1, l);\n"),
    ("asking forward: not beside stores past the caches", "    if (!kAsksBetween) out.ask(j + i, l);\n", ""),
    ("asking forward: not by rules that draw nothing", "  out.ask(j, l);\n  out.put(j, l, spikes);", "  out.put(j, l, spikes);"),
)

# The way round slow multiplications; only a machine with a fused multiply-add sees them.
TINY = _faults(
    "kernels/cpu/tiny_numbers.h", TINY_NUMBERS,
    ("tiny: a NaN is small", "return hn::IfThenZeroElse(smaller_than(kTiny, x), x);",
     "return hn::IfThenElseZero(floats(kTiny) <= hn::Abs(x), x);"),
    ("tiny: what is not", "kTiny = 0x1p-116f", "kTiny = 0x1p-16f"),
    ("tiny: factors that are not 1", "one = 1.0f;", "one = 2.0f;"),
) + _faults(
    "kernels/cpu/tiny_numbers.h", VECTOR_FUNCTIONS,
    ("in doubles: a half twice", "rounded_product(hn::LowerHalf(half, a), hn::LowerHalf(half, b))",
     "rounded_product(hn::LowerHalf(half, a), hn::UpperHalf(half, b))"),
) + _faults(
    "kernels/cpu/vector.h", VECTOR_FUNCTIONS,
    ("in doubles: rounded twice", "_mm512_mask_or_epi64(bits, inexact, bits, _mm512_set1_epi64(1))", "bits"),
    ("in doubles: rounded twice, without AVX-512", "hn::BitCast(d, bits + step)", "hn::BitCast(d, bits)"),
    ("in doubles: ties not seen", "sum * doubles(1.0 + 0x1p-52)", "sum * doubles(1.0 - 0x1p-52)"),
    ("in doubles: ties seen from one side", "sum * doubles(1.0 - 0x1p-52)", "sum"),
    ("in doubles: ties seen from the other side", "sum * doubles(1.0 + 0x1p-52)", "sum"),
) + _faults(
    "kernels/cpu/lane_scan.h", TINY_NUMBERS,
    ("tiny: of two states one", "small = hn::And(small,", "small = hn::Or(small,"),
    ("powers lifted: by another power", "Doubles sunk_carry[N];",
     "Doubles sunk_carry[N];\n        over.term[0] = over.term[0] + over.term[0];"),
    ("tiny: beside a zero of either sign", "store(floats(-0.0f), state + l)", "store(floats(0.0f), state + l)"),
) + _faults(
    "kernels/cpu/neuron_lanes.h", TINY_NUMBERS,
    ("tiny: dropped for V, too", "if (states.subnormal && drops_tiny) {", "if (states.subnormal) {"),
    ("tiny: settled twice", "states.settled = ends || (!kPsu && states.subnormal);", "states.settled = ends;"),
    ("tiny: responded to twice", "      scan_.set_responded(states.entry);\n", ""),
    ("tiny: the last state twice", "if (!states.subnormal) keep_states(steps, false", "keep_states(steps, false"),
    ("tiny: R of 0", "[](Floats v) HWY_ATTR { return without_tiny(v); }", "[](Floats) HWY_ATTR { return floats(0.0f); }"),
) + _faults(
    "kernels/cpu/forward_lanes.h", TINY_NUMBERS,
    ("tiny: dropped beside a threshold of 0", "return d_.threshold >= 0x1p-20f || d_.threshold <= -0x1p-20f;", "return true;"),
    ("tiny: dropped from the final state", "|| (is_last && wants_any(call_.args.final_state, kStates))", ""),
) + _faults(
    "kernels/cpu/backward_lanes.h", TINY_NUMBERS,
    ("in doubles: never multiplied by the gradient of spikes", "    if (in_doubles_) multiply_in_doubles(given, steps, direct);\n",
     ""),
    ("in doubles: multiplied twice", "in_doubles_ ? RowsView{kOnes.at, 0} : given", "given"),
)

# Only a machine with AVX-512 sees some of them.
VECTORS = _faults(
    "kernels/cpu/vector_real.h", VECTOR_FUNCTIONS,
    ("sigmoid in vectors: the fraction bounded too closely", "exp_fraction(no_larger_than(1.0f,",
     "exp_fraction(no_larger_than(0.3f,"),
    ("sigmoid in vectors: the fraction not bounded", "exp_fraction(no_larger_than(1.0f, fused(n, floats(kLn2), x)))",
     "exp_fraction(fused(n, floats(kLn2), x))"),
    ("vectors: no 0 where the reciprocal is too small", "_mm512_maskz_div_ps(wanted, floats(1.0f).raw, d.raw)",
     "_mm512_div_ps(floats(1.0f).raw, d.raw)"),
    ("vectors: no 0 where the reciprocal is too small, by other instructions",
     "hn::IfThenZeroElse(floats(0x1p126f) < d, floats(1.0f)) / d", "floats(1.0f) / d"),
    ("vectors: a reciprocal that nobody wants is made", "hn::IfThenZeroElse(floats(0x1p126f) < d, floats(1.0f)) / d",
     "hn::IfThenZeroElse(floats(0x1p126f) < d, floats(1.0f) / d)"),
    ("vectors: scaled to a subnormal number for a sum", "scaled(x, at_least(floats(-100.0f), power))", "scaled(x, power)"),
) + _faults(
    "kernels/cpu/vector_firing.h", VECTOR_FUNCTIONS,
    ("gradient in vectors: without the low part of k", "no_larger_than(1.0f, fused(scale_low, x, fused_less(scale, x, n)))",
     "no_larger_than(1.0f, fused_less(scale, x, n))"),
    ("gradient in vectors: the fraction not bounded", "no_larger_than(1.0f, fused(scale_low, x, fused_less(scale, x, n)))",
     "fused(scale_low, x, fused_less(scale, x, n))"),
    ("gradient in vectors: a power of 1", "scaled_for_sum(ceiling, n), ceiling)",
     "scaled_for_sum(floats(1.0f), n), ceiling)"),
    ("drawn spikes in vectors: no bound above", "at_most(highest, m - threshold)", "m - threshold"),
    ("drawn spikes in vectors: bounded too low", "floats(0.9f * k.highest)", "floats(0.1f * k.highest)"),
    ("sums in vectors: subnormal numbers in them", "floats(0.9f * k.highest)", "floats(k.highest)"),
    ("gradient in vectors: slopes bounded as sums are", "return up_to(highest, m);", "return up_to(sum_highest, m);"),
    ("drawn spikes in vectors: a negative number is small", "return less_in_bits(fused(u, e, u), limit);",
     "return fused(u, e, u) < limit;"),
    ("drawn spikes in vectors: a limit of -0", "f.max_prob * by + 0.0f", "f.max_prob * by"),
    ("spikes in vectors: the fraction not bounded", "no_larger_than(0.5f, fused_less(scale, x, n))",
     "fused_less(scale, x, n)"),
) + _faults(
    "kernels/cpu/vector_four.h", PASSES,
    ("fire: of four vectors one", "return four.at[i];", "return four.at[0];"),
)

BACKWARD = _faults(
    "kernels/cpu/lane_scan.h", SHAPES,
    ("abreast: the first quarter's entry for all", "carried)[N][kLanes] = entry.at[Scan::quarter(q)];",
     "carried)[N][kLanes] = entry.at[0];"),
) + _faults(
    "kernels/cpu/gradient_lanes.h", PASSES,
    ("psu_lif: sign on R", "return hn::Neg(h(j, l));", "return h(j, l);"),
    ("psu_lif: slope of the wrong value", "fused_sum(load(slopes->at[j] + l), a, ",
     "fused_sum(load(slopes->at[0] + l), a, "),
    ("gradient of V ignored", "return add_membrane(j, l, h(j, l));", "return h(j, l);"),
) + _faults(
    "kernels/cpu/backward_lanes.h", PASSES,
    ("gradient of the final state ignored", "load_state(args.grad_final_state[n],", "load_state(spikescan_state{},"),
    ("spsn: gain of dx", "Neuron::kSpsn ? by.product(g[0], gain)", "Neuron::kSpsn ? g[0]"),
    ("decay gradient: state of the same step", "states.at[n].at[j - 1]", "states.at[n].at[j]"),
    ("decay gradient: state before a chunk", "store_narrow(load(carry + l), before_[n] + l);",
     "store_narrow(doubles(0.0), before_[n] + l);"),
    ("decay gradient: a group's first step lost", "complete_sums(shared_.states[i].last);", ""),
    ("states: a group starts from zero", "if (group > 0) {", "if (false) {"),
    ("no gradient of spikes: what the tile held", "direct = {};", ""),
) + _faults(
    "kernels/cpu/decay_sums.h", PASSES,
    ("spsn: x in the decay's gradient", "Neuron::kSpsn ? before[0] - x : before[0]", "before[0]"),
    ("alpha gradient from V", "fused_sum(gradient[1], before[1], alpha)", "fused_sum(gradient[1], before[0], alpha)"),
    ("partial sums not cleared", "__builtin_memset(total_, 0, sizeof total_);", ""),
) + _faults(
    "kernels/cpu/backward_lanes.h", PASSES,
    ("initial state's gradient as it leaves the chunk", "k > 0 || wants_any(call_.args.grad_initial_state, kStates)",
     "k > 0"),
) + _faults(
    "kernels/cpu/forward_lanes.h", PASSES,
    ("final state left out", "if (!wants_any(call_.args.final_state, kStates)) return;", "return;"),
) + _faults(
    "kernels/cpu/lane_scan.h", PASSES,
    ("chain left behind by a gradient's first segment", "kWhole || Scan::kReverse", "kWhole"),
    ("psu_lif: A of the quarter's mirror image", "const Response response(tables_, entry.at[Scan::quarter(q)], l);",
     "const Response response(tables_, entry.at[q], l);"),
) + _faults(
    "kernels/cpu/backward_lanes.h", STREAMING,
    ("rows that wait: the last ones forgotten", "strip.shared().grad_x.send_all();", ""),
    ("rows that wait: a split chunk's last ones forgotten", "    shared_.grad_x.send_all();", ""),
    ("rows that wait: forgotten where there is no rule", "grad_x.send_all();\n      direct = {};", "direct = {};"),
    ("rows that wait: sent a step too late", "          sender.send(j, l);\n          return rule.begin(m);",
     "          if (j > 0) sender.send(j - 1, l);\n          return rule.begin(m);"),
) + _faults(
    "kernels/cpu/settle_segment.h", STREAMING,
    ("abreast: ended before it has begun", "        const Floats next = begin(", "        end(j, at, begun[v]);\n"
     "        const Floats next = begin("),
    ("abreast: ended as the next step", "end(j + 1, at, begun[v])", "end(j, at, begun[v])"),
    ("abreast: the first step not ended", "  for (int v = 0; v < kAbreast; ++v) end(0, l + v * kFloats, begun[v]);\n", ""),
) + _faults(
    "kernels/cpu/spike_sinks.h", STREAMING,
    ("part of a segment: steps beyond it written", "if (j < steps) rows.put", "rows.put"),
) + _faults(
    "kernels/cpu/forward_spikes.h", STREAMING,
    ("part of a segment: a step lost", "PartStreamSink{lines, steps}", "PartStreamSink{lines, steps - 1}"),
    ("part of a segment: taken for whole quarters", "steps % kQuarterSteps == 0 ?", "true ?"),
    ("part of a segment: numbers for spikes", " && call_.firing.rule != SPIKESCAN_NONE", ""),
    ("part of a segment: bits of a whole one", "spikes_, t, steps, lanes_, to.way", "spikes_, t, kSegmentSteps, lanes_, to.way"),
) + _faults(
    "kernels/cpu/forward_lanes.h", STREAMING,
    ("part of a segment: no final state", "    keep_last(steps);\n    spikes_", "    spikes_"),
) + _faults(
    "kernels/cpu/delayed_rows.h", STREAMING,
    ("rows that wait: of another width", "lanes_ == lanes && steps_", "steps_"),
    ("rows that wait: fewer than are sent", "steps_ >= steps", "steps_ > 0"),
    ("rows that wait: more than are sent", "send_from(all ? steps : 0);", "if (!all) send_from(0);"),
    ("rows that wait: ends forgotten", "stream_ends(tile, steps, lanes, first, stride, streaming);", ""),
    ("rows that wait: vectors for lines", "l += to_line_[j];", ""),
    ("rows that wait: past their end", "if (l + kFloats > lanes_) return;", ""),
) + _faults(
    "kernels/cpu/float_rows.h", STREAMING,  # where there is AVX-512
    ("float rows: the neighbour's lanes", "joined(load_part(streaming.last[j]), begin,", "joined(begin, begin,"),
    ("float rows: the next step's lanes", "load_part(streaming.first[j + 1])", "load_part(streaming.first[j])"),
    ("float rows: what lies before", "hn::Not(hn::FirstN(d, part))", "hn::FirstN(d, kFloats)"),
    ("float rows: what lies after", "hn::FirstN(d, part), d, line", "hn::FirstN(d, kFloats), d, line"),
    ("float rows: ends not kept", "if (streaming.precedes) keep_part(end, streaming.last[j]);", ""),
    ("float rows: beginnings not kept", "keep_part(load(in.at[j]), streaming.first[j]);", ";"),
    ("float rows: an end's last line", "l + kFloats <= lanes; l += kFloats) {\n      hn::Stream",
     "l + kFloats < lanes; l += kFloats) {\n      hn::Stream"),
) + _faults(
    "kernels/cpu/lane_scan.h", FEW_ROWS,
    ("split: no carry expected", "    expect_carry();\n    return carry_;", "    return carry_;"),
) + _faults(
    "kernels/cpu/backward_lanes.h", FEW_ROWS,
    ("split: not rounded", "block_.lanes, GradientScan<1>::leaves_split(k))", "block_.lanes, false)"),
) + _faults(
    "kernels/cpu/run_passes.cpp", SHAPES,
    ("strip: another one's tables", "items.strip(item) == prepared", "prepared >= 0"),
) + _faults(
    "kernels/cpu/decay_gradients.cpp", PASSES,
    ("decay gradient: rows of few accumulators", "std::clamp<int64_t>(rows, 1, kRowAccumulators)", "int64_t{1}"),
) + _faults(
    "kernels/partial_sums.h", PASSES,
    ("partial sums: a chunk's batches side by side", "batch_row * plan.chunks + chunk",
     "chunk * (plan.partial_rows / plan.chunks) + batch_row"),
) + _faults(
    "kernels/element/recurrence.h", PASSES,
    ("decay gradient outside [0, 1]", "decays && decay_has_gradient(decays[channel]) ?", "decays ?"),
) + _faults(
    "kernels/reduce.h", PASSES,
    ("sum: an accumulator lost", "int half = lanes / 2; half > 0; half /= 2",
     "int half = lanes / 2; half > 1; half /= 2"),
    ("sum: first term lost", "for (int64_t i = lane; i < count", "for (int64_t i = lane + 1; i < count"),
)

HOST = [
    fault
    for file, test, changes in host_faults.CHANGES
    for fault in _faults(file, Test(host_faults.TESTS[test].split("/")[-1], f"tests/{host_faults.TESTS[test]}"), *changes)
]

ALL = (REAL + GRADIENT_RULES + FIRING_RULES + FIRING_SETUP + CONVERSIONS + MAPS + RECURRENCES + LENGTHS + GENERATOR + FORWARD +
       THREADS + CHUNKS + ASKING + TINY + VECTORS + BACKWARD + HOST)

# What `make test` plants: faults that one small program sees.
QUICK = ("clip: above 1", "response: one step short", "split length")

# No fault at all: a script that calls this one caught is itself broken.
HARMLESS = Fault("harmless: a blank line", "kernels/element/chunking.h", "}  // namespace spikescan",
                 "\n}  // namespace spikescan", RECURRENCE)
