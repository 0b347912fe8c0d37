// The C++20 face of spikescan's memory: devices, errors, streams, timers, tensors and views of them, over spikescan.h.
// Owners are move-only and stay on the device they were made on. Every failing call throws Error.
// A moved-from object may be destroyed or assigned to; a moved-from Tensor is empty, as Tensor() is, and as an argument
// absent. Included by spikescan.hpp.
#ifndef SPIKESCAN_TENSOR_HPP_
#define SPIKESCAN_TENSOR_HPP_

#if __cplusplus < 202002L
#error "spikescan's C++ headers need C++20 (-std=c++20); spikescan.h serves C99 and older C++"
#endif

#include <spikescan/spikescan.h>

#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

struct CUstream_st;  // CUDA's: a cudaStream_t points to one

namespace spikescan {

// ---- Names ----------------------------------------------------------------------------------------------------------

enum class Status {
  ok = SPIKESCAN_OK,
  invalid_argument = SPIKESCAN_INVALID_ARGUMENT,
  unsupported = SPIKESCAN_UNSUPPORTED,
  backend_unavailable = SPIKESCAN_BACKEND_UNAVAILABLE,
  workspace_too_small = SPIKESCAN_WORKSPACE_TOO_SMALL,
  out_of_memory = SPIKESCAN_OUT_OF_MEMORY,
  cuda_error = SPIKESCAN_CUDA_ERROR,
  internal_error = SPIKESCAN_INTERNAL_ERROR
};
enum class Device { automatic = SPIKESCAN_BACKEND_AUTO, cpu = SPIKESCAN_BACKEND_CPU, cuda = SPIKESCAN_BACKEND_CUDA };
enum class Dtype {
  float32 = SPIKESCAN_FLOAT32,
  float16 = SPIKESCAN_FLOAT16,
  bfloat16 = SPIKESCAN_BFLOAT16,
  uint8 = SPIKESCAN_UINT8,   // spikes only
  bits32 = SPIKESCAN_BITS32  // spikes only, 32 steps a word: the tensor has packed(shape)
};
enum class Layout { batch_first, time_first };  // memory order [B, T, C] or [T, B, C]

// ---- Errors ---------------------------------------------------------------------------------------------------------

// what() is the library's sentence: the argument, its value, what is allowed.
class Error : public std::runtime_error {
 public:
  Error(Status status, const std::string& sentence) : std::runtime_error(sentence), status_(status) {}
  Status status() const noexcept { return status_; }

 private:
  Status status_;
};

// Throws Error if the C call failed. Public, so that C functions can be mixed in.
inline void check(spikescan_status status) {
  if (status != SPIKESCAN_OK) throw Error(static_cast<Status>(status), spikescan_last_error());
}

// ---- Devices and their handles --------------------------------------------------------------------------------------

// `automatic` becomes cuda where it is built and usable, else cpu; asking for what is not there is an Error.
inline Device resolve(Device device) {
  spikescan_backend resolved = SPIKESCAN_BACKEND_CPU;
  check(spikescan_resolve_backend(static_cast<spikescan_backend>(device), &resolved));
  return static_cast<Device>(resolved);
}

inline bool usable(Device device) {
  int32_t count = 0;
  return spikescan_device_count(static_cast<spikescan_backend>(device), &count) == SPIKESCAN_OK && count > 0;
}

inline spikescan_device_info device_info(Device device, int32_t index = 0) {
  spikescan_device_info info{};
  info.struct_size = sizeof info;
  check(spikescan_query_device(static_cast<spikescan_backend>(resolve(device)), index, &info));
  return info;
}

namespace detail {

// A pointer that one C function releases; move-only. Null needs no release.
template <spikescan_status (*kRelease)(spikescan_backend, void*)>
class Handle {
 public:
  Handle() = default;
  Handle(Device device, void* raw) noexcept : device_(device), raw_(raw) {}
  // What create(backend, &raw) makes on the device; throws Error if it fails.
  template <class Create>
  static Handle make(Device device, Create create) {
    Handle made(resolve(device), nullptr);
    check(create(made.backend(), &made.raw_));
    return made;
  }
  Handle(Handle&& other) noexcept : device_(other.device_), raw_(std::exchange(other.raw_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    Handle taken(std::move(other));
    std::swap(device_, taken.device_);
    std::swap(raw_, taken.raw_);
    return *this;
  }
  ~Handle() {
    if (raw_ != nullptr) kRelease(backend(), raw_);
  }
  Device device() const noexcept { return device_; }
  spikescan_backend backend() const noexcept { return static_cast<spikescan_backend>(device_); }
  void* raw() const noexcept { return raw_; }

 private:
  Device device_ = Device::cpu;
  void* raw_ = nullptr;
};

}  // namespace detail

// Owns a stream. On the CPU there is nothing to wait for: a call has finished when it returns.
class Stream {
 public:
  explicit Stream(Device device = Device::automatic) : handle_(Handle::make(device, spikescan_stream_create)) {}
  void synchronize() const { check(spikescan_stream_synchronize(handle_.backend(), handle_.raw())); }
  Device device() const noexcept { return handle_.device(); }
  void* raw() const noexcept { return handle_.raw(); }  // a cudaStream_t with CUDA

