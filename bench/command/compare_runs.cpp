// Reading records, and running builds in turn: A B A B, each in a process of its own.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "compare.h"

extern char** environ;

namespace spikescan::bench {
namespace {

namespace fs = std::filesystem;

int refuse(const std::string& sentence) {
  std::fprintf(stderr, "spikescan-bench compare: %s\n", sentence.c_str());
  return 2;
}

std::optional<Medians> read_medians(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const auto document = parse_json(text.str());
  return document ? medians_of(*document) : std::nullopt;
}

// The process's own program, and a library in the place of the one that it was linked with; or a build's program.
struct Build {
  std::string program, library;
};

std::optional<Build> find_build(const std::string& path) {
  if (fs::is_directory(path)) {
    for (const char* place : {"bench/spikescan-bench", "spikescan-bench"}) {
      const fs::path program = fs::path(path) / place;
      if (access(program.c_str(), X_OK) == 0) return Build{program.string(), ""};
    }
    return std::nullopt;
  }
  if (path.find(".so") == std::string::npos || !fs::is_regular_file(path)) return std::nullopt;
  return Build{fs::read_symlink("/proc/self/exe").string(), fs::absolute(path).string()};
}

bool run_once(const Build& build, const CompareOptions& options, const std::string& out) {
  std::vector<std::string> words = {build.program, "run",        "--no-copy",
                                    "--series",    "suite",      "--json",
                                    out,           "--min-time", std::to_string(options.min_time)};
  if (!options.filter.empty()) words.insert(words.end(), {"--filter", options.filter});
  if (!options.shapes.empty()) words.insert(words.end(), {"--shapes", options.shapes});
  std::vector<std::string> variables;
  for (char** one = environ; *one != nullptr; ++one) variables.push_back(*one);
  if (!build.library.empty()) variables.push_back("LD_PRELOAD=" + build.library);
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& one : texts) out.push_back(one.data());
    out.push_back(nullptr);
    return out;
  };
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1 /* O_WRONLY */, 0);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, build.program.c_str(), &actions, nullptr, pointers(words).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  return failed == 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int compare_builds(const Build& a, const Build& b, const CompareOptions& options) {
  char folder[] = "/tmp/spikescan-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) return refuse("no folder can be made under /tmp");
  const std::string out = std::string(folder) + "/run.json";
  std::vector<Medians> of_a, of_b;
  int code = 0;
  for (int round = 0; round < options.rounds && code == 0; ++round) {
    for (const Build* build : {&a, &b}) {
      const auto medians = run_once(*build, options, out) ? read_medians(out) : std::nullopt;
      if (!medians) {
        code = refuse(build->program + (build->library.empty() ? "" : " with " + build->library) + " did not run");
        break;
      }
      (build == &a ? of_a : of_b).push_back(*medians);
    }
  }
  fs::remove_all(folder);
  if (code == 0) std::fputs(compare(pool(of_a), pool(of_b)).c_str(), stdout);
  return code;
}

}  // namespace

int run_compare(const CompareOptions& options) {
  const bool records = options.a.ends_with(".json") && options.b.ends_with(".json");
  if (!records) {
    const auto a = find_build(options.a), b = find_build(options.b);
    for (const auto& [build, path] : {std::pair(&a, &options.a), std::pair(&b, &options.b)}) {
      if (!*build)
        return refuse("'" + *path + "' is no record, no shared library, and no build with spikescan-bench in it");
    }
    return compare_builds(*a, *b, options);
  }
  const auto a = read_medians(options.a), b = read_medians(options.b);
  for (const auto& [medians, path] : {std::pair(&a, &options.a), std::pair(&b, &options.b)}) {
    if (!*medians) return refuse("'" + *path + "' holds no measurements");
  }
  std::fputs(compare(*a, *b).c_str(), stdout);
  return 0;
}

}  // namespace spikescan::bench
