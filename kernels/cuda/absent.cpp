// The library without a CUDA backend.
#include "kernels/backend.h"

namespace spikescan {

const Backend* cuda_backend() {
  return nullptr;
}

}  // namespace spikescan
