// Collects the checks of one pass: each argument on its own, then all against each other. The first refusal stays; what
// is asked after it is not looked at.
#pragma once

#include "host/error.h"
#include "host/region.h"

namespace spikescan {

// kReplacedInput: an output takes its place, element by element; the two are one piece of memory.
enum class Use { kInput, kReplacedInput, kOutput };
enum class Need { kOptional, kRequired };

// Which dtypes an argument may have: a bit for each number, and the words for the sentence.
struct Dtypes {
  unsigned allowed;
  const char* words;
};

class ArgumentCheck {
 public:
  // `d` is checked, and outlives this object, as does `error`.
  ArgumentCheck(const spikescan_description& d, Sentence& error) : d_(d), error_(error) {}

  // [B, T, C], or [B, ceil(T / 32), C] where packed.
  void tensor(const char* name, const spikescan_tensor& tensor, Dtypes dtypes, Use use, Need need = Need::kOptional);
  // The two state arrays, [B, C] each, and their names.
  void states(const char* const (&names)[2], const spikescan_state (&states)[2], Use use);
  // One value a channel, or one. `host_memory`: the host can read them, and none may be NaN.
  void decay(const char* name, const float* decay, bool host_memory);
  void decay_gradient(const char* name, const float* gradient);
  // `host_memory`: the host can read it, and what it holds is checked, too. `packed`: spikes are BITS32.
  void device_key(const spikescan_device_key* key, bool host_memory, bool packed);
  // Packed spikes start at a word. `prefix`: whose origin it is, in the sentence.
  void packed_origin(const char* prefix, int64_t time_origin);
  // A buffer given with its size. Where nothing is needed, nothing is looked at.
  void buffer(const char* name, const void* pointer, size_t bytes, size_t needed, size_t alignment, Use use);
  void must_be_null(const char* name, const void* pointer, spikescan_status status, const char* reason);
  // Outputs share memory with nothing else.
  void all_apart();

  spikescan_status status() const { return status_; }

 private:
  // The strides of a tensor (two) or a state (one), in elements.
  struct Strides {
    int64_t batch;
    const int64_t* time;
  };

  bool failed() const { return status_ != SPIKESCAN_OK; }
  void state(const char* name, const spikescan_state& state, Use use);
  bool strides_are_sound(const char* name, const Strides& strides);
  void refuse_strides(const char* name, const Strides& strides, const char* reason);
  // Alignment, extent, and for an output that its elements are apart; then remembers the region. `field` follows the
  // name in sentences.
  void place(const char* name, const char* field, const void* data, size_t alignment, const Strides* strides,
             Region region);
  void compare(const Region& a, const Region& b);

  static constexpr int kMostRegions = 16;

  const spikescan_description& d_;
  Sentence& error_;
  spikescan_status status_ = SPIKESCAN_OK;
  Region regions_[kMostRegions];
  int region_count_ = 0;
};

}  // namespace spikescan
