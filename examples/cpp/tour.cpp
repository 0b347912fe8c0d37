// The pieces that docs/api.md quotes, in one program that checks what it says: strides, states, pieces of a sequence,
// shards of a batch, packed spikes, the program's own threads, errors. Regions in brackets are what the page shows.
#include <algorithm>
#include <cstdio>
#include <vector>

#include <spikescan/spikescan.hpp>

namespace sk = spikescan;

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "tour: not so: %s\n", what);
  ++failures;
}

std::vector<float> ramp(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 97) / 250.0f;
  return values;
}

void problem_and_call(sk::Device device) {
  // [call]
  sk::Neuron neuron = sk::kStochasticAssociativeCubaLif;  // cuba_lif, refractory rule, k = 100
  neuron.k = 20.0f;
  const sk::Problem problem{.device = device, .neuron = neuron, .shape = {.batch = 4, .time = 300, .channels = 16}};

  sk::Tensor x(device, problem.shape), spikes(device, problem.shape);
  sk::Tensor alpha(device, problem.decay_shape()), beta(device, problem.decay_shape());
  x.copy_from(ramp(problem.shape.elements()));
  alpha.copy_from(std::vector<float>(16, 0.5f));
  beta.copy_from(std::vector<float>(16, 0.9f));

  sk::Workspace workspace(problem);  // allocates; the call below does not
  sk::forward(problem, {.x = x, .beta = beta, .alpha = alpha, .key = {.seed = 42, .stream = 0}, .spikes = spikes},
              workspace);
  // [/call]
  const std::vector<float> fired = spikes.to_vector();
  expect(std::count(fired.begin(), fired.end(), 1.0f) > 0, "some neurons fire");
}

// A program that keeps its own buffers: host memory for the CPU, device memory for CUDA.
void own_memory() {
  // [strides]
  // 8 sequences of 1000 steps and 2 channels, time-first as snnTorch keeps them: step t of sequence b starts at
  // (t * 8 + b) * 2. Only the strides say so; the call is the same.
  std::vector<float> data = ramp(1000 * 8 * 2), v(data.size());
  const sk::Shape shape{.batch = 8, .time = 1000, .channels = 2};
  const sk::ConstTensorView x(data.data(), shape, sk::Dtype::float32, sk::Layout::time_first);
  sk::TensorView membrane(v.data(), shape, sk::Dtype::float32, sk::Layout::time_first);

  // Any other strides go in by hand, in elements: here each row of two channels keeps a gap of two.
  std::vector<float> padded(1000 * 8 * 4);
  sk::TensorView wide(padded.data(), shape);
  wide.stride_time = 4;
  wide.stride_batch = 1000 * 4;
  // [/strides]
  const sk::Problem problem{.device = sk::Device::cpu, .neuron = {.shared_decay = true}, .shape = shape};
  const float beta = 0.75f;
  const sk::ConstTensorView decay(&beta, {1, 1, 1});
  sk::Workspace workspace(problem);
  sk::forward(problem, {.x = x, .beta = decay, .membrane = membrane}, workspace);
  sk::forward(problem, {.x = x, .beta = decay, .membrane = wide}, workspace);
  expect(v[(7 * 8 + 3) * 2 + 1] == padded[(3 * 1000 + 7) * 4 + 1], "both layouts hold the same V");
  expect(padded[2] == 0.0f, "the gap is not written");
}

void pieces(sk::Device device) {
  int64_t split = 0;
  spikescan_time_units(&split, nullptr);
  const sk::Problem whole{.device = device, .shape = {.batch = 1, .time = 2 * split, .channels = 2}};
  const sk::Tensor x = sk::Tensor::from(device, whole.shape, ramp(whole.shape.elements()));
  const sk::Tensor beta = sk::Tensor::from(device, whole.decay_shape(), std::vector{0.5f, 0.99f});
  const sk::Key key{.seed = 7, .stream = 3};
  sk::Tensor spikes(device, whole.shape), pieced(device, whole.shape);
  sk::Workspace workspace(whole);
  sk::forward(whole, {.x = x, .beta = beta, .key = key, .spikes = spikes}, workspace);

  // [pieces]
  // A long sequence in pieces of `split` steps (spikescan_time_units): same key, the origin says where a piece starts,
  // the state is handed on. `states[0]` starts as zeros.
  sk::Tensor states[2] = {sk::Tensor(device, whole.state_shape()), sk::Tensor(device, whole.state_shape())};
  states[0].zero();
  for (int64_t first = 0; first < whole.shape.time; first += split) {
    sk::Problem piece = whole;
    piece.shape.time = std::min(split, whole.shape.time - first);
    piece.origins.time = first;
    sk::forward(piece,
                {.x = block(x, {0, first, 0}, piece.shape),
                 .beta = beta,
                 .initial_state = {states[0]},
                 .key = key,
                 .spikes = block(pieced, {0, first, 0}, piece.shape),
                 .final_state = {states[1]}},
                workspace);
    std::swap(states[0], states[1]);
  }
  // [/pieces]
  expect(pieced.to_vector() == spikes.to_vector(), "pieces give the bits of the whole");
}

