// The element types of tensors. float16 and bfloat16 are the library's own: two bytes and nothing
// else, so they look the same in every translation unit whatever flags it was compiled with. Any 16-bit type
// of the same layout may lie in memory that is accessed through them.
#pragma once

#include <bit>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <type_traits>

#include "config.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_VERSION

struct CRESTMAX_MAY_ALIAS float16 {  // IEEE 754 binary16
  std::uint16_t bits;
  friend constexpr bool operator==(float16, float16) = default;
};

struct CRESTMAX_MAY_ALIAS bfloat16 {  // the upper half of a binary32
  std::uint16_t bits;
  friend constexpr bool operator==(bfloat16, bfloat16) = default;
};

// Numbers, and behind them encodings of keys and values, which are only read: encodings.hpp has what each looks like.
enum class scalar_kind : std::int32_t {
  float32, float64, float16, bfloat16,
  q8_0, q4_0, q4_1, q5_0, q5_1, iq4_nl,
  int8, uint8, uint4, float8_e4m3, float8_e5m2, planes16,
  custom
};

constexpr const char* name(scalar_kind kind) {
  constexpr const char* names[] = {"float32", "float64", "float16", "bfloat16", "q8_0",        "q4_0",        "q4_1",  "q5_0",
                                   "q5_1",    "iq4_nl",  "int8",    "uint8",    "uint4",       "float8_e4m3", "float8_e5m2", "planes16", "custom"};
  const auto i = static_cast<std::uint32_t>(kind);
  return i < std::size(names) ? names[i] : "unknown";
}

// Whether rows have to be decoded before they are numbers.
constexpr bool is_encoded(scalar_kind kind) { return kind > scalar_kind::bfloat16; }

// Bytes of an element; of encodings bytes are the elements, in which strides are counted.
constexpr std::int64_t size_of(scalar_kind kind) {
  if (is_encoded(kind)) return 1;
  return kind == scalar_kind::float64 ? 8 : kind == scalar_kind::float32 ? 4 : 2;
}

// Numbers that are encoded together: rows have a multiple of it.
constexpr std::int64_t numbers_in_block(scalar_kind kind) {
  if (kind >= scalar_kind::q8_0 && kind <= scalar_kind::iq4_nl) return 32;
  return kind == scalar_kind::uint4 || kind == scalar_kind::planes16 ? 2 : 1;
}

// Bytes of such a block.
constexpr std::int64_t bytes_of_block(scalar_kind kind) {
  switch (kind) {
    case scalar_kind::q8_0: return 34;
    case scalar_kind::q4_0:
    case scalar_kind::iq4_nl: return 18;
    case scalar_kind::q4_1: return 20;
    case scalar_kind::q5_0: return 22;
    case scalar_kind::q5_1: return 24;
    case scalar_kind::planes16: return 4;
    case scalar_kind::float32:
    case scalar_kind::float64:
    case scalar_kind::float16:
    case scalar_kind::bfloat16:
    case scalar_kind::int8:
    case scalar_kind::uint8:
    case scalar_kind::uint4:
    case scalar_kind::float8_e4m3:
    case scalar_kind::float8_e5m2:
    case scalar_kind::custom: break;
  }
  return size_of(kind);
}

// Elements, which strides count, of a row of so many numbers: bytes, of encodings.
constexpr std::int64_t row_elements(scalar_kind kind, std::int64_t length) {
  if (!is_encoded(kind)) return length;
  const auto blocks = static_cast<std::uint64_t>(length / numbers_in_block(kind));
  return static_cast<std::int64_t>(blocks * static_cast<std::uint64_t>(bytes_of_block(kind)));
}
constexpr std::int64_t row_bytes_of(scalar_kind kind, std::int64_t length) { return row_elements(kind, length) * size_of(kind); }

// Neighbouring keys of a head whose rows lie together, so that strides along keys count such blocks: of most kinds one.
constexpr std::int64_t keys_in_block(scalar_kind kind) { return kind == scalar_kind::planes16 ? 64 : 1; }
// Blocks that hold so many keys; the last one may be used in part. A negative number of keys stays what it is, for whoever checks extents.
constexpr std::int64_t key_blocks_for(scalar_kind kind, std::int64_t keys) {
  return keys < 0 ? keys : keys / keys_in_block(kind) + (keys % keys_in_block(kind) > 0 ? 1 : 0);
}

