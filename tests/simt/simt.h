// The SIMT harness: compiles CUDA kernel source with g++ and runs it on the CPU (test only).
// A block is one OS thread, a CUDA thread is a fiber that runs until a collective or simt::pause(). There is no
// lockstep. The first fault of a launch is thrown as simt::Fault. Include this header in place of nvcc's implicit ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "simt/async_copies.h"
#include "simt/collectives.h"
#include "simt/device_names.h"
#include "simt/guarded.h"
#include "simt/intrinsics.h"

namespace simt {

struct Config {
  dim3 grid = dim3(1, 1, 1);
  dim3 block = dim3(1, 1, 1);
  std::size_t dynamic_shared_bytes = 0;
};

// What a test may vary. None of it may change the result of a correct kernel.
struct Options {
  int resident_blocks = 4;      // blocks that run at the same time, 1 or more
  std::uint64_t seed = 1;       // of the choices below; every fault message prints it
  bool shuffle_blocks = false;  // hand out block ids in random order
  bool shuffle_threads = true;  // pick the next thread of a block at random; false: round robin
  // A launch hangs when one block has paused this often, and this long, and no block got anywhere in the meantime.
  std::uint64_t watchdog_pauses = 20000;
  double watchdog_seconds = 20;
  // A thread that neither pauses nor reaches a collective cannot be stopped: after this long the process aborts.
  double stuck_seconds = 120;
  std::size_t stack_bytes = 0;  // of one thread; 0: 64 KiB, and 256 KiB under AddressSanitizer
};

Options options();
void set_options(const Options& options);

// Sets options for a scope and puts the old ones back.
class ScopedOptions {
 public:
  explicit ScopedOptions(const Options& replacement) : saved_(options()) { set_options(replacement); }
  ~ScopedOptions() { set_options(saved_); }
  ScopedOptions(const ScopedOptions&) = delete;
  ScopedOptions& operator=(const ScopedOptions&) = delete;

 private:
  Options saved_;
};

enum class FaultKind {
  bad_launch,           // a CUDA limit is exceeded
  divergent_barrier,    // threads of a block meet at different barriers
  exit_before_barrier,  // a thread has returned, another waits for it at a block barrier
  wrong_mask,           // a thread calls a warp collective with a mask that leaves it out
  mask_mismatch,        // threads of a warp wait for each other with different masks
  collective_mismatch,  // threads of a warp meet in different collectives
  deadlock,             // every thread left waits
  hang,                 // threads only pause
  misaligned,           // an asynchronous copy at an address that is no multiple of its bytes
  copied_twice,         // an asynchronous copy to where an earlier one is under way
  out_of_bounds,        // bytes around shared memory were overwritten
  exception,            // the kernel threw
  trap,                 // __trap()
};
const char* name(FaultKind kind);

class Fault : public std::runtime_error {
 public:
  Fault(FaultKind kind, Site site, const std::string& message)
      : std::runtime_error(message), kind_(kind), site_(site) {}
  FaultKind kind() const { return kind_; }
  // Where in the kernel; file is empty where no line is known.
  Site site() const { return site_; }

 private:
  FaultKind kind_;
  Site site_;
};

namespace detail {
void launch_grid(const Config& config, void (*call)(const void*), const void* arguments);
}

// Runs the whole grid before it returns. Every thread gets its own copy of the arguments, as on a device.
template <class... Parameter, class... Argument>
void launch(const Config& config, void (*kernel)(Parameter...), Argument&&... arguments) {
  static_assert(sizeof...(Parameter) == sizeof...(Argument), "the kernel takes another number of arguments");
  static_assert((!std::is_reference_v<Parameter> && ...), "a kernel takes its parameters by value");
  static_assert((std::is_trivially_copyable_v<Parameter> && ...), "kernel parameters are copied as bytes");
  struct Call {
    void (*kernel)(Parameter...);
    std::tuple<Parameter...> arguments;
  };
  const Call call{kernel, std::tuple<Parameter...>(static_cast<Parameter>(std::forward<Argument>(arguments))...)};
  detail::launch_grid(
      config,
      [](const void* opaque) {
        const Call& its_call = *static_cast<const Call*>(opaque);
        std::apply(its_call.kernel, its_call.arguments);
      },
      &call);
}

}  // namespace simt
