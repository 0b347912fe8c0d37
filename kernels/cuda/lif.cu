// The kernels of lif.
#include "kernels/cuda/launch_passes.h"

namespace spikescan {

template BackendResult launch_pass<SPIKESCAN_LIF>(const char*, const ForwardCall&, cudaStream_t);
template BackendResult launch_pass<SPIKESCAN_LIF>(const char*, const BackwardCall&, cudaStream_t);

}  // namespace spikescan
