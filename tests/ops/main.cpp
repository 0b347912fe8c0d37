#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "ops/one_case.h"

namespace {
int64_t chosen_case = -1;
}

int64_t spikescan::ops::one_case() {
  return chosen_case;
}

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const std::string flag = "--case=";
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]).starts_with(flag)) {
      chosen_case = std::atoll(argv[i] + flag.size());
      testing::GTEST_FLAG(filter) = "*.Pairwise*";
    }
  }
  return RUN_ALL_TESTS();
}
