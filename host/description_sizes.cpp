#include "host/description_sizes.h"

#include "kernels/neuron_sizes.h"
#include "kernels/saved_slots.h"

namespace spikescan {

size_t saved_bytes(const spikescan_description& d) {
  // At most 2^56 / 64 states of 16 bytes.
  return static_cast<size_t>(state_count(d.recurrence) * d.batch * saved_slots(d.time) * d.channels) * sizeof(double);
}

}  // namespace spikescan
