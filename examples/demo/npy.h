// Writes an array as a .npy file, NumPy's own format (version 1.0, little-endian, C order).
#pragma once

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace demo {

template <class T>
void write_npy(const std::string& file, const std::vector<T>& values, const std::vector<int64_t>& shape) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, uint8_t>);
  std::string header =
      std::string("{'descr': '") + (sizeof(T) == 4 ? "<f4" : "|u1") + "', 'fortran_order': False, " + "'shape': (";
  for (const int64_t size : shape) header += std::to_string(size) + ",";
  header += ")}";
  constexpr size_t kBefore = 10;                            // magic, version and the header's length
  header.append(63 - (kBefore + header.size()) % 64, ' ');  // data begins at a multiple of 64
  header += '\n';
  std::ofstream out(file, std::ios::binary);
  out.write("\x93NUMPY\x01\x00", 8);
  out.put(static_cast<char>(header.size() & 0xff)).put(static_cast<char>(header.size() >> 8));
  out << header;
  out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + file);
}

}  // namespace demo
