// A launch whose faults come back as CUDA errors, as a device reports them: the sentence goes to stderr.
#pragma once

#include <exception>

#include "simt/runtime.h"
#include "simt/simt.h"

namespace simt {

template <class... Parameter, class... Argument>
cudaError_t try_launch(dim3 grid, dim3 block, std::size_t shared_bytes, void (*kernel)(Parameter...),
                       Argument&&... arguments) noexcept {
  if (detail::capturing()) {
    detail::add_node(cudaGraphNodeTypeKernel,
                     [=] { return try_launch(grid, block, shared_bytes, kernel, arguments...); });
    return cudaSuccess;
  }
  const auto* address = reinterpret_cast<const void*>(kernel);
  if (const cudaError_t error = detail::check_launch(address, shared_bytes); error != cudaSuccess) return error;
  try {
    launch({grid, block, shared_bytes}, kernel, arguments...);
  } catch (const Fault& fault) {
    const bool refused = fault.kind() == FaultKind::bad_launch;
    return detail::fault(refused ? cudaErrorInvalidConfiguration : cudaErrorLaunchFailure, fault.what());
  } catch (const std::exception& error) {
    return detail::fault(cudaErrorLaunchFailure, error.what());
  }
  return detail::check_guards();
}

}  // namespace simt
