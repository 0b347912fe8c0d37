#include "stub/entries.h"

#include <memory>

namespace stub {
namespace {

constexpr spikescan_backend kCuda = SPIKESCAN_BACKEND_CUDA;

spikescan_status nothing() {
  return SPIKESCAN_OK;
}
void leave(spikescan_status) {}

Entry simple(const std::string& name, std::function<spikescan_status()> call) {
  return {name, nothing, std::move(call), leave};
}

// A handle that one function makes and another takes back.
using Make = spikescan_status (*)(spikescan_backend, void**);
using TakeBack = spikescan_status (*)(spikescan_backend, void*);

Entry making(const std::string& name, Make make, TakeBack take_back) {
  const auto handle = std::make_shared<void*>(nullptr);
  return {name, nothing, [=] { return make(kCuda, handle.get()); },
          [=](spikescan_status status) {
            if (status == SPIKESCAN_OK) take_back(kCuda, *handle);
          }};
}

// `survives`: the handle is still there when it could not be taken back.
Entry taking_back(const std::string& name, Make make, TakeBack take_back, bool survives) {
  const auto handle = std::make_shared<void*>(nullptr);
  return {name, [=] { return make(kCuda, handle.get()); }, [=] { return take_back(kCuda, *handle); },
          [=](spikescan_status status) {
            if (status != SPIKESCAN_OK && survives) take_back(kCuda, *handle);
          }};
}

Entry using_handle(const std::string& name, Make make, TakeBack take_back,
                   std::function<spikescan_status(void*)> call) {
  const auto handle = std::make_shared<void*>(nullptr);
  return {name, [=] { return make(kCuda, handle.get()); }, [=] { return call(*handle); },
          [=](spikescan_status) { take_back(kCuda, *handle); }};
}

spikescan_status allocate_some(spikescan_backend backend, void** memory) {
  return spikescan_allocate(backend, 1000, memory);
}

Entry pass(const std::string& name, spikescan_recurrence recurrence, int32_t shared_decay, int64_t batch, int64_t time,
           bool backward) {
  spikescan_description d = describe(recurrence, batch, time, 3);
  d.shared_decay = shared_decay;
  const auto made = std::make_shared<MadeUp>(d);
  return simple(name, [=] {
    return backward ? spikescan_backward(&made->description, &made->backward, made_up_stream())
                    : spikescan_forward(&made->description, &made->forward, made_up_stream());
  });
}

void add_questions(std::vector<Entry>& list) {
  list.push_back(simple("device_count", [] {
    int32_t count = 0;
    return spikescan_device_count(kCuda, &count);
  }));
  list.push_back(simple("resolve_backend", [] {
    spikescan_backend resolved;
    return spikescan_resolve_backend(kCuda, &resolved);
  }));
  list.push_back(simple("query_device", [] {
    spikescan_device_info info{};
    info.struct_size = sizeof info;
    return spikescan_query_device(kCuda, 1, &info);
  }));
  list.push_back(simple("query_sizes", [] { return MadeUp(describe(SPIKESCAN_LIF, 3, 2000, 5)).sizes_status; }));
  list.push_back(simple("describe_plan", [] {
    char text[2000];
    const spikescan_description d = describe(SPIKESCAN_LIF, 3, 2000, 5);
    return spikescan_describe_plan(&d, text, sizeof text);
  }));
}

void add_memory(std::vector<Entry>& list) {
  list.push_back(making("allocate", allocate_some, spikescan_free));
  list.push_back(taking_back("free", allocate_some, spikescan_free, true));
  list.push_back(simple("copy", [] {
    static char from[10], to[10];
    return spikescan_copy(kCuda, to, from, sizeof to, made_up_stream());
  }));
  list.push_back(simple("fill", [] {
    static char to[10];
    return spikescan_fill(kCuda, to, 0, sizeof to, made_up_stream());
  }));
}

void add_streams(std::vector<Entry>& list) {
  list.push_back(making("stream_create", spikescan_stream_create, spikescan_stream_destroy));
  list.push_back(taking_back("stream_destroy", spikescan_stream_create, spikescan_stream_destroy, true));
  list.push_back(simple("stream_synchronize", [] { return spikescan_stream_synchronize(kCuda, made_up_stream()); }));
  list.push_back(making("timer_create", spikescan_timer_create, spikescan_timer_destroy));
  // A timer is two events. When one of them cannot be destroyed the timer is gone all the same.
  list.push_back(taking_back("timer_destroy", spikescan_timer_create, spikescan_timer_destroy, false));
  const auto timed = [&](const char* name, std::function<spikescan_status(void*)> call) {
    list.push_back(using_handle(name, spikescan_timer_create, spikescan_timer_destroy, std::move(call)));
  };
  timed("timer_start", [](void* timer) { return spikescan_timer_start(kCuda, timer, made_up_stream()); });
  timed("timer_stop", [](void* timer) { return spikescan_timer_stop(kCuda, timer, made_up_stream()); });
  timed("timer_seconds", [](void* timer) {
    double seconds = 0;
    return spikescan_timer_seconds(kCuda, timer, &seconds);
  });
}

}  // namespace

std::vector<Entry> entries() {
  std::vector<Entry> list;
  add_questions(list);
  add_memory(list);
  add_streams(list);
  list.push_back(pass("forward lif, one chunk", SPIKESCAN_LIF, 0, 3, 100, false));
  list.push_back(pass("forward psu_lif, chunks", SPIKESCAN_PSU_LIF, 0, 3, 5000, false));
  list.push_back(pass("forward spsn, many rows", SPIKESCAN_SPSN, 0, 1000000, 100, false));
  list.push_back(pass("backward lif, one chunk", SPIKESCAN_LIF, 0, 3, 100, true));
  list.push_back(pass("backward cuba_lif, chunks", SPIKESCAN_CUBA_LIF, 0, 3, 5000, true));
  list.push_back(pass("backward cuba_lif, shared decay", SPIKESCAN_CUBA_LIF, 1, 2000, 5000, true));
  return list;
}

}  // namespace stub
