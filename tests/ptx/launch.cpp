#include "ptx/launch.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "ptx/block.h"
#include "ptx/kernel.h"
#include "support/demangle.h"

namespace ptx {
namespace {

constexpr std::size_t kResident = 3;            // blocks side by side
constexpr std::uint64_t kMostTurns = 20000000;  // without a block that ends

struct Known {
  std::shared_ptr<const std::string> text;
  std::unique_ptr<Kernel> kernel;  // once it was launched
  std::uint64_t launches = 0;
};

struct State {
  std::mutex mutex;
  std::map<std::string, Known> kernels;
  std::minstd_rand random;
  std::uint64_t executed = 0;
};
State& state() {
  static State* made = new State;  // outlives every library's own destructors
  return *made;
}

void run(Kernel& kernel, Block::Launch launch, State& s) {
  std::vector<std::unique_ptr<Block>> resident;
  std::uint64_t turns = 0;
  for (std::uint32_t next = 0; next < launch.blocks || !resident.empty();) {
    while (resident.size() < kResident && next < launch.blocks) {
      resident.push_back(std::make_unique<Block>(kernel, launch, next++));
    }
    for (std::size_t at = 0; at < resident.size();) {
      Block& block = *resident[at];
      block.run(static_cast<std::uint32_t>(s.random()) % launch.threads, s.random() % 2 == 0);
      if (!block.is_done()) {
        ++at;
        continue;
      }
      s.executed += block.executed();
      resident.erase(resident.begin() + static_cast<std::ptrdiff_t>(at));
      turns = 0;
    }
    if (++turns > kMostTurns) throw std::runtime_error("ptx: blocks only pause in " + kernel.name);
  }
}

}  // namespace

void add_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("ptx: cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  const auto shared = std::make_shared<const std::string>(text.str());
  const std::lock_guard lock(state().mutex);
  for (const std::string& name : kernels_in(*shared)) state().kernels[name].text = shared;
}

void launch(const std::string& name, std::uint32_t blocks, std::uint32_t threads, void** arguments,
            std::size_t shared_bytes) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  try {
    const auto found = s.kernels.find(name);
    if (found == s.kernels.end()) throw std::runtime_error("ptx: no file has the kernel " + name);
    Known& known = found->second;
    if (!known.kernel) known.kernel = std::make_unique<Kernel>(parse(*known.text, name));
    ++known.launches;
    Kernel& kernel = *known.kernel;
    std::vector<std::uint64_t> parameters(static_cast<std::size_t>(kernel.parameter_bytes) / sizeof(std::uint64_t) + 1);
    auto* bytes = reinterpret_cast<unsigned char*>(parameters.data());
    for (std::size_t n = 0; n < kernel.parameters.size(); ++n) {
      std::memcpy(bytes + kernel.parameters[n].offset, arguments[n],
                  static_cast<std::size_t>(kernel.parameters[n].bytes));
    }
    run(kernel, {blocks, threads, shared_bytes, bytes}, s);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::abort();
  }
}

std::uint64_t executed() {
  const std::lock_guard lock(state().mutex);
  return state().executed;
}

std::string summary() {
  const std::lock_guard lock(state().mutex);
  std::size_t kernels = 0;
  std::uint64_t launches = 0;
  for (const auto& [name, known] : state().kernels) {
    kernels += known.launches > 0;
    launches += known.launches;
  }
  std::ostringstream text;
  text << "ptx: " << launches << " launches of " << kernels << " of " << state().kernels.size() << " kernels, "
       << state().executed << " instructions";
  return text.str();
}

std::vector<Coverage> coverage() {
  const std::lock_guard lock(state().mutex);
  std::vector<Coverage> all;
  for (const auto& [mangled, known] : state().kernels) {
    if (!known.kernel) continue;
    Coverage of = {spikescan::support::demangled(mangled.c_str()), known.kernel->code.size(), {}};
    for (const Instruction& i : known.kernel->code) {
      if (!i.ran) of.never_ran.push_back(i.line);
    }
    all.push_back(of);
  }
  return all;
}

std::vector<std::string> never_launched(const std::string& part) {
  const std::lock_guard lock(state().mutex);
  std::vector<std::string> names;
  for (const auto& [mangled, known] : state().kernels) {
    const std::string name = spikescan::support::demangled(mangled.c_str());
    if (known.launches == 0 && name.find(part) != std::string::npos) names.push_back(name);
  }
  return names;
}

}  // namespace ptx
