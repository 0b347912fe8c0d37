// Owners of the C++ face: what is taken is given back once, moves leave nothing behind, tensors come back as they went.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <spikescan/spikescan.hpp>
#include <type_traits>

#include "printing.h"

namespace spikescan {
namespace {

std::vector<Device> usable_devices() {
  std::vector<Device> devices = {Device::cpu};
  if (usable(Device::cuda)) devices.push_back(Device::cuda);
  return devices;
}

template <class T>
constexpr bool kMoveOnly = !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T> &&
                           std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>;
static_assert(kMoveOnly<Memory> && kMoveOnly<Tensor> && kMoveOnly<Stream> && kMoveOnly<Timer> && kMoveOnly<Workspace> &&
              kMoveOnly<DeviceKey>);
// Nothing that may only be read turns into something that may be written.
static_assert(std::is_convertible_v<Tensor&, TensorView> && !std::is_convertible_v<const Tensor&, TensorView>);
static_assert(std::is_convertible_v<const Tensor&, ConstTensorView> &&
              !std::is_convertible_v<ConstTensorView, TensorView>);
static_assert(std::is_convertible_v<TensorView, ConstTensorView> &&
              !std::is_convertible_v<TensorView&, ConstTensorView&>);
static_assert(!std::is_assignable_v<decltype(TensorView::data)&, const void*>);
static_assert(std::is_same_v<decltype(std::declval<const Memory&>().data()), const void*> &&
              std::is_convertible_v<const Memory&, std::span<const std::byte>> &&
              !std::is_convertible_v<const Memory&, std::span<std::byte>> &&
              !std::is_convertible_v<const Workspace&, std::span<std::byte>>);
// What would be written to a temporary is lost; it may be read while a call lasts, but a view by name would outlive it.
template <class T>
concept HasView = requires(T&& tensor) {
  std::forward<T>(tensor).view();
};
template <class T>
concept HasBlock = requires(T&& tensor) {
  block(std::forward<T>(tensor), Shape{}, Shape{});
};
static_assert(!std::is_convertible_v<Tensor, TensorView> && std::is_convertible_v<Tensor, ConstTensorView>);
static_assert(HasView<Tensor&> && HasView<const Tensor&> && !HasView<Tensor> && !HasView<const Tensor>);
static_assert(HasBlock<Tensor&> && HasBlock<const Tensor&> && !HasBlock<Tensor> && !HasBlock<const Tensor>);
// A stream is CUDA's, ours, C's, or the caller's threads: no other pointer is taken for one.
static_assert(std::is_convertible_v<CUstream_st*, StreamRef> && std::is_convertible_v<const Stream&, StreamRef> &&
              std::is_convertible_v<void*, StreamRef> && std::is_convertible_v<std::nullptr_t, StreamRef>);
static_assert(std::is_convertible_v<const spikescan_executor&, StreamRef> &&
              std::is_convertible_v<const spikescan_executor*, StreamRef> &&
              std::is_convertible_v<spikescan_executor*, StreamRef>);
static_assert(!std::is_convertible_v<float*, StreamRef> && !std::is_convertible_v<const void*, StreamRef> &&
              !std::is_convertible_v<Stream*, StreamRef>);

int released[4];  // how often each id was given back

spikescan_status count_release(spikescan_backend, void* raw) {
  ++released[static_cast<int*>(raw) - released];
  return SPIKESCAN_OK;
}

TEST(Handle, ReleasesOnceWhateverTheMoves) {
  std::fill(std::begin(released), std::end(released), 0);
  using Counted = detail::Handle<count_release>;
  {
    Counted a(Device::cpu, &released[0]);
    Counted b(std::move(a));
    EXPECT_EQ(a.raw(), nullptr);
    EXPECT_EQ(b.raw(), &released[0]);
    Counted c(Device::cpu, &released[1]);
    c = std::move(b);
    EXPECT_EQ(released[1], 1) << "an overwritten owner gives back at once";
    EXPECT_EQ(released[0], 0);
    Counted& same = c;
    c = std::move(same);
    EXPECT_EQ(c.raw(), &released[0]) << "a move to itself keeps what it has";
    Counted empty;
    empty = Counted(Device::cpu, &released[2]);
  }
  EXPECT_EQ(released[0], 1);
  EXPECT_EQ(released[1], 1);
  EXPECT_EQ(released[2], 1);
}

spikescan_backend released_on;

spikescan_status note_backend(spikescan_backend backend, void*) {
  released_on = backend;
  return SPIKESCAN_OK;
}

TEST(Handle, ReleasesOnTheDeviceItCameFrom) {
  using Noting = detail::Handle<note_backend>;
  int a, b;
  {
    Noting first(Device::cuda, &a);
    const Noting second(std::move(first));
  }
  EXPECT_EQ(released_on, SPIKESCAN_BACKEND_CUDA);
  {
    Noting target(Device::cpu, &a);
    target = Noting(Device::cuda, &b);
    EXPECT_EQ(released_on, SPIKESCAN_BACKEND_CPU) << "what is overwritten";
  }
  EXPECT_EQ(released_on, SPIKESCAN_BACKEND_CUDA);
}

TEST(Memory, MovesAndAligns) {
  for (const Device device : usable_devices()) {
    Memory first(device, 1000);
    EXPECT_EQ(first.size(), 1000u);
    EXPECT_EQ(first.device(), device);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(first.data()) % 256, 0u);
    void* const place = first.data();
    const Memory second(std::move(first));
    EXPECT_EQ(second.data(), place);
    EXPECT_EQ(first.data(), nullptr);
    EXPECT_EQ(first.size(), 0u);
    EXPECT_EQ(Memory(device, 0).data(), nullptr);
  }
}

TEST(Tensor, RoundTripsEveryDtype) {
  for (const Device device : usable_devices()) {
    for (const Layout layout : {Layout::batch_first, Layout::time_first}) {
      const Shape shape{2, 5, 3};
      std::vector<float> floats(30);
      std::iota(floats.begin(), floats.end(), -3.5f);
      EXPECT_EQ(Tensor::from(device, shape, floats, Dtype::float32, layout).to_vector(), floats);
      std::vector<uint8_t> bytes(30);
      std::iota(bytes.begin(), bytes.end(), uint8_t{1});
      EXPECT_EQ(Tensor::from(device, shape, bytes, Dtype::uint8, layout).to_vector<uint8_t>(), bytes);
      std::vector<uint16_t> halves(30);
      std::iota(halves.begin(), halves.end(), uint16_t{0x3c00});
      EXPECT_EQ(Tensor::from(device, shape, halves, Dtype::float16, layout).to_vector<uint16_t>(), halves);
      EXPECT_EQ(Tensor::from(device, shape, halves, Dtype::bfloat16, layout).to_vector<uint16_t>(), halves);
      std::vector<uint32_t> words(30);
      std::iota(words.begin(), words.end(), 0x80000000u);
      EXPECT_EQ(Tensor::from(device, shape, words, Dtype::bits32, layout).to_vector<uint32_t>(), words);
    }
  }
}

TEST(Tensor, MovesItsMemory) {
  Tensor first = Tensor::from(Device::cpu, {1, 1, 3}, std::vector{1.0f, 2.0f, 3.0f});
  Tensor second(std::move(first));
  EXPECT_EQ(first.data(), nullptr);
  EXPECT_EQ(first.bytes(), 0u);
  Tensor third(Device::cpu, {4, 4, 4});
  third = std::move(second);
  EXPECT_EQ(third.shape(), (Shape{1, 1, 3}));
  EXPECT_EQ(third.to_vector(), (std::vector{1.0f, 2.0f, 3.0f}));
}

void expect_empty(const Tensor& tensor) {
  EXPECT_EQ(tensor.data(), nullptr);
  EXPECT_EQ(tensor.bytes(), 0u);
  EXPECT_EQ(tensor.shape(), Shape{});
  EXPECT_EQ(tensor.dtype(), Dtype::float32);
  EXPECT_EQ(tensor.layout(), Layout::batch_first);
  EXPECT_TRUE(tensor.to_vector().empty());
}

TEST(Tensor, IsEmptyOnceMovedFrom) {
  Tensor first = Tensor::time_first(Device::cpu, {2, 5, 3}, Dtype::uint8);
  Tensor second(std::move(first));
  expect_empty(first);
  Tensor third;
  third = std::move(second);
  expect_empty(second);
  Tensor& same = third;
  third = std::move(same);
  EXPECT_EQ(third.shape(), (Shape{2, 5, 3})) << "a move to itself keeps what it has";
  EXPECT_EQ(third.dtype(), Dtype::uint8);
  EXPECT_EQ(third.layout(), Layout::time_first);
  EXPECT_EQ(third.bytes(), 30u);
  EXPECT_NE(third.data(), nullptr);
}

TEST(Tensor, CopiesToAnyContiguousRange) {
  const Tensor tensor = Tensor::from(Device::cpu, {1, 1, 3}, std::vector{1.0f, 2.0f, 3.0f});
  std::vector<float> vector(3);
  float array[3] = {};
  tensor.copy_to(vector);
  tensor.copy_to(array);
  EXPECT_EQ(vector, (std::vector{1.0f, 2.0f, 3.0f}));
  EXPECT_EQ(array[2], 3.0f);
  std::vector<float> longer(5);
  tensor.copy_to(std::span(longer).first(3));
  EXPECT_EQ(longer[2], 3.0f);
  EXPECT_THROW(tensor.copy_to(longer), Error);
}

TEST(Tensor, ZeroFills) {
  for (const Device device : usable_devices()) {
    Tensor tensor = Tensor::from(device, {1, 2, 2}, std::vector{1.0f, 2.0f, 3.0f, 4.0f});
    tensor.zero();
    EXPECT_EQ(tensor.to_vector(), std::vector<float>(4, 0.0f));
  }
}

TEST(Tensor, ChecksHostValues) {
  Tensor tensor(Device::cpu, {1, 2, 2});
  EXPECT_THROW(tensor.copy_from(std::vector<float>(5)), Error);
  EXPECT_THROW(tensor.copy_from(std::vector<uint32_t>(4)), Error);
  EXPECT_THROW(tensor.copy_from(std::vector<double>(4)), Error);
  EXPECT_THROW(tensor.to_vector<uint8_t>(), Error);
  // Of the same width:
  EXPECT_THROW(tensor.copy_from(std::vector<uint16_t>(4)), Error);
  EXPECT_THROW(tensor.to_vector<uint32_t>(), Error);
  EXPECT_THROW(Tensor(Device::cpu, {1, 2, 2}, Dtype::bits32).to_vector(), Error);
  tensor.zero();
  EXPECT_NO_THROW(tensor.copy_from(std::vector<float>(4)));
}

TEST(Tensor, OfNoElements) {
  const int64_t big = int64_t{1} << 40;
  for (const Shape shape : {Shape{0, 5, 3}, Shape{2, 0, 3}, Shape{2, 5, 0}, Shape{big, big, 0}}) {
    Tensor tensor(Device::cpu, shape);
    EXPECT_EQ(tensor.bytes(), 0u);
    EXPECT_NO_THROW(tensor.zero());
    EXPECT_TRUE(tensor.to_vector().empty());
    EXPECT_NO_THROW(tensor.copy_from(std::vector<float>()));
  }
}

TEST(Tensor, LayoutsByTheirNames) {
  const Tensor batch_first = Tensor::batch_first(Device::cpu, {2, 5, 3}, Dtype::uint8);
  EXPECT_EQ(batch_first.view().stride_time, 3);
  EXPECT_EQ(batch_first.dtype(), Dtype::uint8);
  const Tensor time_first = Tensor::time_first(Device::cpu, {2, 5, 3}, Dtype::uint8);
  EXPECT_EQ(time_first.view().stride_time, 6);
  EXPECT_EQ(time_first.dtype(), Dtype::uint8);
}

TEST(View, StridesOfBothLayouts) {
  float memory[30];
  const TensorView batch_first(memory, {2, 5, 3});
  EXPECT_EQ(batch_first.stride_batch, 15);
  EXPECT_EQ(batch_first.stride_time, 3);
  const TensorView time_first(memory, {2, 5, 3}, Dtype::float32, Layout::time_first);
  EXPECT_EQ(time_first.stride_batch, 3);
  EXPECT_EQ(time_first.stride_time, 6);
}

// The last word of packed spikes may be part of one.
static_assert(packed({2, 0, 3}) == Shape{2, 0, 3} && packed({2, 1, 3}) == Shape{2, 1, 3} &&
              packed({2, 32, 3}) == Shape{2, 1, 3} && packed({2, 33, 3}) == Shape{2, 2, 3});

TEST(View, BlocksShareMemory) {
  float memory[30];
  const TensorView whole(memory, {2, 5, 3});
  const TensorView part = block(whole, {1, 2, 1}, {1, 3, 2});
  EXPECT_EQ(part.data, memory + 15 + 6 + 1);
  EXPECT_EQ(part.shape, (Shape{1, 3, 2}));
  EXPECT_EQ(part.stride_time, 3);
  EXPECT_NO_THROW(block(whole, {2, 5, 3}, {0, 0, 0}));
  EXPECT_THROW(block(whole, {1, 2, 1}, {1, 4, 2}), Error);
  EXPECT_THROW(block(whole, {-1, 0, 0}, {1, 1, 1}), Error);
  EXPECT_THROW(block(whole, {0, 0, 0}, {1, 1, -1}), Error);
  EXPECT_THROW(block(whole, {1, 0, 0}, {std::numeric_limits<int64_t>::max(), 1, 1}), Error);
  uint16_t halves[30];
  Tensor tensor(Device::cpu, {2, 5, 3});
  const Tensor& read_only = tensor;
  static_assert(std::is_same_v<decltype(block(tensor, {}, {})), TensorView>);
  static_assert(std::is_same_v<decltype(block(read_only, {}, {})), ConstTensorView>);
  EXPECT_EQ(block(tensor, {1, 0, 0}, {1, 5, 3}).data, static_cast<float*>(tensor.data()) + 15);
  EXPECT_EQ(block(ConstTensorView(halves, {2, 5, 3}, Dtype::bfloat16), {0, 1, 0}, {1, 1, 3}).data, halves + 3);
}

TEST(View, BlocksOfWhatIsAbsentAreAbsent) {
  EXPECT_EQ(block(TensorView(nullptr, {2, 5, 3}), {1, 2, 1}, {1, 3, 2}).data, nullptr);
}

TEST(View, BlocksLieInsideOnEachAxis) {
  float memory[30];
  const TensorView whole(memory, {2, 5, 3});
  EXPECT_THROW(block(whole, {1, 0, 0}, {2, 1, 1}), Error);
  EXPECT_THROW(block(whole, {0, 1, 0}, {1, 5, 1}), Error);
  EXPECT_THROW(block(whole, {0, 0, 1}, {1, 1, 3}), Error);
}

TEST(Stream, MovesAndSynchronizes) {
  for (const Device device : usable_devices()) {
    Stream first(device);
    Stream second(std::move(first));
    EXPECT_EQ(second.device(), device);
    EXPECT_NO_THROW(second.synchronize());
    EXPECT_EQ(StreamRef(second).raw(), second.raw());
    EXPECT_EQ(StreamRef().raw(), nullptr);
    EXPECT_EQ(StreamRef(nullptr).raw(), nullptr);
  }
}

// A stream of the CPU is null: only other pointers show that they arrive.
TEST(Stream, PointersArrive) {
  char place;
  void* const raw = &place;
  EXPECT_EQ(StreamRef(raw).raw(), raw);
  EXPECT_EQ(StreamRef(static_cast<CUstream_st*>(raw)).raw(), raw);
}

TEST(Timer, MeasuresBetweenTwoMarks) {
  for (const Device device : usable_devices()) {
    const Stream stream(device);
    Timer timer(device);
    Tensor tensor(device, {1, 1000, 1000});
    timer.start(stream);
    tensor.zero(stream);
    timer.stop(stream);
    const double seconds = timer.seconds();
    EXPECT_GT(seconds, 0.0);
    EXPECT_TRUE(std::isfinite(seconds));
  }
}

TEST(Workspace, GrowsAndNeverShrinks) {
  const Problem small{.device = Device::cpu, .shape = {1, 10, 3}};
  const Problem large{.device = Device::cpu, .shape = {40, 5000, 300}};
  Workspace workspace(small);
  const size_t before = workspace.size();
  workspace.reserve(large);
  const size_t after = workspace.size();
  EXPECT_EQ(after, std::max(large.sizes().forward_workspace, large.sizes().backward_workspace));
  EXPECT_GT(after, before);
  workspace.reserve(small);
  EXPECT_EQ(workspace.size(), after);
}

TEST(Workspace, KeepsWhatIsLargeEnough) {
  for (const Device device : {Device::cpu, Device::automatic}) {
    const Problem problem{.device = device, .shape = {4, 500, 30}};
    Workspace workspace(problem);
    const std::byte* const place = std::span<std::byte>(workspace).data();
    workspace.reserve(problem);
    EXPECT_EQ(std::span<std::byte>(workspace).data(), place) << "a call may be using it";
  }
}

TEST(Device, InfoAndResolution) {
  EXPECT_TRUE(usable(Device::cpu));
  EXPECT_EQ(resolve(Device::cpu), Device::cpu);
  EXPECT_NE(resolve(Device::automatic), Device::automatic);
  for (const Device device : usable_devices()) {
    const spikescan_device_info info = device_info(device);
    EXPECT_NE(info.name[0], '\0');
    EXPECT_GT(info.processors, 0);
    EXPECT_GT(info.memory_bytes, 0);
  }
}

}  // namespace
}  // namespace spikescan
