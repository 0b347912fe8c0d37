// Calls of the library in replayed CUDA graphs, as one line of JSON (lif, sigmoid_bernoulli, float32). For a forward
// pass, a backward pass and both in turn: the graph nodes that a call makes, and its seconds, as the median of SAMPLES
// replays of CALLS calls; `seconds` with every call on the same buffers, which the L2 cache then holds where they fit,
// and `rotated_seconds` with buffers of its own for each. Every replay is compared with eager calls before it is timed.
// usage: graph_calls B T C [CALLS SAMPLES]     or     graph_calls --self_test
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/graph_problem.h"

namespace spikescan::bench {
namespace {

constexpr uint64_t kSeed = 2026;
constexpr Pass kEveryPass[] = {Pass::kForward, Pass::kBackward, Pass::kForwardBackward};

// `sets` of the problem's buffers in turn.
CudaGraph capture(const GraphProblem& problem, Pass pass, int calls, size_t sets) {
  return CudaGraph(problem.stream(), [&] {
    for (int i = 0; i < calls; ++i) problem.enqueue(pass, static_cast<size_t>(i) % sets);
  });
}

double seconds_a_call(const GraphProblem& problem, Pass pass, int calls, int samples, size_t sets) {
  const CudaGraph graph = capture(problem, pass, calls, sets);
  if (!problem.replays_the_eager_bits(graph, pass, sets)) {
    std::fprintf(stderr, "graph_calls: %s: the replay's bits differ from the eager call's\n",
                 kPasses[static_cast<int>(pass)]);
    std::exit(1);
  }
  return median_seconds(problem.stream(), samples, [&] { graph.replay(problem.stream()); }) / calls;
}

void print_pass(const GraphProblem& problem, Pass pass, int calls, int samples) {
  const NodeCounts nodes = capture(problem, pass, 1, 1).nodes();
  std::printf(
      ", \"%s\": {\"kernels\": %d, \"memsets\": %d, \"other_nodes\": %d, \"seconds\": %.4g, \"rotated_seconds\": %.4g}",
      kPasses[static_cast<int>(pass)], nodes.kernels, nodes.memsets, nodes.others,
      seconds_a_call(problem, pass, calls, samples, 1),
      seconds_a_call(problem, pass, calls, samples, problem.set_count()));
}

// A comparison that never complains would prove nothing: calls with another key have to differ, and a replay that runs
// nothing leaves outputs that no eager call made.
int self_test() {
  GraphProblem problem({1, 1024, 8}, 2, kSeed);
  const Pass both = Pass::kForwardBackward;
  const bool same = problem.replays_the_eager_bits(capture(problem, both, 2, 2), both, 2);
  const bool half = problem.replays_the_eager_bits(capture(problem, both, 1, 1), both, 2);
  problem.set_seed(kSeed + 1);
  const bool other_key = problem.replays_the_eager_bits(capture(problem, both, 2, 2), both, 2);
  std::printf("same calls agree: %d, an unwritten set: %d, another key: %d\n", same, half, other_key);
  return same && !half && !other_key ? 0 : 1;
}

int measure(const Shape& shape, int calls, int samples) {
  const GraphProblem problem(shape, static_cast<size_t>(calls), kSeed);
  std::printf("{\"B\": %lld, \"T\": %lld, \"C\": %lld, \"calls\": %d, \"samples\": %d",
              static_cast<long long>(shape.batch), static_cast<long long>(shape.time),
              static_cast<long long>(shape.channels), calls, samples);
  for (const Pass pass : kEveryPass) print_pass(problem, pass, calls, samples);
  std::printf("}\n");
  return 0;
}

}  // namespace
}  // namespace spikescan::bench

int main(int argc, char** argv) {
  using namespace spikescan::bench;
  if (argc == 2 && std::strcmp(argv[1], "--self_test") == 0) return self_test();
  const Shape shape = argc > 3 ? Shape{std::atoll(argv[1]), std::atoll(argv[2]), std::atoll(argv[3])} : Shape{};
  const int calls = argc > 4 ? std::atoi(argv[4]) : 200, samples = argc > 5 ? std::atoi(argv[5]) : 31;
  if (argc < 4 || argc > 6 || shape.elements() < 1 || calls < 1 || samples < 1) {
    std::fprintf(stderr, "usage: graph_calls B T C [CALLS SAMPLES]     or     graph_calls --self_test\n");
    return 2;
  }
  return measure(shape, calls, samples);
}