// Of an element's address, in bytes. (Some 32-bit targets align members less than objects.)
constexpr std::int64_t alignment_of(scalar_kind kind) {
  struct member { double number; };
  return kind == scalar_kind::float64 ? static_cast<std::int64_t>(alignof(member)) : size_of(kind);
}

// Maps an element type onto a kind. Specialise it for a foreign 16-bit type of the same layout (wider elements
// are float and double themselves):
// template <> struct crestmax::scalar_traits<my_half> { static constexpr auto kind = scalar_kind::float16; };
template <class T>
struct scalar_traits {};
template <>
struct scalar_traits<float> { static constexpr scalar_kind kind = scalar_kind::float32; };
template <>
struct scalar_traits<double> { static constexpr scalar_kind kind = scalar_kind::float64; };
template <>
struct scalar_traits<float16> { static constexpr scalar_kind kind = scalar_kind::float16; };
template <>
struct scalar_traits<bfloat16> { static constexpr scalar_kind kind = scalar_kind::bfloat16; };
// The compilers' own types, where they have them: clang has the macro where it has the type; g++ has it
// everywhere, and the type since version 13, on x86 since 12.
#if defined(__FLT16_MANT_DIG__) && (defined(__clang__) || !defined(__GNUC__) || __GNUC__ >= 13 || \
                                    (__GNUC__ == 12 && defined(__SSE2__)))
template <>
struct scalar_traits<_Float16> { static constexpr scalar_kind kind = scalar_kind::float16; };
#endif
#if defined(__BFLT16_MANT_DIG__) || (defined(__clang__) && defined(__ARM_FEATURE_BF16)) || \
    (defined(__clang__) && __clang_major__ >= 17 && (defined(__SSE2__) || defined(__aarch64__)))
template <>
struct scalar_traits<__bf16> { static constexpr scalar_kind kind = scalar_kind::bfloat16; };
#endif

template <class T>
concept scalar = requires {
  { scalar_traits<std::remove_cv_t<T>>::kind } -> std::convertible_to<scalar_kind>;
} && sizeof(T) == static_cast<std::size_t>(size_of(scalar_traits<std::remove_cv_t<T>>::kind)) &&
    (sizeof(T) <= 2 || std::floating_point<std::remove_cv_t<T>>);

// Of queries and outputs.
template <class T>
concept number_scalar = scalar<T> && !is_encoded(scalar_traits<std::remove_cv_t<T>>::kind);

template <scalar T>
inline constexpr scalar_kind kind_of = scalar_traits<std::remove_cv_t<T>>::kind;

// Some kinds, known when a call is compiled.
struct kind_set {
  std::uint32_t bits = ~std::uint32_t{0};  // all of them
  constexpr bool contains(scalar_kind kind) const { return (bits >> static_cast<std::uint32_t>(kind) & 1u) != 0; }
  constexpr bool has_encodings() const { return bits >> (static_cast<std::uint32_t>(scalar_kind::bfloat16) + 1) != 0; }
  friend constexpr bool operator==(kind_set, kind_set) = default;
};
template <class... Kind>
constexpr kind_set kinds(Kind... kind) { return {((std::uint32_t{1} << static_cast<std::uint32_t>(kind)) | ...)}; }
// Some kinds, and what encodings among them are decoded to.
constexpr kind_set with_decoded(kind_set set, scalar_kind number) {
  return set.has_encodings() ? kind_set{set.bits | kinds(number).bits} : set;
}

CRESTMAX_END_VERSION

CRESTMAX_BEGIN_NAMESPACE

// Equality of numbers where nothing else is meant, and NaN, which equals nothing.
template <class T>
constexpr bool equals(T a, T b) { return (a <=> b) == 0; }
template <class T>
constexpr bool is_nan(T x) { return !crestmax::equals(x, x); }

// A number of elements, as the bound of an array.
constexpr std::size_t bound(std::int64_t count) { return static_cast<std::size_t>(count); }

// Memory that is known to hold objects of a type, or that instructions access at any alignment.
template <class T>
T* pointer_to(void* memory) { return static_cast<T*>(memory); }
template <class T>
const T* pointer_to(const void* memory) { return static_cast<const T*>(memory); }

