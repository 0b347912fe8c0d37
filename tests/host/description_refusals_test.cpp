// Every refusal of a description, by each function that takes one.
#include <cmath>
#include <cstring>
#include <limits>

#include "refusals.h"

namespace spikescan::test {
namespace {

using Parts = std::vector<std::string>;
using D = spikescan_description;
struct Row {
  const char* name;
  Parts (*spoil)(D& d);
  spikescan_status status = SPIKESCAN_INVALID_ARGUMENT;
};
void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kMost32 = int64_t{1} << 32, kMost34 = int64_t{1} << 34;
int something;  // for reserved fields: never looked at

const Row kRows[] = {
    {"struct_size_0",
     [](D& d) {
       d.struct_size = 0;
       return Parts{"description.struct_size is 0", text_of(sizeof d)};
     }},
    {"struct_size_one_less",
     [](D& d) {
       d.struct_size = sizeof d - 1;
       return Parts{"description.struct_size is " + text_of(sizeof d - 1)};
     }},
    {"struct_size_absurd",
     [](D& d) {
       d.struct_size = SIZE_MAX;
       return Parts{"description.struct_size is 18446744073709551615"};
     }},
    {"backend_3",
     [](D& d) {
       store(d.backend, 3);
       return Parts{"backend is 3", "CUDA (2)"};
     }},
    {"backend_negative",
     [](D& d) {
       store(d.backend, -1);
       return Parts{"backend is -1"};
     }},
    {"recurrence_4",
     [](D& d) {
       store(d.recurrence, 4);
       return Parts{"recurrence is 4", "PSU_LIF (3)"};
     }},
    {"recurrence_negative",
     [](D& d) {
       store(d.recurrence, -5);
       return Parts{"recurrence is -5"};
     }},
    {"rule_4",
     [](D& d) {
       store(d.rule, 4);
       return Parts{"rule is 4", "NONE (3)"};
     }},
    {"rule_huge",
     [](D& d) {
       store(d.rule, 1 << 30);
       return Parts{"rule is 1073741824"};
     }},
    {"surrogate_5",
     [](D& d) {
       store(d.surrogate, 5);
       return Parts{"surrogate is 5", "TANH (4)"};
     }},
    {"gradient_2",
     [](D& d) {
       store(d.gradient, 2);
       return Parts{"gradient is 2", "DERIVATIVE (1)"};
     }},
    {"shared_decay_2",
     [](D& d) {
       d.shared_decay = 2;
       return Parts{"shared_decay is 2", "0 or 1"};
     }},
    {"shared_decay_negative",
     [](D& d) {
       d.shared_decay = -1;
       return Parts{"shared_decay is -1"};
     }},
    {"dtype_uint8",
     [](D& d) {
       d.dtype = SPIKESCAN_UINT8;
       return Parts{"dtype is 3", "BFLOAT16 (2)"};
     }},
    {"dtype_negative",
     [](D& d) {
       store(d.dtype, -1);
       return Parts{"dtype is -1"};
     }},
    {"threshold_nan",
     [](D& d) {
       d.threshold = kNan;
       return Parts{"threshold is nan", "finite"};
     }},
    {"threshold_infinite",
     [](D& d) {
       d.threshold = -kInfinity;
       return Parts{"threshold is -inf"};
     }},
    {"k_nan",
     [](D& d) {
       d.k = kNan;
       return Parts{"k is nan"};
     }},
    {"k_0",
     [](D& d) {
       d.k = 0.0f;
       return Parts{"k is 0;", "from 2^-120 to 2^120"};
     }},
    {"k_negative",
     [](D& d) {
       d.k = -2.5f;
       return Parts{"k is -2.5"};
     }},
    {"k_infinite",
     [](D& d) {
       d.k = kInfinity;
       return Parts{"k is inf"};
     }},
    {"k_just_too_small",
     [](D& d) {
       d.k = std::nextafter(0x1p-120f, 0.0f);
       return Parts{"k is 7.5231634e-37"};
     }},
    {"k_just_too_large",
     [](D& d) {
       d.k = std::nextafter(0x1p120f, kInfinity);
       return Parts{"k is 1.32922815e+36"};
     }},
    {"k_of_heaviside",
     [](D& d) {
       d.rule = SPIKESCAN_HEAVISIDE;
       d.k = -1.0f;
       return Parts{"k is -1"};
     }},
    {"k_of_refractory",
     [](D& d) {
       d.rule = SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI;
       d.k = -1.0f;
       return Parts{"k is -1"};
     }},
    {"max_prob_above_1",
     [](D& d) {
       d.max_prob = 1.5f;
       return Parts{"max_prob is 1.5", "[0, 1]"};
     }},
    {"max_prob_negative",
     [](D& d) {
       d.max_prob = -0.25f;
       return Parts{"max_prob is -0.25"};
     }},
    {"max_prob_nan",
     [](D& d) {
       d.max_prob = kNan;
       return Parts{"max_prob is nan"};
     }},
    {"batch_negative",
     [](D& d) {
       d.batch = -1;
       return Parts{"batch is -1", "2^32"};
     }},
    {"batch_past_32_bits",
     [](D& d) {
       d.batch = kMost32 + 1;
       return Parts{"batch is 4294967297"};
     }},
    {"batch_least",
     [](D& d) {
       d.batch = INT64_MIN;
       return Parts{"batch is -9223372036854775808"};
     }},
    {"time_negative",
     [](D& d) {
       d.time = -7;
       return Parts{"time is -7", "2^34"};
     }},
    {"time_past_34_bits",
     [](D& d) {
       d.time = kMost34 + 1;
       return Parts{"time is 17179869185"};
     }},
    {"channels_negative",
     [](D& d) {
       d.channels = -1;
       return Parts{"channels is -1"};
     }},
    {"channels_past_32_bits",
     [](D& d) {
       d.channels = INT64_MAX;
       return Parts{"channels is 9223372036854775807"};
     }},
    {"batch_origin_negative",
     [](D& d) {
       d.batch_origin = -1;
       return Parts{"batch_origin is -1"};
     }},
    {"batch_origin_past_32_bits",
     [](D& d) {
       d.batch_origin = kMost32 - 1;
       return Parts{"batch_origin is 4294967295", "batch (2)", "2^32"};
     }},
    {"time_origin_negative",
     [](D& d) {
       d.time_origin = -32;
       return Parts{"time_origin is -32"};
     }},
    {"time_origin_past_34_bits",
     [](D& d) {
       d.time_origin = kMost34;
       return Parts{"time_origin is 17179869184", "time (5)", "2^34"};
     }},
    {"time_origin_most",
     [](D& d) {
       d.time_origin = INT64_MAX;
       return Parts{"time_origin is 9223372036854775807"};
     }},
    {"channel_origin_negative",
     [](D& d) {
       d.channel_origin = -9;
       return Parts{"channel_origin is -9"};
     }},
    {"channel_origin_past_32_bits",
     [](D& d) {
       d.channel_origin = kMost32;
       return Parts{"channel_origin is 4294967296", "channels (3)"};
     }},
    {"product_overflows",
     [](D& d) {
       d.batch = d.channels = kMost32;
       d.time = kMost34;
       return Parts{"batch, time and channels are 4294967296, 17179869184 and 4294967296", "2^56"};
     }},
    {"product_past_the_limit",
     [](D& d) {
       d.batch = 1 << 28;
       d.time = (1 << 28) + 1;
       d.channels = 1;
       return Parts{"batch, time and channels are 268435456, 268435457 and 1"};
     }},
    {"states_overflow_without_steps",
     [](D& d) {
       d.batch = d.channels = kMost32;
       d.time = 0;
       return Parts{"batch, time and channels are 4294967296, 0 and 4294967296", "batch * channels"};
     }},
    {"states_past_the_limit_without_steps",
     [](D& d) {
       d.batch = 1 << 29;
       d.channels = 1 << 28;
       d.time = 0;
       return Parts{"batch, time and channels are 536870912, 0 and 268435456"};
     }},
    {"threshold_per_channel",
     [](D& d) {
       d.threshold_per_channel = &something;
       return Parts{"threshold_per_channel is " + text_of(&something)};
     },
     SPIKESCAN_UNSUPPORTED},
    {"k_per_channel",
     [](D& d) {
       d.k_per_channel = &something;
       return Parts{"k_per_channel is " + text_of(&something), "null"};
     },
     SPIKESCAN_UNSUPPORTED},
    {"cumulative_lengths",
     [](D& d) {
       d.cumulative_lengths = &something;
       return Parts{"cumulative_lengths is " + text_of(&something)};
     },
     SPIKESCAN_UNSUPPORTED},
    {"decay_per_step",
     [](D& d) {
       d.decay_per_step = &something;
       return Parts{"decay_per_step is " + text_of(&something)};
     },
     SPIKESCAN_UNSUPPORTED},
};

class DescriptionRefusals : public testing::TestWithParam<Row> {};
INSTANTIATE_TEST_SUITE_P(, DescriptionRefusals, testing::ValuesIn(kRows),
                         [](const auto& info) { return std::string(info.param.name); });

template <class Case>
void expect_refused_by_pass(const Row& row) {
  Case call;
  ASSERT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  call.arena.remember();
  const Parts parts = row.spoil(call.d);
  EXPECT_EQ(call.run(), row.status) << spikescan_last_error();
  expect_sentence(parts);
  EXPECT_TRUE(call.arena.unchanged());
}

TEST_P(DescriptionRefusals, ByForward) {
  expect_refused_by_pass<ForwardCase>(GetParam());
}
TEST_P(DescriptionRefusals, ByBackward) {
  expect_refused_by_pass<BackwardCase>(GetParam());
}

TEST_P(DescriptionRefusals, ByQuerySizes) {
  CallCase call;
  const Parts parts = GetParam().spoil(call.d);
  spikescan_sizes sizes = {sizeof sizes, 1, 2, 3};
  EXPECT_EQ(spikescan_query_sizes(&call.d, &sizes), GetParam().status);
  expect_sentence(parts);
  EXPECT_EQ(sizes.forward_workspace, 1u);
  EXPECT_EQ(sizes.backward_workspace, 2u);
  EXPECT_EQ(sizes.saved, 3u);
}

TEST_P(DescriptionRefusals, ByDescribePlan) {
  CallCase call;
  const Parts parts = GetParam().spoil(call.d);
  char text[16] = "untouched";
  EXPECT_EQ(spikescan_describe_plan(&call.d, text, sizeof text), GetParam().status);
  expect_sentence(parts);
  EXPECT_STREQ(text, "untouched");
}

TEST(DescriptionNull, IsRefusedByAll) {
  ForwardCase forward;
  BackwardCase backward;
  EXPECT_EQ(spikescan_forward(nullptr, &forward.args, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"description is null"});
  EXPECT_TRUE(forward.arena.unchanged());
  EXPECT_EQ(spikescan_backward(nullptr, &backward.args, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"description is null"});
  EXPECT_TRUE(backward.arena.unchanged());
  spikescan_sizes sizes = {sizeof sizes, 1, 2, 3};
  EXPECT_EQ(spikescan_query_sizes(nullptr, &sizes), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"description is null"});
  char text[8] = "as was";
  EXPECT_EQ(spikescan_describe_plan(nullptr, text, sizeof text), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"description is null"});
  EXPECT_STREQ(text, "as was");
}

