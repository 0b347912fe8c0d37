// kernels/element/convert.h for vectors: kFloats elements of a dtype to and from float32. Where F16C is at hand the
// platform's conversion serves: it differs in NaNs alone, which are set right here (a signalling NaN that comes in is
// made quiet by the first operation on it anyway).
#pragma once

#include <type_traits>

#include "kernels/cpu/vector.h"
#include "kernels/element/convert.h"

SPIKESCAN_ELEMENT_BEGIN

using ShortTag = hn::Rebind<uint16_t, FloatTag>;
using ByteTag = hn::Rebind<uint8_t, FloatTag>;

// The unsigned integers of a T's size.
template <class T>
using BitsTag = std::conditional_t<sizeof(T) == 4, WordTag, std::conditional_t<sizeof(T) == 2, ShortTag, ByteTag>>;

// From the bits of T.
template <class T>
Floats widened(hn::Vec<BitsTag<T>> bits);

template <>
HWY_INLINE Floats widened<float>(Words bits) {
  return float_of(bits);
}

template <>
HWY_INLINE Floats widened<BFloat16>(hn::Vec<ShortTag> bits) {
  return float_of(hn::ShiftLeft<16>(hn::PromoteTo(WordTag(), bits)));
}

template <>
HWY_INLINE Floats widened<Half>(hn::Vec<ShortTag> bits) {
#if defined(__F16C__)
  return hn::PromoteTo(FloatTag(), hn::BitCast(hn::Rebind<hwy::float16_t, FloatTag>(), bits));
#else
  const Words wide = hn::PromoteTo(WordTag(), bits);
  const Words sign = hn::ShiftLeft<16>(hn::And(wide, words(0x8000u)));
  const Words rest = hn::ShiftLeft<13>(hn::And(wide, words(0x7fffu)));
  const Floats scaled = float_of(rest) * float_of(words(0x77800000u));
  const auto special = hn::Not(rest < words(0x7c00u << 13));
  return float_of(hn::Or(sign, hn::IfThenElse(special, hn::Or(rest, words(0x7f800000u)), bits_of(scaled))));
#endif
}

HWY_INLINE Floats load_vector(const float* p) {
  return hn::LoadU(FloatTag(), p);
}
// 16 bits.
template <class T>
HWY_INLINE Floats load_vector(const T* p) {
  return widened<T>(hn::LoadU(ShortTag(), &p->bits));
}

// Whether the first lanes of a vector can be loaded and stored at once, whatever lies after them.
constexpr bool kMasksLanes = SPIKESCAN_AVX512;

// The first `count` elements of a vector, then zeros.
template <class T>
HWY_INLINE Floats load_first(const T* p, int count) {
  alignas(64) T elements[kFloats];
  if constexpr (kMasksLanes) {
    const BitsTag<T> tag;
    using Word = hn::TFromD<BitsTag<T>>;
    const auto loaded = hn::MaskedLoad(hn::FirstN(tag, count), tag, reinterpret_cast<const Word*>(p));
    if constexpr (std::is_same_v<T, float>) return float_of(loaded);
    hn::Store(loaded, tag, reinterpret_cast<Word*>(elements));
  } else {
    for (int i = 0; i < kFloats; ++i) elements[i] = i < count ? p[i] : T{};
  }
  return load_vector(elements);
}

HWY_INLINE void store_vector(Floats x, float* p) {
  hn::StoreU(x, FloatTag(), p);
}

// The bits of T, of 16 bits.
using Shorts = hn::Vec<ShortTag>;
template <class T>
Shorts narrowed(Floats x);

template <>
HWY_INLINE Shorts narrowed<BFloat16>(Floats x) {
  const Words bits = bits_of(x), top = hn::ShiftRight<16>(bits);
  const Words rounded = hn::ShiftRight<16>(bits + words(0x7fffu) + hn::And(top, words(1u)));
  const auto is_nan = hn::RebindMask(WordTag(), hn::IsNaN(x));
  return hn::TruncateTo(ShortTag(), hn::IfThenElse(is_nan, words(kNarrowNaN), rounded));
}

template <>
HWY_INLINE Shorts narrowed<Half>(Floats x) {
  const auto is_nan = hn::RebindMask(WordTag(), hn::IsNaN(x));
  const Words nan = words(kNarrowNaN);
#if defined(__F16C__)
  const auto half = hn::DemoteTo(hn::Rebind<hwy::float16_t, FloatTag>(), x);
  const Words converted = hn::PromoteTo(WordTag(), hn::BitCast(ShortTag(), half));
  return hn::TruncateTo(ShortTag(), hn::IfThenElse(is_nan, nan, converted));
#else
  const Words bits = bits_of(x), rest = hn::And(bits, words(0x7fffffffu));
  const Words sign = hn::And(hn::ShiftRight<16>(bits), words(0x8000u));
  const Words subnormal = bits_of(float_of(rest) + floats(0.5f)) - words(0x3f000000u);
  const Words odd = hn::And(hn::ShiftRight<13>(rest), words(1u));
  const Words normal = hn::ShiftRight<13>(rest + words(0xc8000fffu) + odd);
  const Words finite = hn::IfThenElse(rest < words(0x38800000u), subnormal, normal);
  const Words half = hn::IfThenElse(rest < words(0x47800000u), finite, words(0x7c00u));
  return hn::TruncateTo(ShortTag(), hn::IfThenElse(is_nan, nan, hn::Or(sign, half)));
#endif
}

template <class T>
HWY_INLINE void store_vector(Floats x, T* p) {
  hn::StoreU(narrowed<T>(x), ShortTag(), reinterpret_cast<uint16_t*>(p));
}

// Two vectors as one of T, past the caches.
template <class T>
HWY_INLINE void stream_two(Floats low, Floats high, T* p) {
  const hn::Twice<ShortTag> tag;
  hn::Stream(hn::Combine(tag, narrowed<T>(high), narrowed<T>(low)), tag, reinterpret_cast<uint16_t*>(p));
}

// A uint8 spike: 1 where x is not zero.
HWY_INLINE void store_vector(Floats x, uint8_t* p) {
  const Words ones = hn::IfThenElseZero(hn::RebindMask(WordTag(), x != floats(0.0f)), words(1u));
  hn::StoreU(hn::TruncateTo(ByteTag(), ones), ByteTag(), p);
}

// The first `count` elements alone.
template <class T>
HWY_INLINE void store_first(Floats x, T* p, int count) {
  if constexpr (kMasksLanes && std::is_same_v<T, float>) {
    return hn::BlendedStore(x, hn::FirstN(FloatTag(), count), FloatTag(), p);
  }
  alignas(64) T elements[kFloats];
  store_vector(x, elements);
  if constexpr (kMasksLanes) {
    const BitsTag<T> tag;
    using Word = hn::TFromD<BitsTag<T>>;
    hn::BlendedStore(hn::Load(tag, reinterpret_cast<const Word*>(elements)), hn::FirstN(tag, count), tag,
                     reinterpret_cast<Word*>(p));
  } else {
    for (int i = 0; i < count; ++i) p[i] = elements[i];
  }
}

template <class T>
HWY_INLINE T narrow(float x) {
  return from_float<T>(x);
}
template <>
HWY_INLINE uint8_t narrow<uint8_t>(float x) {
  return x != 0.0f ? 1 : 0;
}

SPIKESCAN_ELEMENT_END