// Conversions. Widening is exact; narrowing rounds to nearest even, overflows to infinity and keeps
// NaN a NaN. Integer arithmetic only for bfloat16 and for narrowing, so that loops over them vectorise.
inline float to_float(bfloat16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

inline float to_float(float16 x) {
  const std::uint32_t sign = (x.bits & 0x8000u) << 16;
  // As a float the exponent is too small by 112; multiplying by 2^112 mends it, subnormals included.
  const float scaled =
      std::bit_cast<float>((x.bits & 0x7fffu) << 13) * 0x1p112f;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(scaled);
  const std::uint32_t special = (x.bits & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0u;
  return std::bit_cast<float>(sign | bits | special);
}

inline float to_float(float x) { return x; }

inline bfloat16 to_bfloat16(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return bfloat16{static_cast<std::uint16_t>(nan ? ((bits >> 16) | 0x40u) : rounded)};
}

inline float16 to_float16(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  std::uint32_t half;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u;  // NaN
  } else if (magnitude >= 0x477ff000u) {
    half = 0x7c00u;  // 65520 and above round to infinity
  } else if (magnitude >= 0x38800000u) {  // normal: rebias, round the 13 dropped bits to even
    half = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  } else {  // subnormal: adding 0.5 lets the adder do the shift and the rounding
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  }
  return float16{static_cast<std::uint16_t>(sign | half)};
}

// Narrowing a double in two steps would round twice: round to odd on the way to float.
inline float to_float_round_to_odd(double x) {
  const float nearest = static_cast<float>(x);
  if (equals(static_cast<double>(nearest), x) || is_nan(x)) return nearest;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(nearest);
  if ((bits & 0x7f800000u) == 0x7f800000u) return nearest;
  const bool away = (static_cast<double>(nearest) > x) == (x > 0);
  const std::uint32_t truncated = away ? bits - 1u : bits;
  return std::bit_cast<float>(truncated | 1u);
}

template <class To, class From>
inline To convert(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else if constexpr (std::is_same_v<From, float16> || std::is_same_v<From, bfloat16>) {
    return static_cast<To>(to_float(x));
  } else if constexpr (std::is_same_v<To, float16>) {
    if constexpr (std::is_same_v<From, double>) return to_float16(to_float_round_to_odd(x));
    else return to_float16(x);
  } else if constexpr (std::is_same_v<To, bfloat16>) {
    if constexpr (std::is_same_v<From, double>) return to_bfloat16(to_float_round_to_odd(x));
    else return to_bfloat16(x);
  } else {
    return static_cast<To>(x);
  }
}

// Calls f with a null pointer of the first of these types that is of a kind in Kinds and of the kind given; of the last in Kinds, if none is.
template <kind_set Kinds, class First, class... Rest, class F>
inline decltype(auto) visit_one_of(scalar_kind kind, F&& f) {
  if constexpr (!Kinds.contains(kind_of<First>)) {
    return crestmax::visit_one_of<Kinds, Rest...>(kind, f);
  } else if constexpr ((Kinds.contains(kind_of<Rest>) || ...)) {
    if (kind != kind_of<First>) return crestmax::visit_one_of<Kinds, Rest...>(kind, f);
    return f(static_cast<First*>(nullptr));
  } else {
    return f(static_cast<First*>(nullptr));
  }
}

// Calls f with a null pointer of the type that a kind of output stands for: run-time kind, one of Kinds, to compile-time type.
template <kind_set Kinds = kind_set{}, class F>
inline decltype(auto) visit_kind(scalar_kind kind, F&& f) {
  return crestmax::visit_one_of<Kinds, double, float16, bfloat16, float>(kind, f);
}

// The same for an input of a call that computes in T: there is no double among the inputs of one in float.
template <class T, kind_set Kinds = kind_set{}, class F>
inline decltype(auto) visit_input_kind(scalar_kind kind, F&& f) {
  if constexpr (std::is_same_v<T, double>) return crestmax::visit_one_of<Kinds, double, float16, bfloat16, float>(kind, f);
  else return crestmax::visit_one_of<Kinds, float16, bfloat16, float>(kind, f);
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
