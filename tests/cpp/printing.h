// How GoogleTest prints the face's types. Every test of the program includes it, so that all agree on one definition.
#pragma once

#include <ostream>
#include <spikescan/spikescan.hpp>

namespace spikescan {

inline void PrintTo(Device device, std::ostream* out) {
  *out << (device == Device::cpu ? "cpu" : device == Device::cuda ? "cuda" : "automatic");
}
inline void PrintTo(Status status, std::ostream* out) {
  *out << spikescan_status_name(static_cast<spikescan_status>(status));
}
inline void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.text();
}

}  // namespace spikescan
