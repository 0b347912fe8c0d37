// What a call needs and would do, without doing it.
#include <cstdio>
#include <string>

#include "host/description_sizes.h"
#include "host/guard.h"
#include "host/names.h"
#include "host/plan.h"
#include "host/prepare.h"
#include "host/print_plan.h"
#include "host/validate_struct.h"
#include "kernels/element/chunking.h"

using namespace spikescan;

namespace {

// A plan is made for the current device, and only a single one is known to be that.
spikescan_status print_device(const Prepared& prepared, std::string* text, Sentence& error) {
  int32_t devices = 0;
  if (const auto s = report(prepared.backend->device_count(&devices), error)) return s;
  const std::string processors = " processors=" + std::to_string(prepared.facts.processors);
  if (devices != 1) {
    *text = "device=\"the current one of " + std::to_string(devices) + "\"" + processors;
    return SPIKESCAN_OK;
  }
  spikescan_device_info info = {};
  if (const auto s = report(prepared.backend->query_device(0, &info), error)) return s;
  *text = std::string("device=\"") + info.name + "\"" + processors + " instruction_set=" + info.instruction_set;
  return SPIKESCAN_OK;
}

}  // namespace

spikescan_status spikescan_query_sizes(const spikescan_description* description, spikescan_sizes* sizes) {
  return guarded([&](Sentence& error) {
    Prepared prepared;
    if (const auto s = prepare(description, nullptr, &prepared, error)) return s;
    spikescan_sizes found;
    if (const auto s = take_struct(sizes, "sizes", &found, error)) return s;
    found.forward_workspace = plan_forward(prepared.description, prepared.facts).workspace_bytes;
    found.backward_workspace = plan_backward(prepared.description, prepared.facts).workspace_bytes;
    found.saved = saved_bytes(prepared.description);
    *sizes = found;
    return SPIKESCAN_OK;
  });
}

void spikescan_time_units(int64_t* split_steps, int64_t* saved_steps) {
  if (split_steps) *split_steps = kSplitSteps;
  if (saved_steps) *saved_steps = kSavedSteps;
}

spikescan_status spikescan_describe_plan(const spikescan_description* description, char* text, size_t capacity) {
  return guarded([&](Sentence& error) {
    if (!text) return error.invalid("text is null; it must hold `capacity` bytes");
    if (capacity == 0) return error.invalid("capacity is 0; it must be at least 1");
    Prepared prepared;
    if (const auto s = prepare(description, nullptr, &prepared, error)) return s;
    std::string device;
    if (const auto s = print_device(prepared, &device, error)) return s;
    const spikescan_description& d = prepared.description;
    const std::string forward = print_plan(plan_forward(d, prepared.facts), "forward");
    const std::string backward = print_plan(plan_backward(d, prepared.facts), "backward");
    std::snprintf(text, capacity, "backend=%s %s recurrence=%s rule=%s dtype=%s\n%s\n%s\n", backend_name(d.backend),
                  device.c_str(), recurrence_name(d.recurrence), rule_name(d.rule), dtype_name(d.dtype),
                  forward.c_str(), backward.c_str());
    return SPIKESCAN_OK;
  });
}
