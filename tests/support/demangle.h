// A C++ name as a compiler reads it, for the stand-ins of the CUDA runtime.
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace spikescan::support {

// With its arguments; as it is where it is no mangled name.
inline std::string demangled(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                         std::free);
  return status == 0 ? text.get() : mangled;
}

}  // namespace spikescan::support
