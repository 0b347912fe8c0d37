#include "host/argument_check.h"

#include <cinttypes>

#include "host/description_sizes.h"
#include "host/memory_range.h"
#include "host/names.h"
#include "host/validate_description.h"
#include "kernels/element/convert.h"
#include "kernels/neuron_sizes.h"
#include "kernels/packed_spikes.h"

namespace spikescan {

// ---- One argument ---------------------------------------------------------------------------------------------------

void ArgumentCheck::tensor(const char* name, const spikescan_tensor& tensor, Dtypes dtypes, Use use, Need need) {
  if (failed() || (!tensor.data && need == Need::kOptional)) return;
  if (!tensor.data && element_count(d_) > 0) {
    status_ = error_.invalid("%s.data is null; it must point to the tensor", name);
    return;
  }
  const int dtype = number_of(tensor.dtype);
  if (dtype < 0 || dtype >= kDtypes || !(dtypes.allowed >> dtype & 1)) {
    status_ = error_.invalid("%s.dtype is %d (%s); it must be %s", name, dtype, dtype_name(dtype), dtypes.words);
    return;
  }
  const Strides strides = {tensor.stride_batch, &tensor.stride_time};
  if (!strides_are_sound(name, strides)) return;
  const auto element = static_cast<Wide>(dtype_bytes(dtype));
  Region region = {};
  region.run = element_count(d_) > 0 ? d_.channels * element : 0;
  region.axes[0] = {d_.batch, tensor.stride_batch * element};
  region.axes[1] = {elements_in_time(dtype, d_.time), tensor.stride_time * element};
  region.written = use == Use::kOutput;
  region.replaced = use == Use::kReplacedInput;
  place(name, ".data", tensor.data, static_cast<size_t>(element), &strides, region);
}

void ArgumentCheck::states(const char* const (&names)[2], const spikescan_state (&states)[2], Use use) {
  state(names[0], states[0], use);
  if (state_count(d_.recurrence) == 2) return state(names[1], states[1], use);
  if (failed() || !states[1].data) return;
  status_ = error_.invalid("%s.data is %p; %s has one state, so it must be null", names[1],
                           static_cast<const void*>(states[1].data), recurrence_name(d_.recurrence));
}

void ArgumentCheck::state(const char* name, const spikescan_state& state, Use use) {
  if (failed() || !state.data) return;
  const Strides strides = {state.stride_batch, nullptr};
  if (!strides_are_sound(name, strides)) return;
  Region region = {};
  region.run = d_.batch > 0 ? Wide{d_.channels} * sizeof(float) : 0;
  region.axes[0] = {d_.batch, Wide{state.stride_batch} * sizeof(float)};
  region.axes[1] = {1, 0};
  region.written = use == Use::kOutput;
  place(name, ".data", state.data, sizeof(float), &strides, region);
}

void ArgumentCheck::decay(const char* name, const float* decay, bool host_memory) {
  if (failed()) return;
  if (!decay) {
    // A problem without elements reads no decay.
    if (element_count(d_) > 0) {
      status_ = error_.invalid("%s is null; it must hold %" PRId64 " values", name, decay_count(d_));
    }
    return;
  }
  Region region = {};
  region.run = Wide{decay_count(d_)} * sizeof(float);
  place(name, "", decay, sizeof(float), nullptr, region);
  if (failed() || !host_memory || element_count(d_) == 0) return;
  for (int64_t c = 0; c < decay_count(d_); ++c) {
    if (decay[c] == decay[c]) continue;
    status_ = error_.invalid("%s[%" PRId64 "] is NaN; a decay must be a number (it is clipped to [0, 1])", name, c);
    return;
  }
}

void ArgumentCheck::decay_gradient(const char* name, const float* gradient) {
  if (failed() || !gradient) return;
  Region region = {};
  region.run = Wide{decay_count(d_)} * sizeof(float);
  region.written = true;
  place(name, "", gradient, sizeof(float), nullptr, region);
}

void ArgumentCheck::device_key(const spikescan_device_key* key, bool host_memory, bool packed) {
  if (failed() || !key) return;
  Region region = {};
  region.run = sizeof(spikescan_device_key);
  place("device_key", "", key, alignof(spikescan_device_key), nullptr, region);
  if (failed() || !host_memory || element_count(d_) == 0) return;  // without elements it is not read
  if (key->reserved != 0) {
    status_ =
        error_.invalid("device_key->reserved is %" PRIu32 "; it must be 0, since `stream` has 32 bits", key->reserved);
    return;
  }
  const Origins origins = {key->batch_origin, key->time_origin, key->channel_origin};
  status_ = check_origins("device_key->", d_, origins, error_);
  if (!failed() && packed) packed_origin("device_key->", origins.time);
}

void ArgumentCheck::packed_origin(const char* prefix, int64_t time_origin) {
  if (failed() || time_origin % kPackedSteps == 0) return;
  status_ = error_.invalid("%stime_origin is %" PRId64 "; with spikes of dtype BITS32 (4) it must be a multiple of 32",
                           prefix, time_origin);
}

void ArgumentCheck::buffer(const char* name, const void* pointer, size_t bytes, size_t needed, size_t alignment,
                           Use use) {
  if (failed() || needed == 0) return;
  if (bytes < needed) {
    status_ = error_.refuse(SPIKESCAN_WORKSPACE_TOO_SMALL,
                            "%s_bytes is %zu; it must be at least %zu (spikescan_query_sizes)", name, bytes, needed);
    return;
  }
  if (!pointer) {
    status_ = error_.invalid("%s is null; it must hold %zu bytes (spikescan_query_sizes)", name, needed);
    return;
  }
  Region region = {};
  region.run = static_cast<Wide>(needed);
  region.written = use == Use::kOutput;
  place(name, "", pointer, alignment, nullptr, region);
}

void ArgumentCheck::must_be_null(const char* name, const void* pointer, spikescan_status status, const char* reason) {
  if (failed() || !pointer) return;
  status_ = error_.refuse(status, "%s is %p; %s, so it must be null", name, pointer, reason);
}

bool ArgumentCheck::strides_are_sound(const char* name, const Strides& strides) {
  if (strides.batch < 0) {
    status_ = error_.invalid("%s.stride_batch is %" PRId64 "; it must be at least 0", name, strides.batch);
  } else if (strides.time && *strides.time < 0) {
    status_ = error_.invalid("%s.stride_time is %" PRId64 "; it must be at least 0", name, *strides.time);
  }
  return !failed();
}

void ArgumentCheck::refuse_strides(const char* name, const Strides& strides, const char* reason) {
  if (strides.time) {
    status_ = error_.invalid("%s.stride_batch is %" PRId64 " and %s.stride_time is %" PRId64 "; with batch %" PRId64
                             ", time %" PRId64 " and channels %" PRId64 " %s",
                             name, strides.batch, name, *strides.time, d_.batch, d_.time, d_.channels, reason);
  } else {
    status_ = error_.invalid("%s.stride_batch is %" PRId64 "; with batch %" PRId64 " and channels %" PRId64 " %s", name,
                             strides.batch, d_.batch, d_.channels, reason);
  }
}

void ArgumentCheck::place(const char* name, const char* field, const void* data, size_t alignment,
                          const Strides* strides, Region region) {
  const uintptr_t first = address_of(data);
  if (first % alignment != 0) {
    status_ = error_.invalid("%s%s is %p; it must be a multiple of %zu", name, field, data, alignment);
    return;
  }
  if (region.run == 0) return;
  Wide bytes = region.run;
  for (Axis& axis : region.axes) {
    if (axis.count == 0) axis.count = 1;  // an argument without this axis
    bytes += (axis.count - 1) * axis.stride;
  }
  if (bytes > INT64_MAX) return refuse_strides(name, *strides, "it must span less than 2^63 bytes");
  region.name = name;
  region.first = first;
  region.bytes = static_cast<size_t>(bytes);
  if (!fits_address_space(first, region.bytes)) {
    status_ = error_.invalid("%s%s is %p; its %zu bytes must not pass the end of the address space", name, field, data,
                             region.bytes);
    return;
  }
  if (region.written && overlaps_itself(region)) {
    return refuse_strides(name, *strides, "two elements share memory, which those of an output must not");
  }
  if (!region.replaced) regions_[region_count_++] = region;
}

// ---- All against each other -----------------------------------------------------------------------------------------

void ArgumentCheck::all_apart() {
  for (int i = 0; i < region_count_; ++i) {
    for (int j = 0; j < i; ++j) {
      if (regions_[i].written || regions_[j].written) compare(regions_[i], regions_[j]);
      if (failed()) return;
    }
  }
}

void ArgumentCheck::compare(const Region& a, const Region& b) {
  const Sharing sharing = sharing_of(a, b);
  if (sharing == Sharing::kApart) return;
  const Region &output = a.written ? a : b, &other = a.written ? b : a;
  const char* words = sharing == Sharing::kShares
                          ? "share memory; an output must lie apart from every other argument"
                          : "interleave by more than two different strides; such an output must lie in a range apart";
  status_ = error_.invalid("%s (from 0x%" PRIxPTR ", %zu bytes) and %s (from 0x%" PRIxPTR ", %zu bytes) %s",
                           output.name, output.first, output.bytes, other.name, other.first, other.bytes, words);
}

}  // namespace spikescan
