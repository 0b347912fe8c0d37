// What is done otherwise on which processors, by what the kernel calls them.
#include "kernels/cpu/processor_facts.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace spikescan::test {
namespace {

// Of the first processor in /proc/cpuinfo; empty where it has no such line, and for ARM, which may run in an emulator
// that shows its host's.
std::string told(const std::string& key) {
#if !defined(__x86_64__)
  return {};
#endif
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(key + "\t", 0) == 0) return line.substr(line.find(": ") + 2);
  }
  return {};
}

TEST(ProcessorFacts, TheFirstLevelIsAskedButOnAmdsFamilyOfZen3AndZen4) {
  const bool loses = told("vendor_id") == "AuthenticAMD" && told("cpu family") == "25";
  EXPECT_EQ(kAsksFirstLevel, !loses);
}

TEST(ProcessorFacts, SubnormalNumbersAreSlowOnIntels) {
  EXPECT_EQ(subnormals_are_slow, told("vendor_id") == "GenuineIntel");
}

}  // namespace
}  // namespace spikescan::test
