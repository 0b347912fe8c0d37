// The kernels of cuba_lif.
#include "kernels/cuda/launch_passes.h"

namespace spikescan {

template BackendResult launch_forward<SPIKESCAN_CUBA_LIF>(const char*, const ForwardCall&, cudaStream_t);
template BackendResult launch_backward<SPIKESCAN_CUBA_LIF>(const char*, const BackwardCall&, cudaStream_t);

}  // namespace spikescan