 private:
  using Handle = detail::Handle<spikescan_stream_destroy>;
  Handle handle_;
};

// What functions take: a Stream, a cudaStream_t, nothing (CUDA's legacy default stream), or for a pass on the CPU the
// caller's threads, which only Device::cpu takes and which must outlive the call.
class StreamRef {
 public:
  StreamRef(std::nullptr_t = nullptr) noexcept {}
  StreamRef(void* raw) noexcept : raw_(raw) {}               // as C functions have it
  StreamRef(CUstream_st* stream) noexcept : raw_(stream) {}  // a cudaStream_t
  StreamRef(const Stream& stream) noexcept : raw_(stream.raw()) {}
  StreamRef(const spikescan_executor& threads) noexcept : raw_(const_cast<spikescan_executor*>(&threads)) {}
  StreamRef(const spikescan_executor* threads) noexcept : raw_(const_cast<spikescan_executor*>(threads)) {}
  // Another pointer would turn into a void*.
  template <class Other, class = std::enable_if_t<!std::is_convertible_v<Other*, const spikescan_executor*>>>
  StreamRef(Other*) = delete;
  void* raw() const noexcept { return raw_; }

 private:
  void* raw_ = nullptr;
};

class Timer {
 public:
  explicit Timer(Device device = Device::automatic) : handle_(Handle::make(device, spikescan_timer_create)) {}
  void start(StreamRef stream = {}) { check(spikescan_timer_start(handle_.backend(), handle_.raw(), stream.raw())); }
  void stop(StreamRef stream = {}) { check(spikescan_timer_stop(handle_.backend(), handle_.raw(), stream.raw())); }
  double seconds() const {  // waits for the stop
    double seconds = 0;
    check(spikescan_timer_seconds(handle_.backend(), handle_.raw(), &seconds));
    return seconds;
  }

 private:
  using Handle = detail::Handle<spikescan_timer_destroy>;
  Handle handle_;
};

// Owns bytes in a device's memory, uninitialised.
class Memory {
 public:
  Memory() = default;
  Memory(Device device, size_t bytes)
      : handle_(
            Handle::make(device, [=](auto backend, void** raw) { return spikescan_allocate(backend, bytes, raw); })),
        bytes_(bytes) {}
  Memory(Memory&& other) noexcept : handle_(std::move(other.handle_)), bytes_(std::exchange(other.bytes_, 0)) {}
  Memory& operator=(Memory&& other) noexcept {
    handle_ = std::move(other.handle_);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }
  Device device() const noexcept { return handle_.device(); }
  void* data() noexcept { return handle_.raw(); }
  const void* data() const noexcept { return handle_.raw(); }
  size_t size() const noexcept { return bytes_; }
  std::span<std::byte> bytes() noexcept { return {static_cast<std::byte*>(data()), bytes_}; }
  std::span<const std::byte> bytes() const noexcept { return {static_cast<const std::byte*>(data()), bytes_}; }
  operator std::span<std::byte>() noexcept { return bytes(); }
  operator std::span<const std::byte>() const noexcept { return bytes(); }

 private:
  using Handle = detail::Handle<spikescan_free>;
  Handle handle_;
  size_t bytes_ = 0;
};

// ---- Shapes and views -----------------------------------------------------------------------------------------------

struct Shape {
  int64_t batch = 0, time = 0, channels = 0;

