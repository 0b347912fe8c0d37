// What a call would do on an H200, with no GPU at hand: the line that spikescan_describe_plan prints there.
// usage: plan_of forward|backward RECURRENCE DTYPE BxTxC, by the names of docs/model.md
#include "bench/support/words.h"
#include "host/plan.h"
#include "host/print_plan.h"
#include "tests/host/h200.h"

int main(int argc, char** argv) {
  using namespace spikescan;
  if (argc != 5) {
    std::fprintf(stderr, "usage: plan_of forward|backward RECURRENCE DTYPE BxTxC\n");
    return 2;
  }
  const bool backward = bench::index_of(bench::kDirections, argv[1]) == 1;
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.backend = SPIKESCAN_BACKEND_CUDA;
  d.recurrence = static_cast<spikescan_recurrence>(bench::index_of(bench::kRecurrences, argv[2]));
  d.dtype = static_cast<spikescan_dtype>(bench::index_of(bench::kDtypes, argv[3]));
  const bench::Shape shape = bench::shape_of(argv[4]);
  d.batch = shape.batch;
  d.time = shape.time;
  d.channels = shape.channels;
  const Plan plan = backward ? plan_backward(d, kH200) : plan_forward(d, kH200);
  std::printf("%s\n", print_plan(plan, argv[1]).c_str());
}