void shards(sk::Device device) {
  const sk::Problem whole{.device = device, .shape = {.batch = 6, .time = 100, .channels = 2}};
  const sk::Tensor x = sk::Tensor::from(device, whole.shape, ramp(whole.shape.elements()));
  const sk::Tensor beta = sk::Tensor::from(device, whole.decay_shape(), std::vector{0.5f, 0.9f});
  const sk::Key key{.seed = 7};
  sk::Tensor spikes(device, whole.shape), sharded(device, whole.shape);
  sk::Workspace workspace(whole);
  sk::forward(whole, {.x = x, .beta = beta, .key = key, .spikes = spikes}, workspace);

  // [shards]
  // The second worker of two has sequences 3, 4, 5 of the batch of 6, and says so.
  sk::Problem shard = whole;
  shard.shape.batch = 3;
  shard.origins.batch = 3;
  // [/shards]
  sk::Problem first = whole;
  first.shape.batch = 3;
  for (const sk::Problem& half : {first, shard}) {
    const sk::Shape at{half.origins.batch, 0, 0};
    sk::forward(half,
                {.x = block(x, at, half.shape), .beta = beta, .key = key, .spikes = block(sharded, at, half.shape)},
                workspace);
  }
  expect(sharded.to_vector() == spikes.to_vector(), "shards draw what the whole draws");
}

void packed_spikes(sk::Device device) {
  const sk::Problem problem{.device = device, .neuron = {.k = 5.0f}, .shape = {.batch = 2, .time = 100, .channels = 3}};
  const sk::Tensor x = sk::Tensor::from(device, problem.shape, ramp(problem.shape.elements()));
  const sk::Tensor beta = sk::Tensor::from(device, problem.decay_shape(), std::vector{0.5f, 0.9f, 0.99f});
  sk::Workspace workspace(problem);
  // [bits]
  sk::Tensor bits(device, sk::packed(problem.shape), sk::Dtype::bits32);  // [2, 4, 3]: 100 steps in 4 words
  sk::forward(problem, {.x = x, .beta = beta, .key = {.seed = 1}, .spikes = bits}, workspace);
  const std::vector<uint32_t> words = bits.to_vector<uint32_t>();
  const auto fired = [&](int64_t b, int64_t t, int64_t c) {
    return (words[static_cast<size_t>((b * 4 + t / 32) * 3 + c)] >> (t % 32) & 1u) != 0;
  };
  // [/bits]
  sk::Tensor bytes(device, problem.shape, sk::Dtype::uint8);
  sk::forward(problem, {.x = x, .beta = beta, .key = {.seed = 1}, .spikes = bytes}, workspace);
  const std::vector<uint8_t> spikes = bytes.to_vector<uint8_t>();
  bool same = true;
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t t = 0; t < 100; ++t) {
      for (int64_t c = 0; c < 3; ++c) same = same && fired(b, t, c) == (spikes[(b * 100 + t) * 3 + c] == 1);
    }
  }
  expect(same, "packed spikes are the same spikes");
}

void own_threads() {
  const sk::Problem problem{.device = sk::Device::cpu, .shape = {.batch = 4, .time = 500, .channels = 200}};
  const sk::Tensor x = sk::Tensor::from(problem.device, problem.shape, ramp(problem.shape.elements()));
  const sk::Tensor beta = sk::Tensor::from(problem.device, problem.decay_shape(), std::vector<float>(200, 0.9f));
  sk::Tensor v(problem.device, problem.shape), expected(problem.device, problem.shape);
  sk::Workspace workspace(problem);
  sk::forward(problem, {.x = x, .beta = beta, .membrane = expected}, workspace);
  // [executor]
  // Any pool will do; this one runs the tasks one after the other.
  const spikescan_executor threads = {sizeof threads, nullptr, 2,
                                      [](void*, int64_t tasks, void (*task)(void*, int64_t), void* data) {
                                        for (int64_t i = 0; i < tasks; ++i) task(data, i);
                                      }};
  sk::forward(problem, {.x = x, .beta = beta, .membrane = v}, workspace, threads);
  // [/executor]
  expect(v.to_vector() == expected.to_vector(), "threads change no bit");
}

void errors() {
  bool thrown = false;
  // [errors]
  try {
    sk::Problem problem{.device = sk::Device::cpu, .neuron = {.k = -1.0f}, .shape = {1, 10, 3}};
    sk::Workspace workspace(problem);
  } catch (const sk::Error& error) {
    // The status to decide by, the sentence to show: it names the argument, its value and what is allowed.
    if (error.status() == sk::Status::invalid_argument) std::printf("refused: %s\n", error.what());
    thrown = error.status() == sk::Status::invalid_argument;
  }
  // [/errors]
  expect(thrown, "a negative slope is refused");
}

}  // namespace

int main() try {
  const sk::Device device = sk::resolve(sk::Device::automatic);
  problem_and_call(device);
  own_memory();
  pieces(device);
  shards(device);
  packed_spikes(device);
  own_threads();
  errors();
  if (failures == 0) std::printf("tour: all checks passed\n");
  return failures == 0 ? 0 : 1;
} catch (const sk::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
