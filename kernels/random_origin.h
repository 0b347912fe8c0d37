// Where the random numbers of a call start (docs/model.md, section 3), read when the call runs: from the call itself,
// or from the key in the backend's memory.
#pragma once

#include "kernels/backend.h"
#include "kernels/element/philox.h"

SPIKESCAN_ELEMENT_BEGIN

struct RandomOrigin {
  PhiloxKey key;
  uint32_t stream;
  int64_t batch, time, channel;
};

SPIKESCAN_HD RandomOrigin random_origin(const ForwardCall& call) {
  const spikescan_device_key* k = call.args.device_key;
  const spikescan_description& d = call.description;
  const uint64_t seed = k ? k->seed : call.args.seed;
  return {{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
          k ? k->stream : call.args.stream,
          k ? k->batch_origin : d.batch_origin,
          k ? k->time_origin : d.time_origin,
          k ? k->channel_origin : d.channel_origin};
}

SPIKESCAN_ELEMENT_END
