// What PTX's instructions compute (NVIDIA's PTX ISA): those that nvcc makes of this library's kernels. A 32-bit result
// leaves the upper half of its register zero. A NaN that arithmetic makes is the one that a GPU makes. Written apart
// from the SIMT harness's intrinsics and the kernels' conversions, which it is a witness of.
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>
#include <unordered_map>

#include "ptx/kernel.h"

namespace ptx {
namespace {

using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;

template <class T>
T get(u64 bits) {
  if constexpr (std::is_same_v<T, float>) {
    return std::bit_cast<float>(static_cast<u32>(bits));
  } else if constexpr (std::is_same_v<T, double>) {
    return std::bit_cast<double>(bits);
  } else if constexpr (std::is_same_v<T, bool>) {
    return bits & 1;
  } else {
    return static_cast<T>(bits);
  }
}
u64 put(float x) {
  return x != x ? 0x7fffffffu : std::bit_cast<u32>(x);
}
u64 put(double x) {
  return x != x ? 0x7fffffffffffffffu : std::bit_cast<u64>(x);
}
template <class T>
u64 put(T x) {
  return static_cast<std::make_unsigned_t<T>>(x);
}
u64 put(bool x) {
  return x;
}

// Each from a function of numbers.
template <class A, auto kFunction>
const Step* unary(const Step* step, u64* r, Block& block) {
  r[step->to[0]] = put(kFunction(get<A>(r[step->from[0]])));
  return run_next(step, r, block);
}
template <class A, auto kFunction, class B = A>
const Step* binary(const Step* step, u64* r, Block& block) {
  r[step->to[0]] = put(kFunction(get<A>(r[step->from[0]]), get<B>(r[step->from[1]])));
  return run_next(step, r, block);
}
template <class A, auto kFunction, class C = A>
const Step* ternary(const Step* step, u64* r, Block& block) {
  r[step->to[0]] = put(kFunction(get<A>(r[step->from[0]]), get<A>(r[step->from[1]]), get<C>(r[step->from[2]])));
  return run_next(step, r, block);
}

template <class T>
constexpr auto kAdd = [](T a, T b) { return static_cast<T>(a + b); };
template <class T>
constexpr auto kSubtract = [](T a, T b) { return static_cast<T>(a - b); };
template <class T>
constexpr auto kMultiply = [](T a, T b) { return static_cast<T>(a * b); };
template <class T>
constexpr auto kDivide = [](T a, T b) { return static_cast<T>(b == 0 ? static_cast<T>(-1) : a / b); };
template <class T>
constexpr auto kRemainder = [](T a, T b) { return static_cast<T>(b == 0 ? static_cast<T>(-1) : a % b); };
template <class T>
constexpr auto kAnd = [](T a, T b) { return static_cast<T>(a & b); };
template <class T>
constexpr auto kOr = [](T a, T b) { return static_cast<T>(a | b); };
template <class T>
constexpr auto kXor = [](T a, T b) { return static_cast<T>(a ^ b); };
template <class T>
constexpr auto kNot = [](T a) { return static_cast<T>(~a); };
template <class T>
constexpr auto kNegate = [](T a) { return static_cast<T>(-static_cast<std::make_unsigned_t<T>>(a)); };
template <class T>
constexpr auto kSame = [](T a) { return a; };
template <class T>
constexpr auto kSelect = [](T a, T b, bool first) { return first ? a : b; };
// A shift by the width or more leaves nothing but the sign.
template <class T>
constexpr auto kLeft = [](T a, u32 by) { return static_cast<T>(by >= 8 * sizeof(T) ? 0 : a << by); };
template <class T>
constexpr auto kRight = [](T a, u32 by) {
  const u32 most = 8 * sizeof(T) - 1;
  return static_cast<T>(by <= most ? a >> by : std::is_signed_v<T> ? a >> most : 0);
};
template <class T>
constexpr auto kLess = [](T a, T b) { return b < a ? b : a; };
template <class T>
constexpr auto kMore = [](T a, T b) { return a < b ? b : a; };

// -0 is less than +0. A NaN loses, or wins where the name has it.
float less(float a, float b) {
  if (a != a) return b;
  if (b != b) return a;
  return a < b || (a == b && std::signbit(a)) ? a : b;
}
float more(float a, float b) {
  return -less(-a, -b);
}
float less_or_nan(float a, float b) {
  return a != a || b != b ? std::numeric_limits<float>::quiet_NaN() : less(a, b);
}
float more_or_nan(float a, float b) {
  return a != a || b != b ? std::numeric_limits<float>::quiet_NaN() : more(a, b);
}

float without_subnormals(float x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x;
}
// An approximation of `exact` no more than `most` units in the last place from it; which one, the number that it is a
// function of decides.
float approximation(double exact, float of, u32 most) {
  const float nearest = without_subnormals(static_cast<float>(exact));
  if (nearest == 0.0f || !std::isfinite(nearest)) return nearest;
  const u32 hash = std::bit_cast<u32>(of) * 2654435761u >> 8;
  const auto moved = std::bit_cast<float>(std::bit_cast<u32>(nearest) + hash % (2 * most + 1) - most);
  const double unit = std::ldexp(1.0, std::ilogb(exact) - 23);
  return without_subnormals(std::fabs(moved - exact) <= most * unit ? moved : nearest);
}
// As PTX promises: rcp within one unit, and exact of powers of two; ex2 within two, and exact of integers. rcp of
// 2 - 2^-23 is not 1/2: from there the toolkit's own __frcp_rn would not be right.
float reciprocal(float x) {
  constexpr u32 kFraction = 0x7fffffu;
  const float d = without_subnormals(x);
  const u32 fraction = std::bit_cast<u32>(d) & kFraction;
  return approximation(1.0 / d, d, fraction == 0 || fraction == kFraction ? 0 : 1);
}
float exp2_approximately(float x) {
  const float z = without_subnormals(x);
  return approximation(std::exp2(static_cast<double>(z)), z, z == std::rint(z) ? 0 : 2);
}

constexpr u16 kNarrowNaN = 0x7fff;
u16 to_half(float x) {
  return x != x ? kNarrowNaN : std::bit_cast<u16>(static_cast<_Float16>(x));
}
float from_half(u16 bits) {
  return static_cast<float>(std::bit_cast<_Float16>(bits));
}
u16 to_bfloat16(float x) {
  const u32 bits = std::bit_cast<u32>(x);
  return x != x ? kNarrowNaN : static_cast<u16>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

u32 reversed(u32 x) {
  u32 bits = 0;
  for (int i = 0; i < 32; ++i) bits |= (x >> i & 1u) << (31 - i);
  return bits;
}
u32 find_shift_amount(u32 x) {
  return x == 0 ? 0xffffffffu : static_cast<u32>(std::countl_zero(x));
}
u32 funnel_left(u32 low, u32 high, u32 by) {
  const u64 both = u64{high} << 32 | low;
  return static_cast<u32>(both << (by & 31u) >> 32);
}
// bfi: bits of from[0] over those of from[1], from[3] of them from place from[2] on.
const Step* insert_bits(const Step* step, u64* r, Block& block) {
  const u32 at = static_cast<u32>(r[step->from[2]]) & 255u, length = static_cast<u32>(r[step->from[3]]) & 255u;
  u32 bits = static_cast<u32>(r[step->from[1]]);
  for (u32 n = 0; n < length && at + n < 32; ++n) {
    bits = (bits & ~(1u << (at + n))) | (static_cast<u32>(r[step->from[0]] >> n) & 1u) << (at + n);
  }
  r[step->to[0]] = bits;
  return run_next(step, r, block);
}

// mov between a register and the parts of one.
template <class Part, int kCount>
const Step* pack(const Step* step, u64* r, Block& block) {
  u64 whole = 0;
  for (int n = 0; n < kCount; ++n) whole |= u64{static_cast<Part>(r[step->from[n]])} << (8 * sizeof(Part) * n);
  r[step->to[0]] = whole;
  return run_next(step, r, block);
}
template <class Part, int kCount>
const Step* unpack(const Step* step, u64* r, Block& block) {
  const u64 whole = r[step->from[0]];
  for (int n = 0; n < kCount; ++n) r[step->to[n]] = static_cast<Part>(whole >> (8 * sizeof(Part) * n));
  return run_next(step, r, block);
}

using Table = std::unordered_map<std::string, Execute>;

// setp's: ordered comparisons are false of a NaN, those that end in u true.
template <class T, auto kCompare, bool kOfNaN>
constexpr auto kHolds = [](T a, T b) { return a != a || b != b ? kOfNaN : kCompare(a, b); };
template <class T, auto kCompare>
void add_comparison(const std::string& name, const std::string& type, Table& table) {
  table["setp." + name + "." + type] = binary<T, kHolds<T, kCompare, false>>;
  table["setp." + name + "u." + type] = binary<T, kHolds<T, kCompare, true>>;
}
template <class T>
void add_comparisons(const std::string& type, Table& table) {
  add_comparison<T, std::equal_to<T>{}>("eq", type, table);
  add_comparison<T, std::not_equal_to<T>{}>("ne", type, table);
  add_comparison<T, std::less<T>{}>("lt", type, table);
  add_comparison<T, std::less_equal<T>{}>("le", type, table);
  add_comparison<T, std::greater<T>{}>("gt", type, table);
  add_comparison<T, std::greater_equal<T>{}>("ge", type, table);
  table["setp.num." + type] = binary<T, [](T a, T b) { return a == a && b == b; }>;
  table["setp.nan." + type] = binary<T, [](T a, T b) { return a != a || b != b; }>;
}

template <class U, class S>
void add_integers(const std::string& bits, Table& table) {
  const std::string b = ".b" + bits, s = ".s" + bits, u = ".u" + bits;
  table["add" + s] = table["add" + u] = binary<U, kAdd<U>>;
  table["sub" + s] = table["sub" + u] = binary<U, kSubtract<U>>;
  table["mul.lo" + s] = table["mul.lo" + u] = binary<U, kMultiply<U>>;
  table["and" + b] = binary<U, kAnd<U>>;
  table["or" + b] = binary<U, kOr<U>>;
  table["xor" + b] = binary<U, kXor<U>>;
  table["not" + b] = unary<U, kNot<U>>;
  table["neg" + s] = unary<S, kNegate<S>>;
  table["shl" + b] = binary<U, kLeft<U>, u32>;
  table["shr" + u] = binary<U, kRight<U>, u32>;
  table["shr" + s] = binary<S, kRight<S>, u32>;
  table["min" + s] = binary<S, kLess<S>>;
  table["max" + s] = binary<S, kMore<S>>;
  table["min" + u] = binary<U, kLess<U>>;
  table["max" + u] = binary<U, kMore<U>>;
  table["div" + s] = binary<S, kDivide<S>>;
  table["div" + u] = binary<U, kDivide<U>>;
  table["rem" + s] = binary<S, kRemainder<S>>;
  table["rem" + u] = binary<U, kRemainder<U>>;
  for (const std::string& type : {b, s, u}) {
    table["mov" + type] = unary<U, kSame<U>>;
    table["selp" + type] = ternary<U, kSelect<U>, bool>;
  }
  add_comparisons<S>(s.substr(1), table);
  add_comparisons<U>(u.substr(1), table);
  add_comparisons<U>(b.substr(1), table);
}

// `Bits`: moved as they are, NaN or not.
template <class T, class Bits>
void add_floats(const std::string& type, Table& table) {
  for (const std::string& end : {".rn." + type, "." + type}) {
    table["add" + end] = binary<T, kAdd<T>>;
    table["sub" + end] = binary<T, kSubtract<T>>;
    table["mul" + end] = binary<T, kMultiply<T>>;
  }
  table["fma.rn." + type] = ternary<T, [](T a, T b, T c) { return std::fma(a, b, c); }>;
  constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
  table["neg." + type] = unary<Bits, [](Bits a) { return a ^ kSign; }>;
  table["abs." + type] = unary<Bits, [](Bits a) { return a & ~kSign; }>;
  table["mov." + type] = unary<Bits, kSame<Bits>>;
  table["selp." + type] = ternary<Bits, kSelect<Bits>, bool>;
  add_comparisons<T>(type, table);
}

Table make_table() {
  Table table;
  add_integers<u16, s16>("16", table);
  add_integers<u32, s32>("32", table);
  add_integers<u64, s64>("64", table);
  add_floats<float, u32>("f32", table);
  add_floats<double, u64>("f64", table);

  table["and.pred"] = binary<bool, [](bool a, bool b) { return a && b; }>;
  table["or.pred"] = binary<bool, [](bool a, bool b) { return a || b; }>;
  table["xor.pred"] = binary<bool, [](bool a, bool b) { return a != b; }>;
  table["not.pred"] = unary<bool, [](bool a) { return !a; }>;
  table["mov.pred"] = unary<bool, kSame<bool>>;

  table["min.f32"] = binary<float, less>;
  table["max.f32"] = binary<float, more>;
  table["min.NaN.f32"] = binary<float, less_or_nan>;
  table["max.NaN.f32"] = binary<float, more_or_nan>;
  table["rcp.approx.ftz.f32"] = unary<float, reciprocal>;
  table["ex2.approx.ftz.f32"] = unary<float, exp2_approximately>;

  table["mul.wide.u16"] = binary<u16, [](u16 a, u16 b) { return u32{a} * b; }>;
  table["mul.wide.u32"] = binary<u32, [](u32 a, u32 b) { return u64{a} * b; }>;
  table["mul.wide.s32"] = binary<s32, [](s32 a, s32 b) { return s64{a} * b; }>;
  table["mul.hi.u32"] = binary<u32, [](u32 a, u32 b) { return static_cast<u32>(u64{a} * b >> 32); }>;
  table["mad.lo.s32"] = ternary<u32, [](u32 a, u32 b, u32 c) { return a * b + c; }>;
  table["shf.l.wrap.b32"] = ternary<u32, funnel_left>;
  table["bfi.b32"] = insert_bits;
  table["brev.b32"] = unary<u32, reversed>;
  table["bfind.shiftamt.u32"] = unary<u32, find_shift_amount>;

  table["cvt.u16.u32"] = unary<u16, kSame<u16>>;
  table["cvt.u32.u16"] = unary<u16, [](u16 a) { return u32{a}; }>;
  table["cvt.u32.u64"] = table["cvt.u64.u32"] = unary<u32, kSame<u32>>;
  table["cvt.s64.s32"] = unary<s32, [](s32 a) { return s64{a}; }>;
  table["cvt.rn.f32.u32"] = unary<u32, [](u32 a) { return static_cast<float>(a); }>;
  table["cvt.rni.f32.f32"] = unary<float, [](float a) { return std::rint(a); }>;
  table["cvt.f64.f32"] = unary<float, [](float a) { return static_cast<double>(a); }>;
  table["cvt.rn.f32.f64"] = unary<double, [](double a) { return static_cast<float>(a); }>;
  table["cvt.f32.f16"] = unary<u16, from_half>;
  table["cvt.rn.f16.f32"] = unary<float, to_half>;
  table["cvt.rn.bf16.f32"] = unary<float, to_bfloat16>;
  table["cvta.to.global.u64"] = unary<u64, kSame<u64>>;
  table["pack.2.b32"] = pack<u16, 2>;
  table["pack.2.b64"] = pack<u32, 2>;
  table["pack.4.b64"] = pack<u16, 4>;
  table["unpack.2.b32"] = unpack<u16, 2>;
  table["unpack.2.b64"] = unpack<u32, 2>;
  table["unpack.4.b64"] = unpack<u16, 4>;
  return table;
}

}  // namespace

Execute arithmetic(const std::string& name) {
  static const Table table = make_table();
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace ptx
