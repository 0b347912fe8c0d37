// --backends and --shapes, and the context of a record.
#include "options.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

#include "c_api.h"

namespace spikescan::bench {
namespace {

bool read_backends(const std::string& text, std::vector<spikescan_backend>* backends) {
  std::stringstream list(text);
  for (std::string name; std::getline(list, name, ',');) {
    if (name == "cpu") {
      backends->push_back(SPIKESCAN_BACKEND_CPU);
    } else if (name == "cuda") {
      backends->push_back(SPIKESCAN_BACKEND_CUDA);
    } else {
      std::fprintf(stderr, "--backends: '%s' is neither cpu nor cuda\n", name.c_str());
      return false;
    }
  }
  return true;
}

bool read_shapes(const std::string& text, std::vector<Shape>* shapes) {
  std::stringstream list(text);
  for (std::string item; std::getline(list, item, ',');) {
    Shape shape = {};
    char rest = 0;
    const int read = std::sscanf(item.c_str(), "%" SCNd64 "x%" SCNd64 "x%" SCNd64 "%c", &shape.batch, &shape.time,
                                 &shape.channels, &rest);
    if (read != 3 || shape.batch < 1 || shape.time < 1 || shape.channels < 1) {
      std::fprintf(stderr, "--shapes: '%s' is not BxTxC with positive numbers\n", item.c_str());
      return false;
    }
    shapes->push_back(shape);
  }
  return true;
}

std::chrono::steady_clock::time_point started;
double budget_seconds = 0.0;

}  // namespace

void start_clock(const Options& options) {
  started = std::chrono::steady_clock::now();
  budget_seconds = options.seconds;
}

bool in_time(benchmark::State& state) {
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - started;
  if (passed.count() < budget_seconds) return true;
  state.SkipWithError("the time budget was used up");
  return false;
}

bool take_options(int* argc, char** argv, Options* options) {
  constexpr std::string_view kBackendsFlag = "--backends=", kShapesFlag = "--shapes=", kSecondsFlag = "--seconds=";
  std::vector<spikescan_backend> wanted;
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kBackendsFlag)) {
      if (!read_backends(std::string(argument.substr(kBackendsFlag.size())), &wanted)) return false;
    } else if (argument.starts_with(kShapesFlag)) {
      if (!read_shapes(std::string(argument.substr(kShapesFlag.size())), &options->shapes)) return false;
    } else if (argument.starts_with(kSecondsFlag)) {
      options->seconds = std::atof(argv[i] + kSecondsFlag.size());
      if (!(options->seconds > 0.0)) {
        std::fprintf(stderr, "%s: not a positive number of seconds\n", argv[i]);
        return false;
      }
    } else {
      argv[kept++] = argv[i];
    }
  }
  *argc = kept;
  argv[kept] = nullptr;
  if (wanted.empty()) wanted = {SPIKESCAN_BACKEND_CPU, SPIKESCAN_BACKEND_CUDA};
  for (const spikescan_backend backend : wanted) {
    if (usable(backend)) options->backends.push_back(backend);
  }
  return true;
}

void add_context(spikescan_backend backend) {
  const spikescan_device_info info = device_info(backend);
  const std::string prefix = std::string(kBackends[backend]) + "_";
  const auto put = [&](const char* key, const std::string& value) { benchmark::AddCustomContext(prefix + key, value); };
  put("device", info.name);
  put("processors", std::to_string(info.processors));
  put("instruction_set", info.instruction_set);
  put("memory_bytes", std::to_string(info.memory_bytes));
  put("runtime_version", std::to_string(info.runtime_version));
  put("driver_version", std::to_string(info.driver_version));
  put("spikescan", spikescan_version());
}

}  // namespace spikescan::bench
