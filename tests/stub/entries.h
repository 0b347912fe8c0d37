// Every entry point that calls the CUDA runtime, as a list: what it needs, the call, what is left to give back.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "stub/made_up.h"

namespace stub {

struct Entry {
  std::string name;
  std::function<spikescan_status()> prepare;   // makes what the call works on
  std::function<spikescan_status()> call;      // may be repeated after prepare()
  std::function<void(spikescan_status)> tidy;  // after the call with its status, everything is given back
};
inline void PrintTo(const Entry& entry, std::ostream* stream) {
  *stream << entry.name;
}

std::vector<Entry> entries();

}  // namespace stub
