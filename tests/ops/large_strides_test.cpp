// Strides of 2^31 to 2^33 elements over reserved addresses of which only the rows in use have memory: an
// offset cut to 32 bits lands on an address that cannot be touched, or gives other bits.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "ops/target.h"
#include "support/coverage.h"
#include "support/forms.h"
#include "support/random_case.h"

namespace spikescan::ops {
namespace {

using support::Array;
using support::Backward;
using support::Case;
using support::Forward;

// Addresses without memory, until a part of them is opened.
class Reserved {
 public:
  explicit Reserved(size_t bytes) : bytes_(bytes + page()) {
    base_ = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }
  ~Reserved() {
    if (valid()) munmap(base_, bytes_);
  }
  Reserved(const Reserved&) = delete;
  Reserved& operator=(const Reserved&) = delete;

  bool valid() const { return base_ != MAP_FAILED; }
  unsigned char* at(size_t offset) const { return static_cast<unsigned char*>(base_) + offset; }
  void open(size_t offset, size_t bytes) {
    const size_t first = offset / page() * page();
    ASSERT_EQ(mprotect(at(first), offset + bytes - first, PROT_READ | PROT_WRITE), 0);
  }

 private:
  static size_t page() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
  size_t bytes_;
  void* base_;
};

// A [B, T, C] or [B, 1, C] tensor whose rows lie far apart.
class FarTensor {
 public:
  FarTensor(spikescan_dtype dtype, const int64_t (&shape)[3], int64_t stride_batch, int64_t stride_time)
      : dtype_(dtype), shape_{shape[0], shape[1], shape[2]}, stride_batch_(stride_batch), stride_time_(stride_time) {
    memory_ = std::make_unique<Reserved>(offset(shape[0] - 1, shape[1] - 1) + row_bytes());
    for (int64_t b = 0; b < shape[0] && valid(); ++b) {
      for (int64_t t = 0; t < shape[1]; ++t) memory_->open(offset(b, t), row_bytes());
    }
  }

  bool valid() const { return memory_->valid(); }
  spikescan_tensor argument() const { return {memory_->at(0), dtype_, stride_batch_, stride_time_}; }
  spikescan_state state() const { return {reinterpret_cast<float*>(memory_->at(0)), stride_batch_}; }

  void put(const std::vector<float>& values) {
    const Array array = support::array_of(values, dtype_);
    size_t i = 0;
    each([&](unsigned char* element) { std::memcpy(element, &array.bits[i++], support::bytes_of(dtype_)); });
  }
  Array take() const {
    Array out = {dtype_, {}};
    each([&](unsigned char* element) {
      uint32_t bits = 0;
      std::memcpy(&bits, element, support::bytes_of(dtype_));
      out.bits.push_back(bits);
    });
    return out;
  }

 private:
  size_t row_bytes() const { return static_cast<size_t>(shape_[2]) * support::bytes_of(dtype_); }
  size_t offset(int64_t b, int64_t t) const {
    return static_cast<size_t>(b * stride_batch_ + t * stride_time_) * support::bytes_of(dtype_);
  }
  template <class Visit>
  void each(Visit visit) const {
    for (int64_t b = 0; b < shape_[0]; ++b) {
      for (int64_t t = 0; t < shape_[1]; ++t) {
        for (int64_t c = 0; c < shape_[2]; ++c) {
          visit(memory_->at(offset(b, t) + static_cast<size_t>(c) * support::bytes_of(dtype_)));
        }
      }
    }
  }

