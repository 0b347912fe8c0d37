// Forward calls whose outputs share memory with another argument, each named with it.
#include "refusals.h"

namespace spikescan::test {
namespace {

using Parts = std::vector<std::string>;
using Call = ForwardCase;
using Row = Refusal<Call>;

// Long enough that forward saves states: 2 chunks.
void lengthen(Call& call) {
  call.d.time = 1025;
  for (spikescan_tensor* t : {&call.args.x, &call.args.uniforms, &call.args.spikes, &call.args.membrane}) {
    t->stride_batch = 1025 * 3;
  }
}

const Row kRows[] = {
    {"membrane_over_x",
     [](Call& c) {
       c.args.membrane.data = c.args.x.data;
       return Parts{"membrane", " x ", "share memory", text_of(c.args.x.data)};
     }},
    {"membrane_over_last_byte_of_x",
     [](Call& c) {
       c.args.membrane.data = static_cast<float*>(c.args.x.data) + 29;
       return Parts{"membrane", " x ", "share memory", text_of(c.args.membrane.data)};
     }},
    {"membrane_over_spikes",
     [](Call& c) {
       c.args.membrane.data = c.args.spikes.data;
       return Parts{"membrane", "spikes", "share memory"};
     }},
    {"membrane_over_uniforms",
     [](Call& c) {
       c.args.membrane.data = c.args.uniforms.data;
       return Parts{"membrane", "uniforms"};
     }},
    {"spikes_over_beta",
     [](Call& c) {
       c.args.spikes.data = const_cast<float*>(c.args.beta);
       return Parts{"spikes", "beta"};
     }},
    {"spikes_over_alpha",
     [](Call& c) {
       c.args.spikes.data = const_cast<float*>(c.args.alpha) + 2;
       return Parts{"spikes", "alpha"};
     }},
    {"spikes_over_device_key",
     [](Call& c) {
       c.args.spikes.data = const_cast<spikescan_device_key*>(c.args.device_key);
       return Parts{"spikes", "device_key"};
     }},
    {"final_over_initial_state",
     [](Call& c) {
       c.args.final_state[0].data = c.args.initial_state[0].data;
       return Parts{"final_state[0]", "initial_state[0]", "share memory"};
     }},
    {"final_states_over_each_other",
     [](Call& c) {
       c.args.final_state[1].data = c.args.final_state[0].data + 5;
       return Parts{"final_state[0]", "final_state[1]"};
     }},
    {"final_state_over_membrane",
     [](Call& c) {
       c.args.final_state[1].data = static_cast<float*>(c.args.membrane.data) + 12;
       return Parts{"final_state[1]", "membrane"};
     }},

    // Three strides, and no period keeps the two apart: who cannot tell must refuse.
    {"membrane_intricate_with_spikes",
     [](Call& c) {
       c.d.batch = 5;
       c.d.channels = 1;
       c.args.spikes = {c.args.membrane.data, SPIKESCAN_UINT8, 7, 50};
       c.args.membrane = {static_cast<std::byte*>(c.args.membrane.data) + 4, SPIKESCAN_FLOAT16, 11, 25};
       return Parts{"membrane", "spikes", "interleave by more than two different strides"};
     }},

    {"saved_over_x",
     [](Call& c) {
       lengthen(c);
       c.args.saved = c.args.x.data;
       return Parts{"saved", " x ", "share memory"};
     }},
    {"saved_over_membrane",
     [](Call& c) {
       lengthen(c);
       c.args.saved = c.args.membrane.data;
       return Parts{"saved", "membrane"};
     }},
};

class OverlapRefusals : public testing::TestWithParam<Row> {};
INSTANTIATE_TEST_SUITE_P(, OverlapRefusals, testing::ValuesIn(kRows),
                         [](const auto& info) { return std::string(info.param.name); });
TEST_P(OverlapRefusals, NameBothAndWriteNothing) {
  expect_refused(GetParam());
}

}  // namespace
}  // namespace spikescan::test
