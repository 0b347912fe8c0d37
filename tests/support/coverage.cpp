#include "support/coverage.h"

namespace spikescan::support {
namespace {

std::set<std::string>& mutable_runs() {
  static std::set<std::string> runs;
  return runs;
}

template <class Enum, size_t N>
const char* pick(const char* const (&names)[N], Enum value) {
  const auto index = static_cast<size_t>(value);
  return index < N ? names[index] : "?";
}

}  // namespace

const char* name_of(spikescan_recurrence recurrence) {
  static constexpr const char* kNames[] = {"lif", "spsn", "cuba_lif", "psu_lif"};
  return pick(kNames, recurrence);
}

const char* name_of(spikescan_rule rule) {
  static constexpr const char* kNames[] = {"sigmoid_bernoulli", "refractory_sigmoid_bernoulli", "heaviside", "none"};
  return pick(kNames, rule);
}

const char* name_of(spikescan_dtype dtype) {
  static constexpr const char* kNames[] = {"float32", "float16", "bfloat16", "uint8", "bits32"};
  return pick(kNames, dtype);
}

std::string combination(const Target& target, const Case& c) {
  return std::string(name_of(c.description.recurrence)) + " " + name_of(c.description.rule) + " " +
         name_of(c.description.dtype) + " -> " + name_of(c.spikes_dtype) + " on " + target.name;
}

void note_run(const Target& target, const Case& c) {
  mutable_runs().insert(combination(target, c));
}

const std::set<std::string>& combinations_run() {
  return mutable_runs();
}

std::string missing(const std::set<std::string>& wanted, const std::set<std::string>& run) {
  std::string text;
  for (const std::string& name : wanted) {
    if (!run.contains(name)) text += name + "\n";
  }
  return text;
}

}  // namespace spikescan::support