// What a rule does not read is not checked.
TEST(DescriptionLegal, WhatIsNotRead) {
  ForwardCase none;
  none.d.rule = SPIKESCAN_NONE;
  none.d.k = kNan;
  none.d.max_prob = -3.0f;
  none.args.spikes.dtype = SPIKESCAN_BFLOAT16;
  EXPECT_EQ(none.run(), SPIKESCAN_OK) << spikescan_last_error();
  for (const spikescan_rule rule : {SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI, SPIKESCAN_HEAVISIDE}) {
    ForwardCase call;
    call.d.rule = rule;
    call.d.max_prob = kNan;
    EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
  }
}

TEST(DescriptionLegal, BoundsThemselves) {
  const auto query = [](auto change) {
    CallCase call;
    change(call.d);
    spikescan_sizes sizes = {};
    sizes.struct_size = sizeof sizes;
    EXPECT_EQ(spikescan_query_sizes(&call.d, &sizes), SPIKESCAN_OK) << spikescan_last_error();
  };
  query([](D& d) { d.max_prob = 0.0f; });
  query([](D& d) { d.max_prob = 1.0f; });
  query([](D& d) { d.k = 0x1p-120f; });
  query([](D& d) { d.k = 0x1p120f; });
  query([](D& d) { d.threshold = std::numeric_limits<float>::lowest(); });
  query([](D& d) { d.batch_origin = kMost32 - d.batch; });
  query([](D& d) { d.time_origin = kMost34 - d.time; });
  query([](D& d) { d.channel_origin = kMost32 - d.channels; });
  query([](D& d) {
    d.batch = kMost32;
    d.time = 1 << 24;
    d.channels = 1;
  });
  query([](D& d) {
    d.batch = 1;
    d.time = kMost34;
    d.channels = 1 << 22;
  });
  query([](D& d) {
    d.batch = 0;
    d.time = kMost34;
    d.channels = kMost32;
  });
  query([](D& d) {
    d.batch = kMost32;
    d.time = kMost34;
    d.channels = 0;
  });
}

// A newer program's larger struct.
TEST(DescriptionLegal, LargerStructOfZeros) {
  struct Larger {
    D known;
    unsigned char more[24];
  } larger = {};
  larger.known = CallCase().d;
  larger.known.struct_size = sizeof larger;
  spikescan_sizes sizes = {};
  sizes.struct_size = sizeof sizes;
  EXPECT_EQ(spikescan_query_sizes(&larger.known, &sizes), SPIKESCAN_OK) << spikescan_last_error();
  larger.more[23] = 7;
  EXPECT_EQ(spikescan_query_sizes(&larger.known, &sizes), SPIKESCAN_UNSUPPORTED);
  expect_sentence({"description.struct_size is " + text_of(sizeof larger),
                   "byte " + text_of(static_cast<int64_t>(sizeof larger - 1)) + " is 7"});
  larger.more[23] = 0;
  larger.more[0] = 1;
  EXPECT_EQ(spikescan_query_sizes(&larger.known, &sizes), SPIKESCAN_UNSUPPORTED);
}

}  // namespace
}  // namespace spikescan::test
