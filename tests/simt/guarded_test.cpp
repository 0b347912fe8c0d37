// Guarded memory finds what it claims to find, at every size around its own units and at every misalignment.
#include "simt/guarded.h"

#include <gtest/gtest.h>

#include <cmath>

#include "simt/device_names.h"

namespace simt {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

TEST(Guarded, PoisonIsNanInEveryFloatingType) {
  const Guarded<float> singles(3);
  const Guarded<double> doubles(3);
  const Guarded<__half> halves(3);
  const Guarded<__nv_bfloat16> bfloats(3);
  for (int place = 0; place < 3; ++place) {
    EXPECT_TRUE(std::isnan(singles[place]));
    EXPECT_TRUE(std::isnan(doubles[place]));
    EXPECT_TRUE(std::isnan(__half2float(halves[place])));
    EXPECT_TRUE(std::isnan(__bfloat162float(bfloats[place])));
  }
}

TEST(Guarded, StrayWritesOnEitherSide) {
  for (const std::size_t bytes : {0, 1, 7, 8, 9, 127, 128, 129, 1000}) {
    for (const std::size_t misalignment : {0, 1, 2, 4, 6, 127, 255}) {
      GuardedBytes memory(bytes, kPoison, misalignment);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % 256, misalignment);
      EXPECT_TRUE(memory.intact());
      for (std::size_t place = 0; place < bytes; ++place) memory.data()[place] = 0;
      EXPECT_TRUE(memory.intact());
      if (kAddressSanitizer) continue;  // it stops the write itself: fault_test.cpp
      memory.data()[bytes] ^= 1;
      EXPECT_FALSE(memory.intact()) << bytes << " bytes, misaligned by " << misalignment;
      memory.fill();
      EXPECT_TRUE(memory.intact());
      memory.data()[-1] ^= 1;
      EXPECT_FALSE(memory.intact()) << bytes << " bytes, misaligned by " << misalignment;
    }
  }
}

TEST(Guarded, FirstUnwrittenElement) {
  Guarded<std::uint32_t> memory(5);
  EXPECT_EQ(memory.problem(), "element 0 of 5 was never written");
  for (std::uint32_t& value : memory) value = 0xffffffffu;
  EXPECT_EQ(memory.problem(), "");
  memory.fill();
  for (const int place : {0, 1, 3, 4}) memory[place] = 1;
  EXPECT_EQ(memory.problem(), "element 2 of 5 was never written");
  EXPECT_EQ(Guarded<float>(0).problem(), "");
}

TEST(Guarded, FirstUnwrittenByteIsExactWhateverTheValues) {
  GuardedBytes a(8), b(8, kOtherPoison);
  for (int value = 0; value < 256; ++value) {
    for (const std::size_t hole : {0, 3, 7}) {
      a.fill();
      b.fill();
      for (std::size_t place = 0; place < 8; ++place) {
        if (place != hole) a.data()[place] = b.data()[place] = static_cast<unsigned char>(value);
      }
      EXPECT_EQ(first_unwritten_byte(a, b), hole);
      a.data()[hole] = b.data()[hole] = static_cast<unsigned char>(value);
      EXPECT_EQ(first_unwritten_byte(a, b), kNowhere);
    }
  }
}

}  // namespace
}  // namespace simt