  const spikescan_dtype dtype_;
  const int64_t shape_[3], stride_batch_, stride_time_;
  std::unique_ptr<Reserved> memory_;
};

struct Axes {
  int64_t batch, time;  // strides
};

class LargeStrides : public OpsWith<std::tuple<int64_t, bool>> {
 protected:
  void SetUp() override {
    Ops::SetUp();
    if (!target().host_memory) GTEST_SKIP() << "needs addresses of the test's own";
  }
  Axes axes() const {
    const auto [stride, along_time] = GetParam();
    return along_time ? Axes{kChannels, stride} : Axes{stride, kChannels};
  }
  std::unique_ptr<FarTensor> far(const Case& c, spikescan_dtype dtype) const {
    const spikescan_description& d = c.description;
    const int64_t time = dtype == SPIKESCAN_BITS32 ? (d.time + 31) / 32 : d.time;
    return checked(new FarTensor(dtype, {d.batch, time, d.channels}, axes().batch, axes().time));
  }
  std::unique_ptr<FarTensor> far_state(const Case& c) const {
    return checked(
        new FarTensor(SPIKESCAN_FLOAT32, {c.description.batch, 1, c.description.channels}, std::get<0>(GetParam()), 0));
  }
  Case case_for(spikescan_recurrence recurrence) const;
  void expect_forward(const Case& c, const Forward& want) const;
  void expect_backward(const Case& c, const Forward& forward, const Backward& want) const;

  static constexpr int64_t kChannels = 5;

 private:
  static std::unique_ptr<FarTensor> checked(FarTensor* tensor) {
    std::unique_ptr<FarTensor> owned(tensor);
    EXPECT_TRUE(owned->valid()) << "no addresses left";
    return owned;
  }
};
constexpr int64_t kTwo31 = int64_t{1} << 31;
INSTANTIATE_TEST_SUITE_P(Strides, LargeStrides,
                         testing::Combine(testing::Values(kTwo31 - 1, kTwo31, kTwo31 + 1, 2 * kTwo31 + 3, 4 * kTwo31),
                                          testing::Bool()));

Case LargeStrides::case_for(spikescan_recurrence recurrence) const {
  const auto [stride, along_time] = GetParam();
  const int turn = static_cast<int>(stride % 3) + recurrence + (along_time ? 1 : 0);
  Case c;
  c.description.recurrence = recurrence;
  c.description.batch = along_time ? 1 : 3;
  c.description.time = along_time ? 34 : 3;  // two words of packed spikes, the second nearly empty
  c.description.channels = kChannels;
  c.description.dtype = support::kFloatDtypes[turn % 3];
  c.spikes_dtype = support::kSpikeDtypes[turn % 5];
  c.membrane_dtype = support::kFloatDtypes[(turn + 1) % 3];
  c.grad_spikes_dtype = support::kFloatDtypes[(turn + 2) % 3];
  support::fill(c, 71, {.own_uniforms = turn % 2 == 0});
  return c;
}

// Scratch of the right alignment.
struct Scratch {
  explicit Scratch(size_t bytes) : words((bytes + 511) / 8), bytes(bytes) {}
  void* data() {
    if (bytes == 0) return nullptr;
    return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(words.data()) + 255) / 256 * 256);
  }
  std::vector<uint64_t> words;
  size_t bytes;
};

