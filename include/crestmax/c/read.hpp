// Structs of the C interface, checked and turned into the library's own types.
#pragma once

#include "../attention.hpp"
#include "modifiers.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace c {

// The size that a struct had in the first version that had it. A struct that grows keeps it, by a specialisation.
template <class Struct>
inline constexpr std::size_t first_size = sizeof(Struct);
// No version of a struct will be larger: a size that is no size is told without looking that far.
inline constexpr std::size_t most_size = std::size_t{1} << 16;

// What can be wrong with a struct that begins with its size, apart from what it holds.
template <class Struct>
status check_struct(const char* name, const Struct* given) {
  constexpr auto alignment = static_cast<index_type>(alignof(Struct));
  if (!validate::suits(given, alignment)) return validate::pointer_error(name, given, alignment);
  if (given->size >= first_size<Struct> && given->size <= most_size) return success();
  return error(status_code::bad_struct, name, "a struct of another size: its size is to be sizeof, here",
               static_cast<index_type>(sizeof(Struct)), static_cast<index_type>(given->size));
}

// Reads a struct of any version; `result` has the defaults of what the given one has not.
template <class Struct>
status read_struct(const char* name, const Struct* given, Struct& result) {
  if (status s = check_struct(name, given); !s.ok()) return s;
  const auto* bytes = pointer_to<unsigned char>(static_cast<const void*>(given));
  for (std::size_t i = sizeof(Struct); i < given->size; ++i) {
    if (bytes[i] == 0) continue;
    return error(status_code::bad_struct, name, "zeros behind what this version knows, bytes:", static_cast<index_type>(sizeof(Struct)),
                 static_cast<index_type>(given->size));
  }
  std::memcpy(&result, given, std::min(given->size, sizeof(Struct)));
  return success();
}

// Fills a struct of any version of the caller's, as far as it goes; zeros behind what this version knows.
template <class Struct>
void write_struct(Struct result, Struct* to) {
  result.size = to->size;
  if (result.size > sizeof(Struct)) std::memset(static_cast<void*>(to), 0, result.size);
  std::memcpy(static_cast<void*>(to), &result, std::min(result.size, sizeof(Struct)));
}

inline void write_status(const status& s, crestmax_status* to) {
  static_assert(sizeof s.text == sizeof to->message);
  if (to == nullptr) return;
  to->code = static_cast<crestmax_code>(s.code);
  std::snprintf(to->message, sizeof to->message, "%s", s.message());
}

// A number that stands for one of an enumeration's, or what is wrong with it.
inline status check_constant(const char* argument, std::int32_t given, std::int32_t first, std::int32_t last) {
  if (given >= first && given <= last) return success();
  return error(status_code::bad_option, argument, first == 0 ? "one of its constants, 0 to" : "one of its constants, 1 to", last, given);
}

constexpr scalar_kind kind_of_type(crestmax_type type) {
  constexpr scalar_kind kinds[] = {scalar_kind::float32, scalar_kind::float64, scalar_kind::float16, scalar_kind::bfloat16};
  return kinds[type - CRESTMAX_FLOAT32];
}
constexpr crestmax_type type_of_kind(scalar_kind kind) {
  return kind == scalar_kind::float64   ? CRESTMAX_FLOAT64
         : kind == scalar_kind::float16 ? CRESTMAX_FLOAT16
         : kind == scalar_kind::bfloat16 ? CRESTMAX_BFLOAT16
                                         : CRESTMAX_FLOAT32;
}

// The name of a struct's member, as messages have it.
struct member_name {
  char text[128];
  member_name(const char* of, const char* member) { std::snprintf(text, sizeof text, "%s.%s", of, member); }
};

template <std::size_t Rank>
std::array<index_type, Rank> strides_of(const std::int64_t (&given)[Rank], const std::array<index_type, Rank>& extents) {
  std::array<index_type, Rank> strides = std::to_array(given);
  for (const index_type step : strides) {
    if (step != 0) return strides;
  }
  return tensor<float, static_cast<int>(Rank)>::dense_strides(extents);
}

// Of crestmax_tensor or crestmax_output.
template <class Tensor>
status read_tensor(const char* name, const Tensor& t, tensor_view& result) {
  if (t.type < CRESTMAX_FLOAT32 || t.type > CRESTMAX_BFLOAT16) {
    return check_constant(member_name(name, "type").text, t.type, CRESTMAX_FLOAT32, CRESTMAX_BFLOAT16);
  }
  result.data = t.data;
  result.kind = kind_of_type(t.type);
  result.extents = std::to_array(t.extents);
  result.strides = strides_of(t.strides, result.extents);
  return success();
}

inline status read_rows(const char* name, const crestmax_rows& r, row_output& result) {
  result.data = r.data;
  result.extents = std::to_array(r.extents);
  if (crestmax::is_absent(result)) return success();
  if (r.type != CRESTMAX_FLOAT32 && r.type != CRESTMAX_FLOAT64) {
    return error(status_code::bad_option, member_name(name, "type").text, "float32 or float64, that is 1 or 2", r.type);
  }
  result.kind = kind_of_type(r.type);
  result.strides = strides_of(r.strides, result.extents);
  return success();
}

