// Forward and backward through the C++ face on every usable device: values that are exact in float32, layouts, pieces,
// empty shapes, saved states, keys in memory, and the presets' defaults. The arithmetic itself is tested elsewhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <spikescan/spikescan.hpp>

#include "printing.h"

namespace spikescan {
namespace {

class Passes : public testing::TestWithParam<Device> {
 protected:
  void SetUp() override {
    if (!usable(GetParam())) GTEST_SKIP() << "this machine has no such device";
  }
  Device device() const { return GetParam(); }
  Tensor tensor(Shape shape, const std::vector<float>& values, Layout layout = Layout::batch_first) const {
    return Tensor::from(device(), shape, values, Dtype::float32, layout);
  }
};
INSTANTIATE_TEST_SUITE_P(EveryDevice, Passes, testing::Values(Device::cpu, Device::cuda),
                         testing::PrintToStringParamName());

std::vector<float> random_values(int64_t count, float low, float high) {
  std::mt19937 generator(7);
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = uniform(generator);
  return values;
}

// [B, T, C] order to [T, B, C] order.
std::vector<float> to_time_first(const std::vector<float>& values, Shape shape) {
  std::vector<float> turned;
  for (int64_t t = 0; t < shape.time; ++t) {
    for (int64_t b = 0; b < shape.batch; ++b) {
      for (int64_t c = 0; c < shape.channels; ++c) {
        turned.push_back(values[static_cast<size_t>((b * shape.time + t) * shape.channels + c)]);
      }
    }
  }
  return turned;
}

void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b, const char* name) {
  ASSERT_EQ(a.size(), b.size()) << name;
  EXPECT_TRUE(a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0) << name;
}

// beta = 1/2 and small integers: every sum below has at most 12 significant bits, so float32 holds it exactly in any
// order and the test asks for equality.
TEST_P(Passes, ExactValuesOfLif) {
  const Problem problem{
      .device = device(), .neuron = {.rule = Rule::none, .threshold = 0.0f, .shared_decay = true}, .shape = {1, 4, 1}};
  const Tensor x = tensor(problem.shape, {1.0f, 2.0f, 0.0f, 4.0f}), beta = tensor({1, 1, 1}, {0.5f});
  const Tensor ones = tensor(problem.shape, std::vector<float>(4, 1.0f)), initial = tensor({1, 1, 1}, {8.0f});
  Tensor spikes(device(), problem.shape), v(device(), problem.shape), final_v(device(), {1, 1, 1});
  Tensor grad_x(device(), problem.shape), grad_beta(device(), {1, 1, 1}), grad_initial(device(), {1, 1, 1});
  Workspace workspace(problem);
  Memory saved = make_saved(problem);
  forward(problem,
          {.x = x,
           .beta = beta,
           .initial_state = {initial},
           .spikes = spikes,
           .membrane = v,
           .final_state = {final_v},
           .saved = saved},
          workspace);
  EXPECT_EQ(v.to_vector(), (std::vector{5.0f, 4.5f, 2.25f, 5.125f}));
  EXPECT_EQ(spikes.to_vector(), v.to_vector()) << "rule none with threshold 0 passes V on";
  EXPECT_EQ(final_v.to_vector(), (std::vector{5.125f}));

  // loss = sum of spikes: G = 1.875 1.75 1.5 1, dbeta = sum G_t V_{t-1} with V_{-1} = 8.
  backward(problem,
           {.x = x,
            .beta = beta,
            .initial_state = {initial},
            .saved = saved,
            .grad_spikes = ones,
            .grad_x = grad_x,
            .grad_beta = grad_beta,
            .grad_initial_state = {grad_initial}},
           workspace);
  EXPECT_EQ(grad_x.to_vector(), (std::vector{1.875f, 1.75f, 1.5f, 1.0f}));
  EXPECT_EQ(grad_beta.to_vector(), (std::vector{1.875f * 8 + 1.75f * 5 + 1.5f * 4.5f + 2.25f}));
  EXPECT_EQ(grad_initial.to_vector(), (std::vector{0.9375f}));
}

// The two-state neuron, so that each element of each state array is seen to reach its own place. alpha = 1/2, beta =
// 1/4.
TEST_P(Passes, ExactValuesOfCubaLif) {
  const Problem problem{.device = device(),
                        .neuron = {.recurrence = Recurrence::cuba_lif, .rule = Rule::none, .threshold = 0.0f},
                        .shape = {1, 2, 1}};
  const Tensor x = tensor(problem.shape, {1.0f, 0.0f}), alpha = tensor({1, 1, 1}, {0.5f});
  const Tensor beta = tensor({1, 1, 1}, {0.25f});
  const Tensor v0 = tensor({1, 1, 1}, {16.0f}), i0 = tensor({1, 1, 1}, {2.0f}), one = tensor({1, 1, 1}, {1.0f});
  Tensor v(device(), problem.shape), final_v(device(), {1, 1, 1}), final_i(device(), {1, 1, 1});
  Tensor grad_x(device(), problem.shape), grad_alpha(device(), {1, 1, 1}), grad_beta(device(), {1, 1, 1});
  Tensor grad_v0(device(), {1, 1, 1}), grad_i0(device(), {1, 1, 1});
  Workspace workspace(problem);
  Memory saved = make_saved(problem);
  forward(problem,
          {.x = x,
           .beta = beta,
           .alpha = alpha,
           .initial_state = {v0, i0},
           .membrane = v,
           .final_state = {final_v, final_i},
           .saved = saved},
          workspace);
  EXPECT_EQ(v.to_vector(), (std::vector{6.0f, 2.5f}));  // I = 2, 1
  EXPECT_EQ(final_v.to_vector(), (std::vector{2.5f}));
  EXPECT_EQ(final_i.to_vector(), (std::vector{1.0f}));

  // loss = final V: G = 0.25 1; Q = 0.25 + 0.5, 1.
  backward(problem,
           {.x = x,
            .beta = beta,
            .alpha = alpha,
            .initial_state = {v0, i0},
            .saved = saved,
            .grad_final_state = {one},
            .grad_x = grad_x,
            .grad_beta = grad_beta,
            .grad_alpha = grad_alpha,
            .grad_initial_state = {grad_v0, grad_i0}},
           workspace);
  EXPECT_EQ(grad_x.to_vector(), (std::vector{0.75f, 1.0f}));
  EXPECT_EQ(grad_beta.to_vector(), (std::vector{0.25f * 16 + 6.0f}));
  EXPECT_EQ(grad_alpha.to_vector(), (std::vector{0.75f * 2 + 2.0f}));
  EXPECT_EQ(grad_v0.to_vector(), (std::vector{0.0625f}));
  EXPECT_EQ(grad_i0.to_vector(), (std::vector{0.375f}));
}

// Two channels, one decay: V = 1 1.5 and 2 3. Loss = sum of V: G = 1.5 1 in both, dbeta = 1 * 1 + 1 * 2.
TEST_P(Passes, SharedDecayAndGradientOfTheMembrane) {
  const Problem problem{.device = device(), .neuron = {.rule = Rule::none, .shared_decay = true}, .shape = {1, 2, 2}};
  const Tensor x = tensor(problem.shape, {1.0f, 2.0f, 1.0f, 2.0f}), beta = tensor({1, 1, 1}, {0.5f});
  const Tensor ones = tensor(problem.shape, std::vector<float>(4, 1.0f));
  Tensor v(device(), problem.shape), grad_x(device(), problem.shape), grad_beta(device(), {1, 1, 1});
  Workspace workspace(problem);
  Memory saved = make_saved(problem);
  forward(problem, {.x = x, .beta = beta, .membrane = v, .saved = saved}, workspace);
  EXPECT_EQ(v.to_vector(), (std::vector{1.0f, 2.0f, 1.5f, 3.0f}));
  backward(problem,
           {.x = x, .beta = beta, .saved = saved, .grad_membrane = ones, .grad_x = grad_x, .grad_beta = grad_beta},
           workspace);
  EXPECT_EQ(grad_x.to_vector(), (std::vector{1.5f, 1.5f, 1.0f, 1.0f}));
  EXPECT_EQ(grad_beta.to_vector(), (std::vector{3.0f}));
}

struct Outputs {
  std::vector<float> spikes, v, grad_x, grad_beta;
};

// 2100 steps: two whole chunks and a tail, so that saved states are used.
Outputs run_layout(Device device, Layout layout) {
  const Problem problem{.device = device, .neuron = {.k = 4.0f}, .shape = {3, 2100, 5}};
  const auto in_order = [&](std::vector<float> values) {
    return layout == Layout::time_first ? to_time_first(values, problem.shape) : values;
  };
  const int64_t count = problem.shape.elements();
  const Tensor x =
      Tensor::from(device, problem.shape, in_order(random_values(count, -0.2f, 0.6f)), Dtype::float32, layout);
  const Tensor grad =
      Tensor::from(device, problem.shape, in_order(random_values(count, -1.0f, 1.0f)), Dtype::float32, layout);
  const Tensor beta = Tensor::from(device, problem.decay_shape(), std::vector{0.0f, 0.5f, 0.9f, 0.99f, 1.0f});
  Tensor spikes(device, problem.shape, Dtype::float32, layout), v(device, problem.shape, Dtype::float32, layout);
  Tensor grad_x(device, problem.shape, Dtype::float32, layout), grad_beta(device, problem.decay_shape());
  Workspace workspace(problem);
  Memory saved = make_saved(problem);
  EXPECT_GT(saved.size(), 0u);
  const Stream stream(device);
  forward(problem, {.x = x, .beta = beta, .key = {5, 6}, .spikes = spikes, .membrane = v, .saved = saved}, workspace,
          stream);
  backward(problem,
           {.x = x,
            .beta = beta,
            .saved = saved,
            .grad_spikes = grad,
            .grad_membrane = grad,
            .grad_x = grad_x,
            .grad_beta = grad_beta},
           workspace, stream);
  return {spikes.to_vector(stream), v.to_vector(stream), grad_x.to_vector(stream), grad_beta.to_vector(stream)};
}

TEST_P(Passes, TimeFirstEqualsBatchFirstBitForBit) {
  const Shape shape{3, 2100, 5};
  const Outputs a = run_layout(device(), Layout::batch_first), b = run_layout(device(), Layout::time_first);
  expect_same_bits(to_time_first(a.spikes, shape), b.spikes, "spikes");
  expect_same_bits(to_time_first(a.v, shape), b.v, "membrane");
  expect_same_bits(to_time_first(a.grad_x, shape), b.grad_x, "grad_x");
  expect_same_bits(a.grad_beta, b.grad_beta, "grad_beta");
  // A comparison of constants would prove nothing.
  const double fired = std::count(a.spikes.begin(), a.spikes.end(), 1.0f) / static_cast<double>(a.spikes.size());
  EXPECT_GT(fired, 0.01);
  EXPECT_LT(fired, 0.99);
  EXPECT_EQ(std::count(a.grad_beta.begin(), a.grad_beta.end(), 0.0f), 0);
}

// One sequence cut at the contract's split length and continued from its final state, as blocks of the same tensors.
TEST_P(Passes, PiecesGiveTheBitsOfTheWhole) {
  int64_t split = 0;
  spikescan_time_units(&split, nullptr);
  const Problem whole{.device = device(), .neuron = {.k = 4.0f}, .shape = {1, split + 37, 2}};
  const Tensor x = tensor(whole.shape, random_values(whole.shape.elements(), -0.2f, 0.6f));
  const Tensor beta = tensor(whole.decay_shape(), {0.9f, 0.99f});
  Tensor spikes(device(), whole.shape), v(device(), whole.shape), carried(device(), whole.state_shape());
  Tensor piece_spikes(device(), whole.shape), piece_v(device(), whole.shape);
  Workspace workspace(whole);
  forward(whole, {.x = x, .beta = beta, .key = {1, 2}, .spikes = spikes, .membrane = v}, workspace);

  Problem piece = whole;
  for (const int64_t first : {int64_t{0}, split}) {
    piece.origins.time = first;
    piece.shape.time = std::min(split, whole.shape.time - first);
    ForwardArgs args{.x = block(x, {0, first, 0}, piece.shape),
                     .beta = beta,
                     .key = {1, 2},
                     .spikes = block(piece_spikes, {0, first, 0}, piece.shape),
                     .membrane = block(piece_v, {0, first, 0}, piece.shape)};
    if (first > 0) args.initial_state[0] = carried;
    Tensor next(device(), whole.state_shape());
    args.final_state[0] = next;
    workspace.reserve(piece);
    forward(piece, args, workspace);
    carried = std::move(next);
  }
  expect_same_bits(spikes.to_vector(), piece_spikes.to_vector(), "spikes");
  expect_same_bits(v.to_vector(), piece_v.to_vector(), "membrane");
}

// A temporary lasts as long as the call that it is an input of.
TEST(PassesOnTheCpu, TemporaryInputs) {
  const Problem problem{.device = Device::cpu, .neuron = {.rule = Rule::none, .threshold = 0.0f}, .shape = {1, 2, 1}};
  Tensor v(Device::cpu, problem.shape);
  forward(problem,
          {.x = Tensor::from(Device::cpu, problem.shape, std::vector{1.0f, 2.0f}),
           .beta = Tensor::from(Device::cpu, {1, 1, 1}, std::vector{0.5f}),
           .membrane = v},
          Workspace(problem));
  EXPECT_EQ(v.to_vector(), (std::vector{1.0f, 2.5f}));
}

TEST_P(Passes, EmptyShapes) {
  for (const Shape shape : {Shape{0, 5, 3}, Shape{2, 0, 3}, Shape{2, 5, 0}}) {
    const Problem problem{.device = device(), .shape = shape};
    Tensor x(device(), shape), beta(device(), problem.decay_shape()), spikes(device(), shape);
    Tensor initial(device(), problem.state_shape()), final_v(device(), problem.state_shape());
    Tensor grad_x(device(), shape), grad_beta(device(), problem.decay_shape());
    std::vector<float> start(static_cast<size_t>(problem.state_shape().elements()), 2.5f);
    beta.zero();
    initial.copy_from(start);
    Workspace workspace(problem);
    Memory saved = make_saved(problem);
    ASSERT_NO_THROW(forward(
        problem,
        {.x = x, .beta = beta, .initial_state = {initial}, .spikes = spikes, .final_state = {final_v}, .saved = saved},
        workspace))
        << shape.text();
    if (shape.time == 0) {
      EXPECT_EQ(final_v.to_vector(), start) << "no step leaves the state as it was";
    }
    ASSERT_NO_THROW(backward(
        problem,
        {.x = x, .beta = beta, .initial_state = {initial}, .saved = saved, .grad_x = grad_x, .grad_beta = grad_beta},
        workspace))
        << shape.text();
    EXPECT_EQ(grad_beta.to_vector(), std::vector<float>(static_cast<size_t>(shape.channels), 0.0f)) << shape.text();
  }
}

TEST_P(Passes, CallersUniformsDecide) {
  const Problem problem{.device = device(), .neuron = {.max_prob = 0.5f}, .shape = {1, 40, 3}};
  Tensor x(device(), problem.shape), beta(device(), problem.decay_shape()), uniforms(device(), problem.shape);
  beta.zero();
  x.copy_from(std::vector<float>(120, 1.0f));  // V = threshold: p is 0.25
  Tensor bytes(device(), problem.shape, Dtype::uint8), bits(device(), packed(problem.shape), Dtype::bits32);
  Workspace workspace(problem);
  for (const auto& [uniform, spike] : {std::pair{0.2f, 1}, std::pair{0.3f, 0}}) {
    uniforms.copy_from(std::vector<float>(120, uniform));
    forward(problem, {.x = x, .beta = beta, .uniforms = uniforms, .spikes = bytes}, workspace);
    EXPECT_EQ(bytes.to_vector<uint8_t>(), std::vector<uint8_t>(120, static_cast<uint8_t>(spike)));
    forward(problem, {.x = x, .beta = beta, .uniforms = uniforms, .spikes = bits}, workspace);
    const uint32_t first = spike ? ~0u : 0u, second = spike ? 0xffu : 0u;  // 40 steps: 32 and 8 bits
    EXPECT_EQ(bits.to_vector<uint32_t>(), (std::vector<uint32_t>{first, first, first, second, second, second}));
  }
}

// Two batches whose states lie two rows apart; each comes back where it was given.
TEST_P(Passes, StatesOfAnyStride) {
  const Problem problem{.device = device(), .neuron = {.rule = Rule::none}, .shape = {2, 1, 1}};
  const Tensor x = tensor(problem.shape, {1.0f, 2.0f}), beta = tensor({1, 1, 1}, {0.5f});
  const Tensor initial = tensor({2, 2, 1}, {4.0f, 100.0f, 8.0f, 100.0f});
  Tensor final_v = tensor({2, 2, 1}, {0.0f, 7.0f, 0.0f, 7.0f});
  Workspace workspace(problem);
  forward(problem,
          {.x = x,
           .beta = beta,
           .initial_state = {block(initial, {}, {2, 1, 1})},
           .final_state = {block(final_v, {}, {2, 1, 1})}},
          workspace);
  EXPECT_EQ(final_v.to_vector(), (std::vector{3.0f, 7.0f, 6.0f, 7.0f}));
}

TEST_P(Passes, AKeyInMemoryOverridesTheCall) {
  Problem problem{.device = device(), .neuron = {.k = 2.0f}, .shape = {2, 200, 4}};
  const Tensor x = tensor(problem.shape, random_values(problem.shape.elements(), 0.0f, 1.0f));
  const Tensor beta = tensor(problem.decay_shape(), {0.1f, 0.3f, 0.5f, 0.7f});
  Tensor by_value(device(), problem.shape), by_memory(device(), problem.shape), by_other(device(), problem.shape);
  Workspace workspace(problem);
  DeviceKey key(device());
  key.set({11, 12}, {.batch = 3, .time = 64, .channels = 7});
  forward(problem, {.x = x, .beta = beta, .key = {99, 99}, .device_key = key.get(), .spikes = by_memory}, workspace);
  forward(problem, {.x = x, .beta = beta, .key = {99, 99}, .spikes = by_other}, workspace);
  problem.origins = {.batch = 3, .time = 64, .channels = 7};
  forward(problem, {.x = x, .beta = beta, .key = {11, 12}, .spikes = by_value}, workspace);
  expect_same_bits(by_value.to_vector(), by_memory.to_vector(), "spikes");
  EXPECT_NE(by_other.to_vector(), by_memory.to_vector());
}

// No two values are the same, nor any that of an empty description.
TEST(Problem, EveryFieldReachesTheDescription) {
  const spikescan_description d = Problem{.device = Device::cuda,
                                          .neuron = {.recurrence = Recurrence::psu_lif,
                                                     .rule = Rule::heaviside,
                                                     .surrogate = Surrogate::tanh,
                                                     .gradient = Gradient::derivative,
                                                     .threshold = 0.25f,
                                                     .k = 3.0f,
                                                     .max_prob = 0.5f,
                                                     .shared_decay = true},
                                          .shape = {11, 12, 13},
                                          .origins = {21, 22, 23},
                                          .dtype = Dtype::bfloat16}
                                      .description();
  EXPECT_EQ(d.backend, SPIKESCAN_BACKEND_CUDA);
  EXPECT_EQ(d.recurrence, SPIKESCAN_PSU_LIF);
  EXPECT_EQ(d.rule, SPIKESCAN_HEAVISIDE);
  EXPECT_EQ(d.surrogate, SPIKESCAN_TANH);
  EXPECT_EQ(d.gradient, SPIKESCAN_DERIVATIVE);
  EXPECT_EQ(d.threshold, 0.25f);
  EXPECT_EQ(d.k, 3.0f);
  EXPECT_EQ(d.max_prob, 0.5f);
  EXPECT_EQ(d.shared_decay, 1);
  EXPECT_EQ((Shape{d.batch, d.time, d.channels}), (Shape{11, 12, 13}));
  EXPECT_EQ((Shape{d.batch_origin, d.time_origin, d.channel_origin}), (Shape{21, 22, 23}));
  EXPECT_EQ(d.dtype, SPIKESCAN_BFLOAT16);
}

TEST(Problem, PlanNamesTheBackend) {
  const Problem problem{.device = Device::cpu, .shape = {2, 100, 3}};
  EXPECT_NE(problem.plan().find("backend=cpu"), std::string::npos) << problem.plan();
}

TEST(Problem, PlanIsTheLibrarysText) {
  const Problem problem{.device = Device::cpu, .shape = {2, 100, 3}};
  const spikescan_description d = problem.description();
  char text[4096];
  ASSERT_EQ(spikescan_describe_plan(&d, text, sizeof text), SPIKESCAN_OK);
  EXPECT_EQ(problem.plan(), std::string(text));
}

// The signatures of Spyx, docs/model.md: the classes pass k and threshold on, and keep max_prob at 0.8.
TEST(Presets, HaveSpyxDefaults) {
  const auto of = [](const Neuron& neuron) { return Problem{.neuron = neuron}.description(); };
  const spikescan_description lif = of(kStochasticAssociativeLif), cuba = of(kStochasticAssociativeCubaLif);
  const spikescan_description spsn = of(kSpsn), psu = of(kPsuLif), psu1 = of(kPsuLifSpyx1), plain = of({});
  EXPECT_EQ(lif.recurrence, SPIKESCAN_LIF);
  EXPECT_EQ(lif.rule, SPIKESCAN_SIGMOID_BERNOULLI);
  EXPECT_EQ(lif.k, 100.0f);
  EXPECT_EQ(lif.max_prob, 0.8f);
  EXPECT_EQ(cuba.recurrence, SPIKESCAN_CUBA_LIF);
  EXPECT_EQ(cuba.rule, SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI);
  EXPECT_EQ(cuba.k, 100.0f);
  EXPECT_EQ(spsn.recurrence, SPIKESCAN_SPSN);
  EXPECT_EQ(spsn.rule, SPIKESCAN_SIGMOID_BERNOULLI);
  EXPECT_EQ(spsn.k, 10.0f);
  EXPECT_EQ(spsn.max_prob, 0.8f);
  EXPECT_EQ(psu.recurrence, SPIKESCAN_PSU_LIF);
  EXPECT_EQ(psu.rule, SPIKESCAN_HEAVISIDE);
  EXPECT_EQ(psu.surrogate, SPIKESCAN_ARCTAN);
  EXPECT_EQ(psu.k, 2.0f);
  EXPECT_EQ(psu1.recurrence, SPIKESCAN_LIF);
  EXPECT_EQ(psu1.rule, SPIKESCAN_HEAVISIDE);
  EXPECT_EQ(psu1.surrogate, SPIKESCAN_SUPERSPIKE);
  EXPECT_EQ(psu1.k, 25.0f);
  for (const spikescan_description& each : {lif, cuba, spsn, psu, psu1, plain}) {
    EXPECT_EQ(each.threshold, 1.0f);
    EXPECT_EQ(each.shared_decay, 0);
    EXPECT_EQ(each.gradient, SPIKESCAN_PROBABILITY);
  }
  // The C header's own start value and the C++ face's defaults say the same.
  const spikescan_description initial = SPIKESCAN_DESCRIPTION_INIT;
  EXPECT_EQ(initial.recurrence, plain.recurrence);
  EXPECT_EQ(initial.rule, plain.rule);
  EXPECT_EQ(initial.surrogate, plain.surrogate);
  EXPECT_EQ(initial.gradient, plain.gradient);
  EXPECT_EQ(initial.threshold, plain.threshold);
  EXPECT_EQ(initial.k, plain.k);
  EXPECT_EQ(initial.max_prob, plain.max_prob);
  EXPECT_EQ(initial.backend, plain.backend);
  EXPECT_EQ(initial.dtype, plain.dtype);
}

}  // namespace
}  // namespace spikescan
