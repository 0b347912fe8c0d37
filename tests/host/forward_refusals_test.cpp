// Every refusal of one of forward's arguments. The description's own are in description_refusals_test.cpp, those of two
// arguments that share memory in overlap_refusals_test.cpp.
#include <cstring>
#include <limits>

#include "refusals.h"

namespace spikescan::test {
namespace {

using Parts = std::vector<std::string>;
using Call = ForwardCase;
using Row = Refusal<Call>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// One byte on: misaligned for every dtype but uint8.
template <class T>
T* past(T* pointer) {
  return reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(pointer) + 1);
}

// Long enough that forward saves states: 2 chunks.
void lengthen(Call& call) {
  call.d.time = 1025;
  for (spikescan_tensor* t : {&call.args.x, &call.args.uniforms, &call.args.spikes, &call.args.membrane}) {
    t->stride_batch = 1025 * 3;
  }
}

// The last address that a 4-byte element may have.
void* at_the_end() {
  return reinterpret_cast<void*>(~uintptr_t{3});
}

const Row kRows[] = {
    {"struct_size_0",
     [](Call& c) {
       c.args.struct_size = 0;
       return Parts{"args.struct_size is 0"};
     }},
    {"struct_size_one_less",
     [](Call& c) {
       --c.args.struct_size;
       return Parts{"args.struct_size is " + text_of(sizeof c.args - 1)};
     }},
    {"struct_size_absurd",
     [](Call& c) {
       c.args.struct_size = 1 << 20;
       return Parts{"args.struct_size is 1048576"};
     }},

    {"x_null",
     [](Call& c) {
       c.args.x.data = nullptr;
       return Parts{"x.data is null"};
     }},
    {"x_dtype_differs",
     [](Call& c) {
       c.args.x.dtype = SPIKESCAN_FLOAT16;
       return Parts{"x.dtype is 1", "float16", "FLOAT32 (0)"};
     }},
    {"x_dtype_uint8",
     [](Call& c) {
       c.args.x.dtype = SPIKESCAN_UINT8;
       return Parts{"x.dtype is 3"};
     }},
    {"x_dtype_unknown",
     [](Call& c) {
       store(c.args.x.dtype, 77);
       return Parts{"x.dtype is 77"};
     }},
    // A shift by 32 may be one by 0: the dtype would pass for float32.
    {"x_dtype_32",
     [](Call& c) {
       store(c.args.x.dtype, 32);
       return Parts{"x.dtype is 32"};
     }},
    {"x_dtype_negative",
     [](Call& c) {
       store(c.args.x.dtype, -1);
       return Parts{"x.dtype is -1"};
     }},
    {"description_dtype_differs",
     [](Call& c) {
       c.d.dtype = SPIKESCAN_BFLOAT16;
       return Parts{"x.dtype is 0", "BFLOAT16 (2)"};
     }},
    {"x_stride_batch_negative",
     [](Call& c) {
       c.args.x.stride_batch = -15;
       return Parts{"x.stride_batch is -15", "at least 0"};
     }},
    {"x_stride_time_negative",
     [](Call& c) {
       c.args.x.stride_time = -3;
       return Parts{"x.stride_time is -3; it must be at least 0"};
     }},
    {"x_stride_time_least",
     [](Call& c) {
       c.args.x.stride_time = INT64_MIN;
       return Parts{"x.stride_time is -9223372036854775808"};
     }},
    {"x_extent_overflows",
     [](Call& c) {
       c.args.x.stride_time = INT64_MAX;
       return Parts{"x.stride_time is 9223372036854775807", "2^63"};
     }},
    {"x_bytes_overflow",
     [](Call& c) {
       c.args.x.stride_batch = INT64_MAX / 4;
       return Parts{"x.stride_batch is 2305843009213693951", "2^63"};
     }},
    {"x_wraps",
     [](Call& c) {
       c.args.x.data = at_the_end();
       return Parts{"x.data is " + text_of(at_the_end()), "address space"};
     }},
    {"x_misaligned",
     [](Call& c) {
       c.args.x.data = past(c.args.x.data);
       return Parts{"x.data is " + text_of(c.args.x.data), "4"};
     }},

    {"beta_null",
     [](Call& c) {
       c.args.beta = nullptr;
       return Parts{"beta is null", "3 values"};
     }},
    {"beta_nan",
     [](Call& c) {
       const_cast<float*>(c.args.beta)[2] = kNan;
       return Parts{"beta[2] is NaN", "[0, 1]"};
     }},
    {"shared_beta_nan",
     [](Call& c) {
       c.d.shared_decay = 1;
       const_cast<float*>(c.args.beta)[0] = -kNan;
       return Parts{"beta[0] is NaN"};
     }},
    {"beta_misaligned",
     [](Call& c) {
       c.args.beta = past(c.args.beta);
       return Parts{"beta is " + text_of(c.args.beta), "4"};
     }},
    {"beta_wraps",
     [](Call& c) {
       c.args.beta = static_cast<float*>(at_the_end());
       return Parts{"beta is " + text_of(at_the_end()), "address space"};
     }},
    {"alpha_null",
     [](Call& c) {
       c.args.alpha = nullptr;
       return Parts{"alpha is null"};
     }},
    {"alpha_nan",
     [](Call& c) {
       const_cast<float*>(c.args.alpha)[0] = kNan;
       return Parts{"alpha[0] is NaN"};
     }},
    {"alpha_misaligned",
     [](Call& c) {
       c.args.alpha = past(c.args.alpha);
       return Parts{"alpha is " + text_of(c.args.alpha)};
     }},
    {"alpha_of_psu_lif",
     [](Call& c) {
       c.d.recurrence = SPIKESCAN_PSU_LIF;
       return Parts{"alpha is " + text_of(c.args.alpha), "only cuba_lif", "null"};
     }},

    {"initial_state_misaligned",
     [](Call& c) {
       c.args.initial_state[0].data = past(c.args.initial_state[0].data);
       return Parts{"initial_state[0].data is " + text_of(c.args.initial_state[0].data)};
     }},
    {"initial_state_stride_negative",
     [](Call& c) {
       c.args.initial_state[1].stride_batch = -3;
       return Parts{"initial_state[1].stride_batch is -3"};
     }},
    {"initial_state_overflows",
     [](Call& c) {
       c.args.initial_state[1].stride_batch = INT64_MAX;
       return Parts{"initial_state[1].stride_batch is 9223372036854775807", "2^63"};
     }},
    {"second_initial_state_of_lif",
     [](Call& c) {
       c.d.recurrence = SPIKESCAN_LIF;
       c.args.alpha = nullptr;
       return Parts{"initial_state[1].data is " + text_of(c.args.initial_state[1].data), "lif has one state"};
     }},
    {"second_final_state_of_spsn",
     [](Call& c) {
       c.d.recurrence = SPIKESCAN_SPSN;
       c.args.alpha = nullptr;
       c.args.initial_state[1] = {};
       return Parts{"final_state[1].data is " + text_of(c.args.final_state[1].data), "spsn has one state"};
     }},
    {"final_state_misaligned",
     [](Call& c) {
       c.args.final_state[1].data = past(c.args.final_state[1].data);
       return Parts{"final_state[1].data is " + text_of(c.args.final_state[1].data)};
     }},
    {"final_state_stride_negative",
     [](Call& c) {
       c.args.final_state[0].stride_batch = -1;
       return Parts{"final_state[0].stride_batch is -1"};
     }},
    {"final_state_rows_overlap",
     [](Call& c) {
       c.args.final_state[0].stride_batch = 2;
       return Parts{"final_state[0].stride_batch is 2", "channels 3", "share memory"};
     }},
    {"final_state_repeated",
     [](Call& c) {
       c.args.final_state[1].stride_batch = 0;
       return Parts{"final_state[1].stride_batch is 0"};
     }},

    {"device_key_misaligned",
     [](Call& c) {
       c.args.device_key =
           reinterpret_cast<const spikescan_device_key*>(reinterpret_cast<const std::byte*>(c.args.device_key) + 4);
       return Parts{"device_key is " + text_of(c.args.device_key), "8"};
     }},
    {"uniforms_float16",
     [](Call& c) {
       c.args.uniforms.dtype = SPIKESCAN_FLOAT16;
       return Parts{"uniforms.dtype is 1", "FLOAT32 (0)"};
     }},
    {"uniforms_misaligned",
     [](Call& c) {
       c.args.uniforms.data = past(c.args.uniforms.data);
       return Parts{"uniforms.data is " + text_of(c.args.uniforms.data)};
     }},
    {"uniforms_stride_negative",
     [](Call& c) {
       c.args.uniforms.stride_batch = -2;
       return Parts{"uniforms.stride_batch is -2"};
     }},

    {"spikes_dtype_unknown",
     [](Call& c) {
       store(c.args.spikes.dtype, 5);
       return Parts{"spikes.dtype is 5", "BITS32 (4)"};
     }},
    {"spikes_uint8_with_rule_none",
     [](Call& c) {
       c.d.rule = SPIKESCAN_NONE;
       return Parts{"spikes.dtype is 3", "rule none"};
     }},
    {"spikes_bits_with_rule_none",
     [](Call& c) {
       c.d.rule = SPIKESCAN_NONE;
       c.args.spikes.dtype = SPIKESCAN_BITS32;
       return Parts{"spikes.dtype is 4", "rule none"};
     }},
    {"spikes_stride_negative",
     [](Call& c) {
       c.args.spikes.stride_time = -3;
       return Parts{"spikes.stride_time is -3"};
     }},
    {"spikes_misaligned_bits",
     [](Call& c) {
       c.args.spikes.dtype = SPIKESCAN_BITS32;
       c.args.spikes.data = past(c.args.spikes.data);
       return Parts{"spikes.data is " + text_of(c.args.spikes.data), "4"};
     }},
    {"spikes_misaligned_half",
     [](Call& c) {
       c.args.spikes.dtype = SPIKESCAN_FLOAT16;
       c.args.spikes.data = past(c.args.spikes.data);
       return Parts{"spikes.data is " + text_of(c.args.spikes.data), "2"};
     }},
    {"packed_spikes_off_a_word",
     [](Call& c) {
       c.args.spikes.dtype = SPIKESCAN_BITS32;
       c.args.device_key = nullptr;
       c.d.time_origin = 48;
       return Parts{"time_origin is 48", "multiple of 32"};
     }},
    {"packed_spikes_off_a_word_by_key",
     [](Call& c) {
       c.args.spikes.dtype = SPIKESCAN_BITS32;
       c.key().time_origin = 8;
       return Parts{"device_key->time_origin is 8", "multiple of 32"};
     }},
    {"key_stream_past_32_bits",
     [](Call& c) {
       c.key().reserved = 1;
       return Parts{"device_key->reserved is 1", "must be 0"};
     }},
    {"key_batch_origin_negative",
     [](Call& c) {
       c.key().batch_origin = -1;
       return Parts{"device_key->batch_origin is -1", "at least 0"};
     }},
    {"key_time_origin_past_34_bits",
     [](Call& c) {
       c.key().time_origin = int64_t{1} << 34;
       return Parts{"device_key->time_origin is 17179869184", "at most 2^34"};
     }},
    {"key_channel_origin_past_32_bits",
     [](Call& c) {
       c.key().channel_origin = INT64_MAX;
       return Parts{"device_key->channel_origin is 9223372036854775807", "at most 2^32"};
     }},
    {"spikes_steps_overlap",
     [](Call& c) {
       c.args.spikes.stride_time = 2;
       return Parts{"spikes.stride_time is 2", "share memory"};
     }},
    {"spikes_steps_repeat",
     [](Call& c) {
       c.args.spikes.stride_time = 0;
       return Parts{"spikes.stride_time is 0", "share memory"};
     }},
    {"spikes_batches_overlap",
     [](Call& c) {
       c.args.spikes.stride_batch = 14;
       return Parts{"spikes.stride_batch is 14", "share memory"};
     }},
    {"spikes_extent_overflows",
     [](Call& c) {
       c.args.spikes.stride_batch = c.args.spikes.stride_time = INT64_MAX;
       return Parts{"spikes.stride_batch is 9223372036854775807", "2^63"};
     }},
    {"membrane_uint8",
     [](Call& c) {
       c.args.membrane.dtype = SPIKESCAN_UINT8;
       return Parts{"membrane.dtype is 3", "BFLOAT16 (2)"};
     }},
    {"membrane_bits",
     [](Call& c) {
       c.args.membrane.dtype = SPIKESCAN_BITS32;
       return Parts{"membrane.dtype is 4"};
     }},
    {"membrane_misaligned",
     [](Call& c) {
       c.args.membrane.data = past(c.args.membrane.data);
       return Parts{"membrane.data is " + text_of(c.args.membrane.data)};
     }},
    {"membrane_batches_repeat",
     [](Call& c) {
       c.args.membrane.stride_batch = 0;
       return Parts{"membrane.stride_batch is 0", "share memory"};
     }},

    {"saved_too_small",
     [](Call& c) {
       lengthen(c);
       c.args.saved_bytes = 95;
       return Parts{"saved_bytes is 95", "at least 1536"};
     },
     SPIKESCAN_WORKSPACE_TOO_SMALL},
    {"saved_misaligned",
     [](Call& c) {
       lengthen(c);
       c.args.saved = static_cast<std::byte*>(c.args.saved) + 4;
       return Parts{"saved is " + text_of(c.args.saved), "8"};
     }},
    {"spike_counts",
     [](Call& c) {
       c.args.spike_counts = c.args.saved;
       return Parts{"spike_counts is " + text_of(c.args.saved), "null"};
     },
     SPIKESCAN_UNSUPPORTED},
};

class ForwardRefusals : public testing::TestWithParam<Row> {};
INSTANTIATE_TEST_SUITE_P(, ForwardRefusals, testing::ValuesIn(kRows),
                         [](const auto& info) { return std::string(info.param.name); });
TEST_P(ForwardRefusals, NameTheArgumentAndWriteNothing) {
  expect_refused(GetParam());
}

TEST(ForwardNull, Arguments) {
  ForwardCase call;
  EXPECT_EQ(spikescan_forward(&call.d, nullptr, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"args is null"});
}

TEST(ForwardNull, OptionalArgumentsAreNotLookedAt) {
  ForwardCase call;
  const void* x = call.args.x.data;
  const float *beta = call.args.beta, *alpha = call.args.alpha;
  const spikescan_tensor nonsense = {nullptr, SPIKESCAN_FLOAT16, -5, -7};
  const spikescan_forward_args whole = call.args;
  call.args = {};
  call.args.struct_size = sizeof call.args;
  call.args.x = whole.x;
  call.args.beta = beta;
  call.args.alpha = alpha;
  call.args.uniforms = call.args.spikes = call.args.membrane = nonsense;
  call.args.initial_state[0] = call.args.final_state[1] = {nullptr, -9};
  call.args.saved_bytes = 1;
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_TRUE(call.arena.unchanged());
  EXPECT_EQ(call.args.x.data, x);
}

}  // namespace
}  // namespace spikescan::test
