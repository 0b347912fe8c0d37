#include "host/validate_description.h"

#include <cinttypes>
#include <cmath>

#include "host/names.h"

namespace spikescan {
namespace {

spikescan_status check_number(const char* name, int number, int count, const char* allowed, Sentence& error) {
  if (number >= 0 && number < count) return SPIKESCAN_OK;
  return error.invalid("%s is %d; it must be %s", name, number, allowed);
}

spikescan_status check_enums(const spikescan_description& d, Sentence& error) {
  if (const auto s = check_number("recurrence", number_of(d.recurrence), kRecurrences,
                                  "LIF (0), SPSN (1), CUBA_LIF (2) or PSU_LIF (3)", error)) {
    return s;
  }
  if (const auto s =
          check_number("rule", number_of(d.rule), kRules,
                       "SIGMOID_BERNOULLI (0), REFRACTORY_SIGMOID_BERNOULLI (1), HEAVISIDE (2) or NONE (3)", error)) {
    return s;
  }
  if (const auto s = check_number("surrogate", number_of(d.surrogate), kSurrogates,
                                  "ARCTAN (0), SUPERSPIKE (1), TRIANGULAR (2), BOXCAR (3) or TANH (4)", error)) {
    return s;
  }
  if (const auto s =
          check_number("gradient", number_of(d.gradient), kGradients, "PROBABILITY (0) or DERIVATIVE (1)", error)) {
    return s;
  }
  if (const auto s = check_number("shared_decay", d.shared_decay, 2, "0 or 1", error)) return s;
  return check_number("dtype", number_of(d.dtype), 3, "FLOAT32 (0), FLOAT16 (1) or BFLOAT16 (2)", error);
}

// Times a few constants it stays in float32's normal range, and exp(-k U) reaches its ends at finite U
// (host/firing_setup.cpp).
constexpr float kLeastSlope = 0x1p-120f, kMostSlope = 0x1p120f;

spikescan_status check_rule(const spikescan_description& d, Sentence& error) {
  if (!std::isfinite(d.threshold)) return error.invalid("threshold is %.9g; it must be finite", d.threshold);
  if (number_of(d.rule) != SPIKESCAN_NONE && !(d.k >= kLeastSlope && d.k <= kMostSlope)) {
    return error.invalid("k is %.9g; it must be from 2^-120 to 2^120", d.k);
  }
  if (number_of(d.rule) == SPIKESCAN_SIGMOID_BERNOULLI && !(d.max_prob >= 0.0f && d.max_prob <= 1.0f)) {
    return error.invalid("max_prob is %.9g; it must be in [0, 1]", d.max_prob);
  }
  return SPIKESCAN_OK;
}

spikescan_status check_size(const char* name, int64_t size, int bits, Sentence& error) {
  if (size >= 0 && size <= int64_t{1} << bits) return SPIKESCAN_OK;
  return error.invalid("%s is %" PRId64 "; it must be from 0 to 2^%d", name, size, bits);
}

spikescan_status check_origin(const char* prefix, const char* name, int64_t origin, const char* size_name, int64_t size,
                              int bits, Sentence& error) {
  if (origin >= 0 && origin <= (int64_t{1} << bits) - size) return SPIKESCAN_OK;
  return error.invalid("%s%s_origin is %" PRId64 "; it must be at least 0, and with %s (%" PRId64 ") at most 2^%d",
                       prefix, name, origin, size_name, size, bits);
}

// The generator's counter has 32 bits for each, and serves four steps a call.
constexpr int kBatchBits = 32, kTimeBits = 34, kChannelBits = 32;

// Of sizes up to 2^34, all checked: no intermediate overflows.
bool too_many(int64_t a, int64_t b, int64_t c) {
  int64_t product;
  return __builtin_mul_overflow(a, b, &product) || __builtin_mul_overflow(product, c, &product) ||
         product > kMostElements;
}

spikescan_status check_shape(const spikescan_description& d, Sentence& error) {
  if (const auto s = check_size("batch", d.batch, kBatchBits, error)) return s;
  if (const auto s = check_size("time", d.time, kTimeBits, error)) return s;
  if (const auto s = check_size("channels", d.channels, kChannelBits, error)) return s;
  if (const auto s = check_origins("", d, {d.batch_origin, d.time_origin, d.channel_origin}, error)) return s;
  // The states are [B, C] even where no step is taken.
  if (too_many(d.batch, d.channels, 1) || too_many(d.batch, d.channels, d.time)) {
    return error.invalid("batch, time and channels are %" PRId64 ", %" PRId64 " and %" PRId64
                         "; batch * channels and batch * time * channels must be at most 2^56",
                         d.batch, d.time, d.channels);
  }
  return SPIKESCAN_OK;
}

spikescan_status check_reserved(const spikescan_description& d, Sentence& error) {
  const struct {
    const char* name;
    const void* value;
  } fields[] = {{"threshold_per_channel", d.threshold_per_channel},
                {"k_per_channel", d.k_per_channel},
                {"cumulative_lengths", d.cumulative_lengths},
                {"decay_per_step", d.decay_per_step}};
  for (const auto& field : fields) {
    if (!field.value) continue;
    return error.refuse(SPIKESCAN_UNSUPPORTED, "%s is %p; it is reserved and must be null", field.name, field.value);
  }
  return SPIKESCAN_OK;
}

}  // namespace

spikescan_status check_origins(const char* prefix, const spikescan_description& d, const Origins& origins,
                               Sentence& error) {
  if (const auto s = check_origin(prefix, "batch", origins.batch, "batch", d.batch, kBatchBits, error)) return s;
  if (const auto s = check_origin(prefix, "time", origins.time, "time", d.time, kTimeBits, error)) return s;
  return check_origin(prefix, "channel", origins.channel, "channels", d.channels, kChannelBits, error);
}

spikescan_status validate_description(const spikescan_description& d, Sentence& error) {
  if (const auto s = check_enums(d, error)) return s;
  if (const auto s = check_rule(d, error)) return s;
  if (const auto s = check_shape(d, error)) return s;
  return check_reserved(d, error);
}

}  // namespace spikescan