void LargeStrides::expect_forward(const Case& c, const Forward& want) const {
  spikescan_description d = c.description;
  d.backend = target().backend;
  spikescan_sizes sizes = {};
  sizes.struct_size = sizeof sizes;
  ASSERT_EQ(spikescan_query_sizes(&d, &sizes), SPIKESCAN_OK);
  Scratch workspace(sizes.forward_workspace);
  const auto x = far(c, d.dtype), uniforms = far(c, SPIKESCAN_FLOAT32), spikes = far(c, c.spikes_dtype);
  const auto membrane = far(c, c.membrane_dtype);
  std::unique_ptr<FarTensor> initial[2], final_state[2];
  spikescan_forward_args args = {};
  args.struct_size = sizeof args;
  x->put(c.x);
  args.x = x->argument();
  args.beta = c.beta.data();
  args.alpha = c.has_alpha() ? c.alpha.data() : nullptr;
  args.seed = c.seed;
  args.stream = c.stream;
  if (!c.uniforms.empty()) {
    uniforms->put(c.uniforms);
    args.uniforms = uniforms->argument();
  }
  args.spikes = spikes->argument();
  args.membrane = membrane->argument();
  for (int n = 0; n < (c.has_second() ? 2 : 1); ++n) {
    initial[n] = far_state(c);
    final_state[n] = far_state(c);
    initial[n]->put(c.initial[n]);
    args.initial_state[n] = initial[n]->state();
    args.final_state[n] = final_state[n]->state();
  }
  args.workspace = workspace.data();
  args.workspace_bytes = workspace.bytes;
  ASSERT_EQ(spikescan_forward(&d, &args, nullptr), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(support::difference(spikes->take(), want.spikes), "") << "spikes";
  EXPECT_EQ(support::difference(membrane->take(), want.membrane), "") << "membrane";
  for (int n = 0; n < (c.has_second() ? 2 : 1); ++n) {
    EXPECT_EQ(support::difference(final_state[n]->take(), want.final_state[n]), "") << "final state " << n;
  }
}

void LargeStrides::expect_backward(const Case& c, const Forward& forward, const Backward& want) const {
  spikescan_description d = c.description;
  d.backend = target().backend;
  spikescan_sizes sizes = {};
  sizes.struct_size = sizeof sizes;
  ASSERT_EQ(spikescan_query_sizes(&d, &sizes), SPIKESCAN_OK);
  Scratch workspace(sizes.backward_workspace);
  const auto x = far(c, d.dtype), grad_x = far(c, d.dtype);
  const auto grad_spikes = far(c, c.grad_spikes_dtype), grad_membrane = far(c, c.grad_membrane_dtype);
  std::unique_ptr<FarTensor> initial[2], grad_final[2], grad_initial[2];
  std::vector<float> grad_beta(kChannels), grad_alpha(kChannels);
  spikescan_backward_args args = {};
  args.struct_size = sizeof args;
  x->put(c.x);
  grad_spikes->put(c.grad_spikes);
  grad_membrane->put(c.grad_membrane);
  args.x = x->argument();
  args.beta = c.beta.data();
  args.alpha = c.has_alpha() ? c.alpha.data() : nullptr;
  ASSERT_TRUE(forward.saved.empty()) << "one chunk saves nothing";
  args.grad_spikes = grad_spikes->argument();
  args.grad_membrane = grad_membrane->argument();
  args.grad_x = grad_x->argument();
  args.grad_beta = grad_beta.data();
  args.grad_alpha = c.has_alpha() ? grad_alpha.data() : nullptr;
  for (int n = 0; n < (c.has_second() ? 2 : 1); ++n) {
    initial[n] = far_state(c);
    grad_final[n] = far_state(c);
    grad_initial[n] = far_state(c);
    initial[n]->put(c.initial[n]);
    grad_final[n]->put(c.grad_final[n]);
    args.initial_state[n] = initial[n]->state();
    args.grad_final_state[n] = grad_final[n]->state();
    args.grad_initial_state[n] = grad_initial[n]->state();
  }
  args.workspace = workspace.data();
  args.workspace_bytes = workspace.bytes;
  ASSERT_EQ(spikescan_backward(&d, &args, nullptr), SPIKESCAN_OK) << spikescan_last_error();
  EXPECT_EQ(support::difference(grad_x->take(), want.grad_x), "") << "grad_x";
  EXPECT_EQ(support::difference(support::array_of(grad_beta, SPIKESCAN_FLOAT32), want.grad_beta), "") << "grad_beta";
  for (int n = 0; n < (c.has_second() ? 2 : 1); ++n) {
    EXPECT_EQ(support::difference(grad_initial[n]->take(), want.grad_initial[n]), "") << "grad_initial " << n;
  }
}

TEST_P(LargeStrides, BothPasses) {
  for (const spikescan_recurrence recurrence : support::kRecurrences) {
    SCOPED_TRACE(support::name_of(recurrence));
    const Case c = case_for(recurrence);
    const Forward forward = support::forward(target(), c);
    expect_forward(c, forward);
    expect_backward(c, forward, support::backward(target(), c, forward.saved));
  }
}

}  // namespace
}  // namespace spikescan::ops
