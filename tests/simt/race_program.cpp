// One sample kernel a run, for ThreadSanitizer (CMakeLists.txt says what each run has to print).
// It prints "right" or "wrong" for the result: a race can be reported and the result be right all the same.
#include <cstdio>
#include <cstring>
#include <numeric>
#include <vector>

#include "simt/sample_kernels.h"

namespace {

using namespace simt::sample;

constexpr unsigned kTiles = 24;

template <Publish kPublish>
bool run_chained_scan(std::uint64_t seed) {
  simt::Options options;
  options.seed = seed;
  options.resident_blocks = 4;
  simt::set_options(options);
  std::vector<float> x(kTiles * kTile, 1.0f), y(kTiles), aggregate(kTiles), carry(kTiles);
  std::vector<unsigned> status(kTiles), ticket(1);
  const Chain chain{aggregate.data(), carry.data(), status.data(), ticket.data()};
  simt::launch({kTiles, kTile, kTile * sizeof(float)}, chained_scan<kPublish, TileOrder::ticket>, x.data(), y.data(),
               chain);
  float expected = 0;
  bool right = true;
  for (float value : y) right = (value == (expected = 0.5f * expected + kTile)) && right;
  return right;
}

template <Barriers kBarriers>
bool run_sum_tiles() {
  std::vector<int> x(kTiles * kTile, 1), sums(kTiles);
  simt::launch({kTiles, kTile, kTile * sizeof(int)}, sum_tiles<kBarriers>, x.data(), sums.data());
  return sums == std::vector<int>(kTiles, kTile);
}

template <Handover kHandover>
bool run_hand_over() {
  std::vector<int> y(32);
  simt::launch({1, 32, sizeof(int)}, hand_over<kHandover>, y.data());
  return y == std::vector<int>(32, 42);
}

bool run(const char* which) {
  if (std::strcmp(which, "correct") == 0) {
    bool right = run_sum_tiles<Barriers::all>() && run_hand_over<Handover::syncwarp>();
    for (std::uint64_t seed = 1; seed <= 5; ++seed) right = run_chained_scan<Publish::release>(seed) && right;
    return right;
  }
  if (std::strcmp(which, "missing_barrier") == 0) return run_sum_tiles<Barriers::one_missing>();
  if (std::strcmp(which, "relaxed_flag") == 0) return run_chained_scan<Publish::relaxed>(1);
  if (std::strcmp(which, "shuffle_for_order") == 0) return run_hand_over<Handover::shuffle_only>();
  std::fprintf(stderr, "unknown case %s\n", which);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const bool right = argc == 2 && run(argv[1]);
  std::printf("%s\n", right ? "right" : "wrong");
  return right ? 0 : 1;
}
