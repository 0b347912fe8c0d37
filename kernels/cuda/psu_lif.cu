// The kernels of psu_lif.
#include "kernels/cuda/launch_passes.h"

namespace spikescan {

template BackendResult launch_pass<SPIKESCAN_PSU_LIF>(const char*, const ForwardCall&, cudaStream_t);
template BackendResult launch_pass<SPIKESCAN_PSU_LIF>(const char*, const BackwardCall&, cudaStream_t);

}  // namespace spikescan
