/* Forward and backward in C, by the caller's own host memory: V_t = beta V_{t-1} + x_t for x = 1, 2, 0, 4 and beta =
 * 1/2, loss = sum of V. By hand: V = 1, 2.5, 1.25, 4.625 and dL/dbeta = 1.75 * 1 + 1.5 * 2.5 + 1 * 1.25 = 6.75. */
#include <spikescan/spikescan.h>
#include <stdio.h>
#include <string.h>

static int failed(spikescan_status status) {
  if (status == SPIKESCAN_OK) return 0;
  fprintf(stderr, "%s: %s\n", spikescan_status_name(status), spikescan_last_error());
  return 1;
}

int main(void) {
  float x[4] = {1.0f, 2.0f, 0.0f, 4.0f}, grad_v[4] = {1.0f, 1.0f, 1.0f, 1.0f}, grad_x[4], beta = 0.5f, grad_beta;
  void *saved = NULL, *workspace = NULL;

  /* [sizes] */
  spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
  d.backend = SPIKESCAN_BACKEND_CPU;
  d.batch = 1;
  d.time = 4;
  d.channels = 1;
  spikescan_sizes sizes = {.struct_size = sizeof sizes};
  if (failed(spikescan_query_sizes(&d, &sizes))) return 1;
  size_t scratch = sizes.forward_workspace;
  if (sizes.backward_workspace > scratch) scratch = sizes.backward_workspace;
  if (failed(spikescan_allocate(d.backend, scratch, &workspace))) return 1;
  if (failed(spikescan_allocate(d.backend, sizes.saved, &saved))) return 1;
  /* [/sizes] */

  /* [passes] */
  const spikescan_tensor x_tensor = {x, SPIKESCAN_FLOAT32, 4, 1}; /* data, dtype, stride of b, stride of t */

  spikescan_forward_args forward;
  memset(&forward, 0, sizeof forward); /* absent: everything not set below */
  forward.struct_size = sizeof forward;
  forward.x = x_tensor;
  forward.beta = &beta;
  forward.saved = saved;
  forward.saved_bytes = sizes.saved;
  forward.workspace = workspace;
  forward.workspace_bytes = scratch;
  if (failed(spikescan_forward(&d, &forward, NULL))) return 1;

  spikescan_backward_args backward;
  memset(&backward, 0, sizeof backward);
  backward.struct_size = sizeof backward;
  backward.x = x_tensor;
  backward.beta = &beta;
  backward.saved = saved;
  backward.saved_bytes = sizes.saved;
  backward.grad_membrane = (spikescan_tensor){grad_v, SPIKESCAN_FLOAT32, 4, 1};
  backward.grad_x = (spikescan_tensor){grad_x, SPIKESCAN_FLOAT32, 4, 1};
  backward.grad_beta = &grad_beta;
  backward.workspace = workspace;
  backward.workspace_bytes = scratch;
  if (failed(spikescan_backward(&d, &backward, NULL))) return 1;
  /* [/passes] */

  printf("dL/dbeta = %f, dL/dx = %f %f %f %f\n", grad_beta, grad_x[0], grad_x[1], grad_x[2], grad_x[3]);
  return failed(spikescan_free(d.backend, workspace)) || failed(spikescan_free(d.backend, saved));
}
