// What numbers of the C interface are called.
#pragma once

#include "call.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace c {

#define CRESTMAX_DETAIL_TEXT_(x) #x
#define CRESTMAX_DETAIL_TEXT(x) CRESTMAX_DETAIL_TEXT_(x)
inline constexpr const char* version_text =
    CRESTMAX_DETAIL_TEXT(CRESTMAX_VERSION_MAJOR) "." CRESTMAX_DETAIL_TEXT(CRESTMAX_VERSION_MINOR) "." CRESTMAX_DETAIL_TEXT(CRESTMAX_VERSION_PATCH);
#undef CRESTMAX_DETAIL_TEXT
#undef CRESTMAX_DETAIL_TEXT_

// Codes have the same numbers in C and in C++, and stand here in their order.
struct named_code {
  std::int32_t in_c;
  status_code code;
  const char* name;
};
inline constexpr named_code codes[] = {
    {CRESTMAX_OK, status_code::ok, "ok"},
    {CRESTMAX_NULL_POINTER, status_code::null_pointer, "null_pointer"},
    {CRESTMAX_BAD_EXTENT, status_code::bad_extent, "bad_extent"},
    {CRESTMAX_BAD_STRIDE, status_code::bad_stride, "bad_stride"},
    {CRESTMAX_MISMATCH, status_code::mismatch, "mismatch"},
    {CRESTMAX_OVERLAP, status_code::overlap, "overlap"},
    {CRESTMAX_BAD_OPTION, status_code::bad_option, "bad_option"},
    {CRESTMAX_BAD_INDEX, status_code::bad_index, "bad_index"},
    {CRESTMAX_WORKSPACE_TOO_SMALL, status_code::workspace_too_small, "workspace_too_small"},
    {CRESTMAX_MISALIGNED, status_code::misaligned, "misaligned"},
    {CRESTMAX_UNSUPPORTED, status_code::unsupported, "unsupported"},
    {CRESTMAX_UNAVAILABLE, status_code::unavailable, "unavailable"},
    {CRESTMAX_OUT_OF_MEMORY, status_code::out_of_memory, "out_of_memory"},
    {CRESTMAX_NOT_COMPILED, status_code::not_compiled, "not_compiled"},
    {CRESTMAX_DEVICE_ERROR, status_code::device_error, "device_error"},
    {CRESTMAX_TOO_LARGE, status_code::too_large, "too_large"},
    {CRESTMAX_SOURCE_FAILED, status_code::source_failed, "source_failed"},
    {CRESTMAX_BAD_STRUCT, status_code::bad_struct, "bad_struct"}};

consteval bool codes_are_in_order() {
  std::int32_t number = 0;
  for (const named_code& c : codes) {
    if (c.in_c != number || static_cast<std::int32_t>(c.code) != number) return false;
    ++number;
  }
  return true;
}
static_assert(codes_are_in_order());

// Constants that are handed to C++ as they are.
static_assert(CRESTMAX_ON == static_cast<int>(choice::on) && CRESTMAX_OFF == static_cast<int>(choice::off));
static_assert(CRESTMAX_ABOVE == static_cast<int>(coverage_kind::above) && CRESTMAX_PLATEAUS == static_cast<int>(coverage_kind::plateaus));
static_assert(CRESTMAX_WITHIN == static_cast<int>(coverage_kind::within) && CRESTMAX_WITHIN_BOUND == static_cast<int>(coverage_kind::within_bound) &&
              CRESTMAX_WITHIN_BOUND_OF_OUTPUT == static_cast<int>(coverage_kind::within_bound_of_output));
static_assert(CRESTMAX_PRODUCTS_EXACT == static_cast<int>(products::exact) && CRESTMAX_PRODUCTS_INTEGER == static_cast<int>(products::integer));
static_assert(CRESTMAX_WEIGHTS_FLOAT32 == static_cast<int>(weight_type::float32) &&
              CRESTMAX_WEIGHTS_FLOAT16 == static_cast<int>(weight_type::float16) &&
              CRESTMAX_WEIGHTS_BFLOAT16 == static_cast<int>(weight_type::bfloat16));
static_assert(CRESTMAX_ALIGNMENT == workspace_size::alignment && CRESTMAX_ALIGNMENT % plan::alignment == 0);

inline const char* name_of_status(std::int32_t code) {
  return code >= 0 && code < static_cast<std::int32_t>(std::size(codes)) ? codes[code].name : "unknown";
}
inline const char* name_of_type(std::int32_t type) {
  if (type == CRESTMAX_BYTE) return "byte";
  if (type == CRESTMAX_WORD) return "word";
  return is_number(type) || is_encoding(type) ? crestmax::name(kind_of_type(type)) : "unknown";
}
inline const char* name_of_set(std::int32_t set) {
  if (set == CRESTMAX_SET_ANY) return "any";
  return set > 0 && set <= last_set ? crestmax::name(sets[set]) : "unknown";
}

}  // namespace c

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