  bool operator==(const Shape&) const = default;
  std::string text() const {
    // Not "[" + ...: GCC 12 warns of that where it is inlined (its bug 105329).
    return std::string("[") + std::to_string(batch) + ", " + std::to_string(time) + ", " + std::to_string(channels) +
           "]";
  }
  int64_t elements() const {
    int64_t product = 0;
    const bool empty = batch == 0 || time == 0 || channels == 0;  // whatever the others' product
    if (batch < 0 || time < 0 || channels < 0 ||
        (!empty &&
         (__builtin_mul_overflow(batch, time, &product) || __builtin_mul_overflow(product, channels, &product)))) {
      throw Error(Status::invalid_argument, "shape is " + text() + "; sizes must be >= 0 and their product below 2^63");
    }
    return product;
  }
};

// The shape of BITS32 spikes of a problem of this shape.
inline constexpr Shape packed(Shape shape) {
  return {shape.batch, (shape.time + 31) / 32, shape.channels};
}

inline constexpr size_t element_bytes(Dtype dtype) {
  if (dtype == Dtype::uint8) return 1;
  return dtype == Dtype::float16 || dtype == Dtype::bfloat16 ? 2 : 4;
}

namespace detail {

// What both views have; `Data` is void or const void.
template <class Data>
struct View {
  Data* data = nullptr;
  Shape shape{};
  Dtype dtype = Dtype::float32;
  int64_t stride_batch = 0, stride_time = 0;

  View() = default;
  View(Data* memory, Shape sizes, Dtype type = Dtype::float32, Layout layout = Layout::batch_first)
      : data(memory), shape(sizes), dtype(type) {
    const bool time_first = layout == Layout::time_first;
    stride_batch = Shape{1, time_first ? 1 : sizes.time, sizes.channels}.elements();
    stride_time = Shape{time_first ? sizes.batch : 1, 1, sizes.channels}.elements();
  }
};

}  // namespace detail

// A tensor someone else owns, for reading. Strides count elements. data = null: absent.
struct ConstTensorView : detail::View<const void> {
  using View::View;
};

// The same, for writing as well.
struct TensorView : detail::View<void> {
  using View::View;
  operator ConstTensorView() const {
    ConstTensorView view;
    view.data = data;
    view.shape = shape;
    view.dtype = dtype;
    view.stride_batch = stride_batch;
    view.stride_time = stride_time;
    return view;
  }
};

namespace detail {

template <class AnyView>
AnyView narrowed(AnyView view, Shape first, Shape sizes) {
  const auto inside = [](int64_t begin, int64_t count, int64_t whole) {
    return begin >= 0 && count >= 0 && begin <= whole && count <= whole - begin;
  };
  if (!inside(first.batch, sizes.batch, view.shape.batch) || !inside(first.time, sizes.time, view.shape.time) ||
      !inside(first.channels, sizes.channels, view.shape.channels)) {
    throw Error(Status::invalid_argument,
                "block " + sizes.text() + " at " + first.text() + " must lie inside the tensor's " + view.shape.text());
  }
  const int64_t offset = first.batch * view.stride_batch + first.time * view.stride_time + first.channels;
  using Byte = std::conditional_t<std::is_same_v<AnyView, TensorView>, std::byte, const std::byte>;
  if (view.data != nullptr) {
    view.data = static_cast<Byte*>(view.data) + offset * static_cast<int64_t>(element_bytes(view.dtype));
  }
  view.shape = sizes;
  return view;
}

template <class T>
constexpr bool holds(Dtype dtype) {
  if constexpr (std::is_same_v<T, float>) return dtype == Dtype::float32;
  if constexpr (std::is_same_v<T, uint8_t>) return dtype == Dtype::uint8;
  if constexpr (std::is_same_v<T, uint32_t>) return dtype == Dtype::bits32;
  return std::is_same_v<T, uint16_t> && (dtype == Dtype::float16 || dtype == Dtype::bfloat16);
}

}  // namespace detail

// The part of `sizes` that starts at element `first`, sharing memory. Time counts words where the dtype is bits32.
inline ConstTensorView block(ConstTensorView view, Shape first, Shape sizes) {
  return detail::narrowed(view, first, sizes);
}
inline TensorView block(TensorView view, Shape first, Shape sizes) {
  return detail::narrowed(view, first, sizes);
}

// ---- Owning tensor --------------------------------------------------------------------------------------------------

// [B, T, C] (or a state [B, 1, C], or decays [1, 1, C]) in a device's memory, dense, uninitialised.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Device device, Shape shape, Dtype dtype = Dtype::float32, Layout layout = Layout::batch_first)
      : memory_(device, bytes_of(shape, dtype)), layout_(layout), shape_(shape), dtype_(dtype) {}
  Tensor(Tensor&& other) noexcept { *this = std::move(other); }
  Tensor& operator=(Tensor&& other) noexcept {
    memory_ = std::move(other.memory_);
    layout_ = std::exchange(other.layout_, Layout::batch_first);
    shape_ = std::exchange(other.shape_, Shape{});
    dtype_ = std::exchange(other.dtype_, Dtype::float32);
    return *this;
  }