inline status read_numbers(const char* name, const crestmax_numbers& n, std::span<const std::int32_t>& result) {
  constexpr auto most = static_cast<std::size_t>(std::min<std::uint64_t>(std::uint64_t{1} << 40, memory_size::largest / sizeof(std::int32_t)));
  if (n.count > most) {
    return error(status_code::bad_extent, member_name(name, "count").text, "at most", static_cast<index_type>(most),
                 static_cast<index_type>(n.count));
  }
  result = {n.data, n.count};
  return success();
}

inline std::span<std::byte> bytes_of(const crestmax_memory& m) { return {static_cast<std::byte*>(m.data), m.bytes}; }

// The table of a bias or mask, whose elements are T.
template <class T>
tensor<const T> table_of(const crestmax_tensor& t) {
  const std::array<index_type, 4> extents = std::to_array(t.extents);
  return {static_cast<const T*>(t.data), extents, strides_of(t.strides, extents)};
}

inline status read_bias(const crestmax_tensor& t, modifier_list& result) {
  if (status s = check_constant("additive_bias.type", t.type, CRESTMAX_FLOAT32, CRESTMAX_BFLOAT16); !s.ok()) return s;
  crestmax::visit_kind(kind_of_type(t.type), [&](auto* element) {
    using type = std::remove_pointer_t<decltype(element)>;
    result.add(additive_bias<type>(table_of<type>(t)));
  });
  return success();
}

inline status read_mask(const crestmax_tensor& t, modifier_list& result) {
  if (t.type != CRESTMAX_BYTE) {
    return error(status_code::bad_option, "boolean_mask.type", "bytes, that is", CRESTMAX_BYTE, t.type);
  }
  result.add(boolean_mask<std::uint8_t>(table_of<std::uint8_t>(t)));
  return success();
}

// What a C++ chain takes for a modifier that is off is a mistake in a list: there it can be left out.
inline status check_presence(const crestmax_modifier& m) {
  const auto missing = [](const char* argument) { return error_text(status_code::null_pointer, argument, "a pointer", "null"); };
  if (m.kind == CRESTMAX_ALIBI && m.per_head == nullptr) return missing("alibi.slopes");
  if (m.kind == CRESTMAX_ATTENTION_SINKS && m.per_head == nullptr) return missing("attention_sinks.logits");
  if (m.kind == CRESTMAX_ADDITIVE_BIAS && m.table.data == nullptr) return missing("additive_bias");
  if (m.kind == CRESTMAX_BOOLEAN_MASK && m.table.data == nullptr) return missing("boolean_mask");
  return success();
}

inline status read_modifier(const crestmax_modifier& m, modifier_list& result) {
  if (status s = check_presence(m); !s.ok()) return s;
  const std::span<const float> per_head(m.per_head, m.heads);
  switch (m.kind) {
    case CRESTMAX_CAUSAL: result.add(causal{}); break;
    case CRESTMAX_SLIDING_WINDOW: result.add(sliding_window{m.left, m.right}); break;
    case CRESTMAX_ALIBI: result.add(alibi{per_head}); break;
    case CRESTMAX_SOFT_CAP: result.add(soft_cap{m.cap}); break;
    case CRESTMAX_ATTENTION_SINKS: result.add(attention_sinks{per_head}); break;
    case CRESTMAX_ADDITIVE_BIAS: return read_bias(m.table, result);
    case CRESTMAX_BOOLEAN_MASK: return read_mask(m.table, result);
    case CRESTMAX_CUSTOM_SCORE: result.add(custom_score{m.score, m.user}); break;
    case CRESTMAX_CUSTOM_MASK: result.add(custom_mask{m.visible, m.classify, m.reachable, m.user}); break;
    default: break;
  }
  return success();
}

// Modifiers stand one behind the other, as far apart as the first one's size says.
inline status read_modifiers(const crestmax_modifier* given, std::size_t count, modifier_list& result) {
  if (count == 0) return success();
  if (count > modifier_list::most) {
    return error(status_code::bad_option, "modifier_count", "at most", static_cast<index_type>(modifier_list::most), static_cast<index_type>(count));
  }
  if (status s = check_struct("modifiers", given); !s.ok()) return s;
  const std::size_t step = given->size;
  for (std::size_t i = 0; i < count; ++i) {
    const auto* at = pointer_to<crestmax_modifier>(static_cast<const void*>(pointer_to<std::byte>(static_cast<const void*>(given)) + i * step));
    const validate::entry_name name("modifiers", "entry", static_cast<index_type>(i));
    crestmax_modifier m{};
    if (status s = read_struct(name.text, at, m); !s.ok()) return s;
    if (m.size != step) {
      return error(status_code::bad_struct, name.text, "the size of the first entry:", static_cast<index_type>(step), static_cast<index_type>(m.size));
    }
    if (status s = check_constant(member_name(name.text, "kind").text, m.kind, CRESTMAX_CAUSAL, CRESTMAX_CUSTOM_MASK); !s.ok()) return s;
    if (m.off != 0) continue;
    if (status s = read_modifier(m, result); !s.ok()) return s;
  }
  return success();
}

}  // namespace c

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
