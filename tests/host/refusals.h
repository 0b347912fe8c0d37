// A table of refusals: each row spoils a legal call in one place and says which words the sentence must hold.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <ostream>

#include "calls.h"

namespace spikescan::test {

template <class Case>
struct Refusal {
  const char* name;
  // Spoils the call; returns what the sentence must hold: the argument's name and its value.
  std::vector<std::string> (*spoil)(Case& call);
  spikescan_status status = SPIKESCAN_INVALID_ARGUMENT;
};

template <class Case>
void PrintTo(const Refusal<Case>& row, std::ostream* out) {
  *out << row.name;
}

// A number that the enum lacks, stored as a C program would.
template <class Enum>
void store(Enum& field, int number) {
  std::memcpy(&field, &number, sizeof number);
}

inline void expect_sentence(const std::vector<std::string>& parts) {
  const std::string sentence = spikescan_last_error();
  for (const std::string& part : parts) {
    EXPECT_NE(sentence.find(part), std::string::npos) << part << " in: " << sentence;
  }
  EXPECT_LT(sentence.size(), 511u) << "cut off: " << sentence;
}

// The unspoiled call runs, so what is refused is the one change; and a refused call changes no byte.
template <class Case>
void expect_refused(const Refusal<Case>& row) {
  Case good;
  ASSERT_EQ(good.run(), SPIKESCAN_OK) << spikescan_last_error();
  Case call;
  const std::vector<std::string> parts = row.spoil(call);
  ASSERT_FALSE(parts.empty());
  call.arena.remember();
  EXPECT_EQ(call.run(), row.status) << spikescan_last_error();
  expect_sentence(parts);
  EXPECT_TRUE(call.arena.unchanged()) << "a refused call wrote";
}

}  // namespace spikescan::test
