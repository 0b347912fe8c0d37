#include <math.h>
#include <spikescan/spikescan.h>
#include <stdio.h>

int main(void) {
  enum { kTime = 4000, kChannels = 3, kElements = kTime * kChannels }; /* [batch 1, time 4000, channels 3] */
  static float x[kElements], v[kElements], beta[kChannels] = {0.5f, 0.8f, 0.9f};
  static uint8_t spikes[kElements];
  for (int i = 0; i < kElements; ++i) x[i] = (float)(i % 97) / 250.0f;
  spikescan_description neuron = SPIKESCAN_DESCRIPTION_INIT; /* lif with sigmoid_bernoulli */
  neuron.backend = SPIKESCAN_BACKEND_CPU;
  neuron.k = 100.0f;
  neuron.batch = 1;
  neuron.time = kTime;
  neuron.channels = kChannels;
  spikescan_sizes sizes = {.struct_size = sizeof sizes};
  spikescan_forward_args call = {.struct_size = sizeof call, .beta = beta, .seed = 1};
  call.x = (spikescan_tensor){x, SPIKESCAN_FLOAT32, kElements, kChannels};
  call.spikes = (spikescan_tensor){spikes, SPIKESCAN_UINT8, kElements, kChannels};
  call.membrane = (spikescan_tensor){v, SPIKESCAN_FLOAT32, kElements, kChannels};
  spikescan_status status = spikescan_query_sizes(&neuron, &sizes);
  call.workspace_bytes = sizes.forward_workspace;
  if (!status) status = spikescan_allocate(neuron.backend, call.workspace_bytes, &call.workspace);
  if (!status) status = spikescan_forward(&neuron, &call, NULL);
  if (status) return fprintf(stderr, "%s\n", spikescan_last_error()), 1;
  int fired = 0, finite = 1;
  for (int i = 0; i < kElements; ++i) {
    fired += spikes[i];
    finite = finite && isfinite(v[i]);
  }
  printf("firing rate %.4f, V is %s\n", (double)fired / kElements, finite ? "finite" : "not finite");
  return spikescan_free(neuron.backend, call.workspace);
}
