// Which memory the CPU passes ask huge pages for, by the kernel's own list of its mappings (the flag `hg`).
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "spikescan/spikescan.h"

namespace spikescan::test {
namespace {

constexpr size_t kMiB = size_t{1} << 20, kHugePage = 2 * kMiB;

// Fresh memory from a huge page's border on.
class Fresh {
 public:
  explicit Fresh(size_t bytes) : bytes_(bytes + kHugePage) {
    all_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all_ == MAP_FAILED) std::abort();
  }
  ~Fresh() { munmap(all_, bytes_); }
  Fresh(const Fresh&) = delete;
  Fresh& operator=(const Fresh&) = delete;
  char* data() const {
    return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(all_) + kHugePage - 1) / kHugePage * kHugePage);
  }

 private:
  size_t bytes_;
  void* all_;
};

bool has_word(const std::string& line, const std::string& word) {
  std::istringstream words(line);
  for (std::string next; words >> next;) {
    if (next == word) return true;
  }
  return false;
}

// Whether the mapping that holds `address` is one that asked.
bool asked_at(const void* address) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t from = 0, to = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2) inside = from <= at && at < to;
    if (inside && line.starts_with("VmFlags:")) return has_word(line, "hg");
  }
  return false;
}

bool system_has_them() {
#if defined(MADV_HUGEPAGE)
  const Fresh memory(kHugePage);
  return madvise(memory.data(), kHugePage, MADV_HUGEPAGE) == 0 && asked_at(memory.data());
#else
  return false;
#endif
}

// 4 MiB of float32 and a little more: one huge page is left where both ends lie inside of one.
constexpr int64_t kBatch = 3, kTime = 400, kChannels = 1024;
constexpr size_t kBytes = sizeof(float) * kBatch * kTime * kChannels;

class HugePages : public testing::Test {
 protected:
  void SetUp() override {
    if (!system_has_them()) GTEST_SKIP() << "this system has no huge pages to ask for";
    d_.backend = SPIKESCAN_BACKEND_CPU;
    d_.batch = kBatch;
    d_.time = kTime;
    d_.channels = kChannels;
  }

  void run_forward(const spikescan_tensor& spikes) {
    const std::vector<float> x(kBatch * kTime * kChannels, 0.5f), beta(kChannels, 0.9f);
    spikescan_forward_args args = {};
    args.struct_size = sizeof args;
    args.x = {const_cast<float*>(x.data()), SPIKESCAN_FLOAT32, kTime * kChannels, kChannels};
    args.beta = beta.data();
    args.spikes = spikes;
    ASSERT_EQ(spikescan_forward(&d_, &args, nullptr), SPIKESCAN_OK) << spikescan_last_error();
  }

  spikescan_description d_ = SPIKESCAN_DESCRIPTION_INIT;
};

TEST_F(HugePages, UnderALargeOutputAndNotBesideIt) {
  const Fresh memory(8 * kMiB);
  char* output = memory.data() + 4096;
  run_forward({output, SPIKESCAN_FLOAT32, kTime * kChannels, kChannels});
  EXPECT_TRUE(asked_at(memory.data() + kHugePage));
  EXPECT_FALSE(asked_at(memory.data())) << "the page before is only half the output's";
  EXPECT_FALSE(asked_at(memory.data() + kBytes / kHugePage * kHugePage)) << "the last page is only half the output's";
}

TEST_F(HugePages, TimeFirst) {
  const Fresh memory(8 * kMiB);
  run_forward({memory.data(), SPIKESCAN_FLOAT32, kChannels, kBatch * kChannels});
  EXPECT_TRUE(asked_at(memory.data()));
}

TEST_F(HugePages, NotUnderAnOutputWithGaps) {
  const Fresh memory(16 * kMiB);
  run_forward({memory.data(), SPIKESCAN_FLOAT32, kTime * kChannels + 1024, kChannels});
  EXPECT_FALSE(asked_at(memory.data()));
}

TEST_F(HugePages, NotUnderASmallOne) {
  const Fresh memory(8 * kMiB);
  run_forward({memory.data(), SPIKESCAN_FLOAT16, kTime * kChannels, kChannels});
  EXPECT_FALSE(asked_at(memory.data()));
}

TEST_F(HugePages, UnderTheGradientOfX) {
  const Fresh memory(8 * kMiB);
  const std::vector<float> x(kBatch * kTime * kChannels, 0.5f), beta(kChannels, 0.9f);
  spikescan_backward_args args = {};
  args.struct_size = sizeof args;
  args.x = {const_cast<float*>(x.data()), SPIKESCAN_FLOAT32, kTime * kChannels, kChannels};
  args.beta = beta.data();
  args.grad_spikes = args.grad_x = args.x;
  args.grad_x.data = memory.data();
  spikescan_sizes sizes = {};
  sizes.struct_size = sizeof sizes;
  ASSERT_EQ(spikescan_query_sizes(&d_, &sizes), SPIKESCAN_OK);
  const std::vector<double> saved(sizes.saved / sizeof(double));
  args.saved = saved.data();
  args.saved_bytes = sizes.saved;
  const Fresh workspace(sizes.backward_workspace);
  args.workspace = workspace.data();
  args.workspace_bytes = sizes.backward_workspace;
  ASSERT_EQ(spikescan_backward(&d_, &args, nullptr), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_TRUE(asked_at(memory.data()));
}

TEST_F(HugePages, UnderLargeMemoryOfTheLibrary) {
  for (const size_t bytes : {size_t{1}, 64 * kMiB}) {
    void* memory = nullptr;
    ASSERT_EQ(spikescan_allocate(SPIKESCAN_BACKEND_CPU, bytes, &memory), SPIKESCAN_OK);
    EXPECT_EQ(asked_at(memory), bytes > kMiB);
    spikescan_free(SPIKESCAN_BACKEND_CPU, memory);
  }
}

}  // namespace
}  // namespace spikescan::test