  static Tensor batch_first(Device device, Shape shape, Dtype dtype = Dtype::float32) {
    return Tensor(device, shape, dtype, Layout::batch_first);
  }
  static Tensor time_first(Device device, Shape shape, Dtype dtype = Dtype::float32) {
    return Tensor(device, shape, dtype, Layout::time_first);
  }
  // Copies values that lie in the layout's memory order; see copy_from.
  template <std::ranges::contiguous_range Values>
  static Tensor from(Device device, Shape shape, const Values& values, Dtype dtype = Dtype::float32,
                     Layout layout = Layout::batch_first) {
    Tensor tensor(device, shape, dtype, layout);
    tensor.copy_from(values);
    return tensor;
  }

  Device device() const noexcept { return memory_.device(); }
  Shape shape() const noexcept { return shape_; }
  Dtype dtype() const noexcept { return dtype_; }
  Layout layout() const noexcept { return layout_; }
  size_t bytes() const noexcept { return memory_.size(); }
  void* data() noexcept { return memory_.data(); }
  const void* data() const noexcept { return memory_.data(); }
  TensorView view() & { return {memory_.data(), shape_, dtype_, layout_}; }
  ConstTensorView view() const& { return {memory_.data(), shape_, dtype_, layout_}; }
  void view() const&& = delete;  // it would outlive the tensor
  operator TensorView() & { return view(); }
  // Of a temporary as well: it lasts for the call that it is an input of, and no longer.
  operator ConstTensorView() const { return view(); }

  // Host values in this tensor's memory order: float for float32, uint8_t for uint8, uint32_t for bits32, and the raw
  // uint16_t bits for the 16-bit floats. Each waits until the copy is done, in `stream`'s order.
  template <std::ranges::contiguous_range Values>
  void copy_from(const Values& values, StreamRef stream = {}) {
    check_host<std::ranges::range_value_t<Values>>(std::ranges::size(values));
    copy(memory_.data(), std::ranges::data(values), stream);
  }
  template <std::ranges::contiguous_range Values>
  void copy_to(Values&& values, StreamRef stream = {}) const {
    check_host<std::ranges::range_value_t<Values>>(std::ranges::size(values));
    copy(std::ranges::data(values), memory_.data(), stream);
  }
  template <class T = float>
  std::vector<T> to_vector(StreamRef stream = {}) const {
    std::vector<T> values(memory_.size() / element_bytes(dtype_));
    copy_to(values, stream);
    return values;
  }
  // Enqueued in `stream`'s order.
  void zero(StreamRef stream = {}) {
    if (bytes() > 0) check(spikescan_fill(backend(), memory_.data(), 0, bytes(), stream.raw()));
  }

 private:
  static size_t bytes_of(Shape shape, Dtype dtype) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(static_cast<size_t>(shape.elements()), element_bytes(dtype), &bytes)) {
      throw Error(Status::invalid_argument, "shape is " + shape.text() + "; its bytes must be below 2^64");
    }
    return bytes;
  }
  template <class T>
  void check_host(size_t elements) const {
    if (!detail::holds<T>(dtype_)) {
      throw Error(Status::invalid_argument, "the host values' type does not match the tensor's dtype " +
                                                std::to_string(static_cast<int>(dtype_)) +
                                                "; float goes with float32, uint16_t with float16 and bfloat16, "
                                                "uint8_t with uint8, uint32_t with bits32");
    }
    if (elements != memory_.size() / element_bytes(dtype_)) {
      throw Error(Status::invalid_argument,
                  "there are " + std::to_string(elements) + " host values; the tensor's shape is " + shape_.text());
    }
  }
  void copy(void* destination, const void* source, StreamRef stream) const {
    if (bytes() == 0) return;
    check(spikescan_copy(backend(), destination, source, bytes(), stream.raw()));
    check(spikescan_stream_synchronize(backend(), stream.raw()));
  }
  spikescan_backend backend() const noexcept { return static_cast<spikescan_backend>(memory_.device()); }

  Memory memory_;
  Layout layout_ = Layout::batch_first;
  Shape shape_{};
  Dtype dtype_ = Dtype::float32;
};

// A tensor turns into either view: these say which.
inline TensorView block(Tensor& tensor, Shape first, Shape sizes) {
  return block(tensor.view(), first, sizes);
}
inline ConstTensorView block(const Tensor& tensor, Shape first, Shape sizes) {
  return block(tensor.view(), first, sizes);
}
void block(const Tensor&& tensor, Shape first, Shape sizes) = delete;

}  // namespace spikescan

#endif  // SPIKESCAN_TENSOR_HPP_
