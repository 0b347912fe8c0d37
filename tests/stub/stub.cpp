#include "stub/stub.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "support/demangle.h"

namespace stub {
namespace {

// Made at the first use: a library registers its kernels before this file's own variables are made.
struct State {
  std::mutex mutex;
  std::vector<Call> calls;
  Failure failure;
  int counted = 0, failed = 0;
  int driver_version = CUDART_VERSION;
  std::map<const void*, std::string> kernels;
  std::size_t (*bytes_of)(const std::string&) = nullptr;
  int live_objects = 0;
};

State& state() {
  static State* made = new State;  // outlives every library's own destructors
  return *made;
}

thread_local int current_device = 0;
thread_local cudaError_t current_error = cudaSuccess;

std::string readable(const char* mangled) {
  std::string text = spikescan::support::demangled(mangled);
  // "void ns::kernel<(ns::enum)0>(ns::Argument)": the arguments and what stands before the name go.
  int depth = 0;
  std::size_t end = text.size();
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (text[place] == '<') ++depth;
    if (text[place] == '>') --depth;
    if (text[place] == '(' && depth == 0) {
      end = place;
      break;
    }
  }
  text.resize(end);
  if (text.rfind("void ", 0) == 0) text.erase(0, 5);
  // Demanglers differ in their blanks ("> >" or ">>"); the table has none.
  std::erase(text, ' ');
  return text;
}

cudaError_t decide(State& s, const std::string& function) {
  const Failure& failure = s.failure;
  if (failure.nth == 0 || (!failure.function.empty() && failure.function != function)) return cudaSuccess;
  ++s.counted;
  if (failure.from_then_on ? s.counted < failure.nth : s.counted != failure.nth) return cudaSuccess;
  ++s.failed;
  return failure.error;
}

}  // namespace

std::vector<Call> calls() {
  const std::lock_guard lock(state().mutex);
  return state().calls;
}

void forget_calls() {
  const std::lock_guard lock(state().mutex);
  state().calls.clear();
}

void set_argument_bytes(std::size_t (*bytes_of)(const std::string&)) {
  const std::lock_guard lock(state().mutex);
  state().bytes_of = bytes_of;
}

void plan_failure(const Failure& failure) {
  const std::lock_guard lock(state().mutex);
  state().failure = failure;
  state().counted = state().failed = 0;
}

int failures() {
  const std::lock_guard lock(state().mutex);
  return state().failed;
}

int counted() {
  const std::lock_guard lock(state().mutex);
  return state().counted;
}

void set_device(int device) {
  current_device = device;
}
int device() {
  return current_device;
}
void set_last_error(cudaError_t error) {
  current_error = error;
}
cudaError_t last_error() {
  return current_error;
}

void set_driver_version(int version) {
  const std::lock_guard lock(state().mutex);
  state().driver_version = version;
}
int driver_version() {
  const std::lock_guard lock(state().mutex);
  return state().driver_version;
}

std::vector<std::string> kernels() {
  const std::lock_guard lock(state().mutex);
  std::vector<std::string> names;
  for (const auto& [address, name] : state().kernels) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

int live_objects() {
  const std::lock_guard lock(state().mutex);
  return state().live_objects;
}

cudaError_t answer(Call call) {
  const std::lock_guard lock(state().mutex);
  State& s = state();
  call.answer = decide(s, call.function);
  if (!call.kernel.empty() && s.bytes_of != nullptr && call.source != nullptr) {
    const auto* first = static_cast<const unsigned char*>(*static_cast<void* const*>(call.source));
    call.argument.assign(first, first + s.bytes_of(call.kernel));
  }
  if (call.answer != cudaSuccess) current_error = call.answer;
  s.calls.push_back(call);
  return call.answer;
}

void note(const char* function) {
  const std::lock_guard lock(state().mutex);
  Call call;
  call.function = function;
  state().calls.push_back(call);
}

void add_kernel(const void* host_function, const char* mangled) {
  const std::lock_guard lock(state().mutex);
  state().kernels[host_function] = readable(mangled);
}

std::string kernel_at(const void* host_function) {
  const std::lock_guard lock(state().mutex);
  const auto found = state().kernels.find(host_function);
  return found == state().kernels.end() ? "an unregistered kernel" : found->second;
}

void count_object(int change) {
  const std::lock_guard lock(state().mutex);
  state().live_objects += change;
}

}  // namespace stub
