// Prints one line a configuration, "name output=hash ...", or checks the lines of a file (docs/reproducibility.md): the
// CPU's bits in CI, the GPU's on a machine that has one, and run against run.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/c_api.h"
#include "support/hash_cases.h"

namespace spikescan::bench {
namespace {

struct Flags {
  spikescan_backend backend = SPIKESCAN_BACKEND_CPU;
  std::string check_file;
  int repeats = 1;
  int64_t most_elements = INT64_MAX;
  int first = 1 << 30;
  bool busy = false;
  bool self_test = false;
};

bool value_of(std::string_view argument, std::string_view flag, std::string* value) {
  if (!argument.starts_with(flag)) return false;
  *value = argument.substr(flag.size());
  return true;
}

bool read_flags(int argc, char** argv, Flags* flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    std::string value;
    if (argument == "--backend=cpu") {
      flags->backend = SPIKESCAN_BACKEND_CPU;
    } else if (argument == "--backend=cuda") {
      flags->backend = SPIKESCAN_BACKEND_CUDA;
    } else if (value_of(argument, "--check=", &value)) {
      flags->check_file = value;
    } else if (value_of(argument, "--repeats=", &value)) {
      flags->repeats = std::max(1, std::atoi(value.c_str()));
    } else if (value_of(argument, "--most_elements=", &value)) {
      flags->most_elements = std::atoll(value.c_str());
    } else if (value_of(argument, "--first=", &value)) {
      flags->first = std::atoi(value.c_str());
    } else if (argument == "--busy") {
      flags->busy = true;
    } else if (argument == "--self_test") {
      flags->self_test = true;
    } else {
      std::fprintf(
          stderr,
          "unknown '%s'; known: --backend=cpu|cuda --check=FILE --repeats=N --most_elements=N --first=N --busy "
          "--self_test\n",
          argv[i]);
      return false;
    }
  }
  return true;
}

std::string line_of(const HashCase& hash_case, const std::vector<OutputHash>& hashes) {
  std::string line = hash_case.name;
  for (const OutputHash& output : hashes) {
    char digits[20];
    std::snprintf(digits, sizeof(digits), "=%016llx", static_cast<unsigned long long>(output.hash));
    line += " " + output.output + digits;
  }
  return line;
}

// name -> the whole line; lines that start with # are remarks.
std::map<std::string, std::string> read_lines(std::istream& input) {
  std::map<std::string, std::string> lines;
  for (std::string line; std::getline(input, line);) {
    if (!line.empty() && line[0] != '#') lines[line.substr(0, line.find(' '))] = line;
  }
  return lines;
}

int count_differences(const std::vector<std::pair<std::string, std::string>>& made,
                      const std::map<std::string, std::string>& recorded, bool report) {
  int differences = 0;
  for (const auto& [name, line] : made) {
    const auto found = recorded.find(name);
    if (found != recorded.end() && found->second == line) continue;
    ++differences;
    if (report) {
      std::printf("differs: %s\nrecorded: %s\n", line.c_str(),
                  found == recorded.end() ? "(absent)" : found->second.c_str());
    }
  }
  return differences;
}

// The poison changes from backend to backend and from repeat to repeat.
int poison(spikescan_backend backend, int repeat) {
  return (backend == SPIKESCAN_BACKEND_CUDA ? 0xc5 : 0x3a) + 7 * repeat;
}

// Every comparison has to be able to fail, and the list has to hold what its description says.
int self_test(const Flags& flags) {
  std::set<int> pairs, dtypes, spike_formats, surrogates;
  const std::vector<HashCase> cases = hash_cases();
  for (const HashCase& hash_case : cases) {
    const spikescan_description& d = hash_case.description;
    pairs.insert(4 * d.recurrence + d.rule);
    dtypes.insert(d.dtype);
    spike_formats.insert(hash_case.spikes);
    if (d.rule == SPIKESCAN_HEAVISIDE) surrogates.insert(d.surrogate);
  }
  if (pairs.size() != 16 || dtypes.size() != 3 || spike_formats.size() != 5 || surrogates.size() != 5) {
    std::printf("the list leaves a recurrence, rule, dtype, spike format or surrogate out\n");
    return 1;
  }
  const HashCase& hash_case = cases[32];  // T = 16: at T = 1 from zero no output depends on a decay
  const std::string line = line_of(hash_case, run_hash_case(hash_case, flags.backend, 1, false));
  const std::map<std::string, std::string> recorded = {{hash_case.name, line}};
  HashCase nudged = hash_case;  // decays changed in their last bits must change the line
  nudged.lowest_decay += 0x1p-20f;
  const std::string changed = line_of(hash_case, run_hash_case(nudged, flags.backend, 1, false));
  const bool same_passes = count_differences({{hash_case.name, line}}, recorded, false) == 0;
  const bool change_fails = count_differences({{hash_case.name, changed}}, recorded, false) == 1;
  const bool absent_fails = count_differences({{hash_case.name, line}}, {}, false) == 1;
  std::printf("same bits accepted: %d; changed bits refused: %d; absent line refused: %d\n", same_passes, change_fails,
              absent_fails);
  return same_passes && change_fails && absent_fails ? 0 : 1;
}

int run(const Flags& flags) {
  std::vector<std::pair<std::string, std::string>> made;
  int unstable = 0;
  for (const HashCase& hash_case : hash_cases()) {
    if (hash_case.number >= flags.first || hash_case.shape.elements() > flags.most_elements) continue;
    const auto hashes = run_hash_case(hash_case, flags.backend, poison(flags.backend, 0), flags.busy);
    for (int repeat = 1; repeat < flags.repeats; ++repeat) {
      if (run_hash_case(hash_case, flags.backend, poison(flags.backend, repeat), flags.busy) == hashes) continue;
      ++unstable;
      std::printf("run %d differs from run 0: %s\n", repeat, hash_case.name.c_str());
    }
    made.emplace_back(hash_case.name, line_of(hash_case, hashes));
  }
  if (flags.check_file.empty()) {
    for (const auto& [name, line] : made) std::printf("%s\n", line.c_str());
    return unstable == 0 ? 0 : 1;
  }
  std::ifstream file(flags.check_file);
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", flags.check_file.c_str());
    return 1;
  }
  const int differences = count_differences(made, read_lines(file), true);
  std::printf("configurations=%zu differing=%d unstable=%d runs=%d\n", made.size(), differences, unstable,
              flags.repeats);
  return made.empty() || differences > 0 || unstable > 0 ? 1 : 0;
}

}  // namespace
}  // namespace spikescan::bench

int main(int argc, char** argv) {
  using namespace spikescan::bench;
  Flags flags;
  if (!read_flags(argc, argv, &flags)) return 2;
  if (!usable(flags.backend)) {
    std::fprintf(stderr, "the backend asked for is not built or has no usable device\n");
    return 2;
  }
  return flags.self_test ? self_test(flags) : run(flags);
}
