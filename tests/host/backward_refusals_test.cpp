// Every refusal of backward's arguments that forward does not share, and a sample of those it does.
#include <limits>

#include "refusals.h"

namespace spikescan::test {
namespace {

using Parts = std::vector<std::string>;
using Call = BackwardCase;
using Row = Refusal<Call>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <class T>
T* past(T* pointer) {
  return reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(pointer) + 1);
}

// Long enough that backward reads saved states: 2 chunks.
void lengthen(Call& call) {
  call.d.time = 1025;
  for (spikescan_tensor* t : {&call.args.x, &call.args.grad_spikes, &call.args.grad_membrane, &call.args.grad_x}) {
    t->stride_batch = 1025 * 3;
  }
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
    {"x_null",
     [](Call& c) {
       c.args.x.data = nullptr;
       return Parts{"x.data is null"};
     }},
    {"x_dtype_differs",
     [](Call& c) {
       c.args.x.dtype = SPIKESCAN_BFLOAT16;
       return Parts{"x.dtype is 2"};
     }},
    {"x_stride_time_negative",
     [](Call& c) {
       c.args.x.stride_time = -1;
       return Parts{"x.stride_time is -1"};
     }},
    {"beta_null",
     [](Call& c) {
       c.args.beta = nullptr;
       return Parts{"beta is null"};
     }},
    {"beta_nan",
     [](Call& c) {
       const_cast<float*>(c.args.beta)[1] = kNan;
       return Parts{"beta[1] is NaN"};
     }},
    {"alpha_null",
     [](Call& c) {
       c.args.alpha = nullptr;
       return Parts{"alpha is null"};
     }},
    {"alpha_nan",
     [](Call& c) {
       const_cast<float*>(c.args.alpha)[2] = kNan;
       return Parts{"alpha[2] is NaN"};
     }},
    {"alpha_of_lif",
     [](Call& c) {
       c.d.recurrence = SPIKESCAN_LIF;
       return Parts{"alpha is " + text_of(c.args.alpha)};
     }},
    {"grad_alpha_of_psu_lif",
     [](Call& c) {
       c.d.recurrence = SPIKESCAN_PSU_LIF;
       c.args.alpha = nullptr;
       return Parts{"grad_alpha is " + text_of(c.args.grad_alpha), "only cuba_lif", "null"};
     }},
    {"second_initial_state_of_lif",
     [](Call& c) {
       c.d.recurrence = SPIKESCAN_LIF;
       c.args.alpha = nullptr;
       return Parts{"initial_state[1].data is " + text_of(c.args.initial_state[1].data)};
     }},
    {"second_grad_final_state_of_lif",
     [](Call& c) {
       c.d.recurrence = SPIKESCAN_LIF;
       c.args.alpha = nullptr;
       c.args.initial_state[1] = {};
       return Parts{"grad_final_state[1].data is " + text_of(c.args.grad_final_state[1].data), "one state"};
     }},
    {"second_grad_initial_state_of_spsn",
     [](Call& c) {
       c.d.recurrence = SPIKESCAN_SPSN;
       c.args.alpha = nullptr;
       c.args.grad_alpha = nullptr;
       c.args.initial_state[1] = c.args.grad_final_state[1] = {};
       return Parts{"grad_initial_state[1].data is " + text_of(c.args.grad_initial_state[1].data), "spsn"};
     }},

    {"saved_absent",
     [](Call& c) {
       lengthen(c);
       c.args.saved = nullptr;
       return Parts{"saved is null", "1536"};
     }},
    {"saved_absent_with_its_size",
     [](Call& c) {
       lengthen(c);
       c.args.saved = nullptr;
       c.args.saved_bytes = 0;
       return Parts{"saved_bytes is 0", "at least 1536"};
     },
     SPIKESCAN_WORKSPACE_TOO_SMALL},
    {"saved_too_small",
     [](Call& c) {
       lengthen(c);
       c.args.saved_bytes = 88;
       return Parts{"saved_bytes is 88", "at least 1536"};
     },
     SPIKESCAN_WORKSPACE_TOO_SMALL},
    {"saved_misaligned",
     [](Call& c) {
       lengthen(c);
       c.args.saved = static_cast<const std::byte*>(c.args.saved) + 4;
       return Parts{"saved is " + text_of(c.args.saved), "8"};
     }},
    {"saved_wraps",
     [](Call& c) {
       lengthen(c);
       c.args.saved = reinterpret_cast<const void*>(~uintptr_t{7});
       return Parts{"saved is " + text_of(c.args.saved), "address space"};
     }},

    {"grad_spikes_uint8",
     [](Call& c) {
       c.args.grad_spikes.dtype = SPIKESCAN_UINT8;
       return Parts{"grad_spikes.dtype is 3"};
     }},
    {"grad_spikes_stride_negative",
     [](Call& c) {
       c.args.grad_spikes.stride_batch = -15;
       return Parts{"grad_spikes.stride_batch is -15"};
     }},
    {"grad_spikes_misaligned",
     [](Call& c) {
       c.args.grad_spikes.data = past(c.args.grad_spikes.data);
       return Parts{"grad_spikes.data is " + text_of(c.args.grad_spikes.data)};
     }},
    {"grad_membrane_bits",
     [](Call& c) {
       c.args.grad_membrane.dtype = SPIKESCAN_BITS32;
       return Parts{"grad_membrane.dtype is 4"};
     }},
    {"grad_membrane_overflows",
     [](Call& c) {
       c.args.grad_membrane.stride_batch = INT64_MAX;
       return Parts{"grad_membrane.stride_batch is 9223372036854775807", "2^63"};
     }},
    {"grad_final_state_misaligned",
     [](Call& c) {
       c.args.grad_final_state[0].data = past(c.args.grad_final_state[0].data);
       return Parts{"grad_final_state[0].data is " + text_of(c.args.grad_final_state[0].data)};
     }},
    {"grad_final_state_stride_negative",
     [](Call& c) {
       c.args.grad_final_state[1].stride_batch = -4;
       return Parts{"grad_final_state[1].stride_batch is -4"};
     }},
    {"grad_x_dtype_differs",
     [](Call& c) {
       c.args.grad_x.dtype = SPIKESCAN_FLOAT16;
       return Parts{"grad_x.dtype is 1", "the description's"};
     }},
    {"grad_x_steps_overlap",
     [](Call& c) {
       c.args.grad_x.stride_time = 1;
       return Parts{"grad_x.stride_time is 1", "share memory"};
     }},
    {"grad_x_misaligned",
     [](Call& c) {
       c.args.grad_x.data = past(c.args.grad_x.data);
       return Parts{"grad_x.data is " + text_of(c.args.grad_x.data)};
     }},
    {"grad_beta_misaligned",
     [](Call& c) {
       c.args.grad_beta = past(c.args.grad_beta);
       return Parts{"grad_beta is " + text_of(c.args.grad_beta)};
     }},
    {"grad_alpha_misaligned",
     [](Call& c) {
       c.args.grad_alpha = past(c.args.grad_alpha);
       return Parts{"grad_alpha is " + text_of(c.args.grad_alpha)};
     }},
    {"grad_initial_state_repeats",
     [](Call& c) {
       c.args.grad_initial_state[0].stride_batch = 0;
       return Parts{"grad_initial_state[0].stride_batch is 0", "share memory"};
     }},
    {"grad_initial_state_stride_negative",
     [](Call& c) {
       c.args.grad_initial_state[1].stride_batch = -1;
       return Parts{"grad_initial_state[1].stride_batch is -1"};
     }},

    {"grad_x_over_x",
     [](Call& c) {
       c.args.grad_x.data = c.args.x.data;
       return Parts{"grad_x", " x ", "share memory"};
     }},
    {"grad_x_one_step_past_grad_spikes",
     [](Call& c) {
       c.args.grad_x.data = static_cast<float*>(c.args.grad_spikes.data) + 3;
       return Parts{"grad_x", "grad_spikes", "share memory"};
     }},
    {"grad_x_over_grad_spikes_with_batches_further_apart",
     [](Call& c) {
       c.args.grad_x = c.args.grad_spikes;
       c.args.grad_x.stride_batch = 18;
       return Parts{"grad_x", "grad_spikes", "share memory"};
     }},
    {"grad_x_over_grad_spikes_with_steps_further_apart",
     [](Call& c) {
       c.args.grad_x = c.args.grad_spikes;
       c.args.grad_x.stride_time = 6;  // the second batch's steps lie between the first one's
       return Parts{"grad_x", "grad_spikes", "share memory"};
     }},
    {"grad_x_over_grad_spikes_of_another_dtype_of_its_size",
     [](Call& c) {
       c.d.dtype = c.args.x.dtype = c.args.grad_x.dtype = SPIKESCAN_FLOAT16;
       c.args.grad_spikes.dtype = SPIKESCAN_BFLOAT16;
       c.args.grad_x.data = c.args.grad_spikes.data;
       return Parts{"grad_x", "grad_spikes", "share memory"};
     }},
    {"grad_x_in_place_of_grad_spikes_whose_steps_repeat",
     [](Call& c) {
       c.args.grad_spikes.stride_time = 0;
       c.args.grad_x = c.args.grad_spikes;
       return Parts{"grad_x.stride_time is 0", "share memory"};
     }},
    {"grad_x_in_place_of_grad_spikes_and_over_x",
     [](Call& c) {
       c.args.grad_x = c.args.grad_spikes = c.args.x;
       return Parts{"grad_x", " x ", "share memory"};
     }},
    {"grad_x_over_grad_membrane",
     [](Call& c) {
       c.args.grad_x = c.args.grad_membrane;
       return Parts{"grad_x", "grad_membrane", "share memory"};
     }},
    {"grad_beta_over_grad_spikes_replaced",
     [](Call& c) {
       c.args.grad_x = c.args.grad_spikes;
       c.args.grad_beta = static_cast<float*>(c.args.grad_spikes.data);
       return Parts{"grad_beta", "grad_x", "share memory"};
     }},
    {"grad_x_over_saved",
     [](Call& c) {
       lengthen(c);
       c.args.grad_x.data = const_cast<void*>(c.args.saved);
       return Parts{"grad_x", "saved", "share memory"};
     }},
    {"grad_beta_over_beta",
     [](Call& c) {
       c.args.grad_beta = const_cast<float*>(c.args.beta);
       return Parts{"grad_beta", " beta "};
     }},
    {"grad_beta_over_grad_alpha",
     [](Call& c) {
       c.args.grad_beta = c.args.grad_alpha + 2;
       return Parts{"grad_beta", "grad_alpha"};
     }},
    {"grad_initial_over_grad_final_state",
     [](Call& c) {
       c.args.grad_initial_state[1].data = c.args.grad_final_state[1].data;
       return Parts{"grad_initial_state[1]", "grad_final_state[1]"};
     }},
    {"grad_initial_over_initial_state",
     [](Call& c) {
       c.args.grad_initial_state[0].data = c.args.initial_state[0].data + 3;
       return Parts{"grad_initial_state[0]", " initial_state[0]"};
     }},

    {"workspace_too_small",
     [](Call& c) {
       const auto needed = static_cast<int64_t>(c.sizes().backward_workspace);
       c.args.workspace_bytes = static_cast<size_t>(needed - 1);
       return Parts{"workspace_bytes is " + text_of(needed - 1), "at least " + text_of(needed)};
     },
     SPIKESCAN_WORKSPACE_TOO_SMALL},
    {"workspace_absent",
     [](Call& c) {
       c.args.workspace = nullptr;
       c.args.workspace_bytes = 0;
       return Parts{"workspace_bytes is 0"};
     },
     SPIKESCAN_WORKSPACE_TOO_SMALL},
    {"workspace_null",
     [](Call& c) {
       c.args.workspace = nullptr;
       return Parts{"workspace is null"};
     }},
    {"workspace_misaligned",
     [](Call& c) {
       c.args.workspace = static_cast<std::byte*>(c.args.workspace) + 128;
       return Parts{"workspace is " + text_of(c.args.workspace), "256"};
     }},
    {"workspace_over_grad_x",
     [](Call& c) {
       c.args.workspace = c.args.grad_x.data;
       return Parts{"workspace", "grad_x", "share memory"};
     }},
    {"workspace_over_x",
     [](Call& c) {
       c.args.workspace = c.args.x.data;
       return Parts{"workspace", " x ", "share memory"};
     }},
};

class BackwardRefusals : public testing::TestWithParam<Row> {};
INSTANTIATE_TEST_SUITE_P(, BackwardRefusals, testing::ValuesIn(kRows),
                         [](const auto& info) { return std::string(info.param.name); });
TEST_P(BackwardRefusals, NameTheArgumentAndWriteNothing) {
  expect_refused(GetParam());
}

TEST(BackwardNull, Arguments) {
  BackwardCase call;
  EXPECT_EQ(spikescan_backward(&call.d, nullptr, nullptr), SPIKESCAN_INVALID_ARGUMENT);
  expect_sentence({"args is null"});
}

TEST(BackwardNull, NoOutputAskedForIsLegal) {
  BackwardCase call;
  call.args.grad_x = {};
  call.args.grad_beta = call.args.grad_alpha = nullptr;
  call.args.grad_initial_state[0] = call.args.grad_initial_state[1] = {};
  EXPECT_EQ(call.run(), SPIKESCAN_OK) << spikescan_last_error();
}

}  // namespace
}  // namespace spikescan::test
