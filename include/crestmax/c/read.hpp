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
template <>
inline constexpr std::size_t first_size<crestmax_modifier> = offsetof(crestmax_modifier, map);
template <>
inline constexpr std::size_t first_size<crestmax_problem> = offsetof(crestmax_problem, workers);
template <>
inline constexpr std::size_t first_size<crestmax_options> = offsetof(crestmax_options, key_coding);
template <>
inline constexpr std::size_t first_size<crestmax_report> = offsetof(crestmax_report, max_output_error);
// No version of a struct will be larger: a size that is no size is told without looking that far.
inline constexpr std::size_t most_size = std::size_t{1} << 16;

// Readers return whether they could read; if not, `why` has what is wrong. (A status is large: none is made where there is nothing to say.)
inline bool refuse(status& why, const status& s) {
  why = s;
  return false;
}

// What can be wrong with a struct that begins with its size, apart from what it holds.
template <class Struct>
bool check_struct(const char* name, const Struct* given, status& why) {
  constexpr auto alignment = static_cast<index_type>(alignof(Struct));
  if (!validate::suits(given, alignment)) return refuse(why, validate::pointer_error(name, given, alignment));
  if (given->size >= first_size<Struct> && given->size <= most_size) return true;
  return refuse(why, error(status_code::bad_struct, name, "a struct of another size: its size is to be sizeof, here",
                           static_cast<index_type>(sizeof(Struct)), static_cast<index_type>(given->size)));
}

// A struct of any version as this version has it: the caller's own, or, of an older one, `larger` with the caller's members over its
// defaults, which `set_defaults(larger)` sets. Null if it cannot be read.
template <class Struct, class Defaults>
const Struct* read_struct(const char* name, const Struct* given, Struct& larger, const Defaults& set_defaults, status& why) {
  if (!check_struct(name, given, why)) return nullptr;
  if (given->size < sizeof(Struct)) {
    set_defaults(larger);
    std::memcpy(static_cast<void*>(&larger), given, given->size);
    return &larger;
  }
  const auto* bytes = pointer_to<unsigned char>(static_cast<const void*>(given));
  for (std::size_t i = sizeof(Struct); i < given->size; ++i) {
    if (bytes[i] == 0) continue;
    refuse(why, error(status_code::bad_struct, name, "zeros behind what this version knows, bytes:",
                      static_cast<index_type>(sizeof(Struct)), static_cast<index_type>(given->size)));
    return nullptr;
  }
  return given;
}
// The same where all defaults are zero.
template <class Struct>
const Struct* read_struct(const char* name, const Struct* given, Struct& larger, status& why) {
  return read_struct(name, given, larger, [](Struct& s) { s = {}; }, why);
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
  std::memcpy(to->message, s.message(), std::strlen(s.message()) + 1);
}

inline bool check_pointer(const char* argument, const void* pointer, status& why) {
  return pointer != nullptr || refuse(why, error_text(status_code::null_pointer, argument, "a pointer", "null"));
}

// A number that stands for one of an enumeration's.
inline bool check_constant(const char* argument, std::int32_t given, std::int32_t first, std::int32_t last, status& why) {
  if (given >= first && given <= last) return true;
  return refuse(why, error(status_code::bad_option, argument, first == 0 ? "one of its constants, 0 to" : "one of its constants, 1 to", last, given));
}

// Numbers stand before bytes and words of masks, encodings behind them.
constexpr scalar_kind kind_of_type(crestmax_type type) {
  constexpr scalar_kind numbers[] = {scalar_kind::float32, scalar_kind::float64, scalar_kind::float16, scalar_kind::bfloat16};
  if (type <= CRESTMAX_BFLOAT16) return numbers[type - CRESTMAX_FLOAT32];
  return static_cast<scalar_kind>(type - CRESTMAX_Q8_0 + static_cast<int>(scalar_kind::q8_0));
}
static_assert(kind_of_type(CRESTMAX_INT8) == scalar_kind::int8 && kind_of_type(CRESTMAX_PLANES16) == scalar_kind::planes16);
constexpr crestmax_type type_of_kind(scalar_kind kind) {
  for (crestmax_type type = CRESTMAX_FLOAT32; type <= CRESTMAX_PLANES16; ++type) {
    if (type != CRESTMAX_BYTE && type != CRESTMAX_WORD && kind_of_type(type) == kind) return type;
  }
  return 0;
}
constexpr bool is_number(crestmax_type type) { return type >= CRESTMAX_FLOAT32 && type <= CRESTMAX_BFLOAT16; }
constexpr bool is_encoding(crestmax_type type) { return type >= CRESTMAX_Q8_0 && type <= CRESTMAX_PLANES16; }

// The name of a struct's member, as messages have it.
struct member_name {
  char text[128];
  member_name(const char* of, const char* member) { std::snprintf(text, sizeof text, "%s.%s", of, member); }
};

template <std::size_t Rank>
std::array<index_type, Rank> strides_of(const std::int64_t (&given)[Rank], const std::array<index_type, Rank>& extents,
                                        scalar_kind kind = scalar_kind::float32) {
  std::array<index_type, Rank> strides = std::to_array(given);
  for (const index_type step : strides) {
    if (step != 0) return strides;
  }
  return tensor<float, static_cast<int>(Rank)>::dense_strides_of(kind, extents);
}

// Of crestmax_tensor or crestmax_output.
template <class Tensor>
bool read_tensor(const char* name, const Tensor& t, tensor_view& result, status& why) {
  if (!is_number(t.type)) return check_constant(member_name(name, "type").text, t.type, CRESTMAX_FLOAT32, CRESTMAX_BFLOAT16, why);
  result = {t.data, kind_of_type(t.type), std::to_array(t.extents), {}};
  result.strides = strides_of(t.strides, result.extents);
  return true;
}

// Of keys and values, which may be encoded.
inline bool read_rows_of_cache(const char* name, const crestmax_tensor& t, tensor_view& result, status& why) {
  if (!is_encoding(t.type)) return read_tensor(name, t, result, why);
  result = {t.data, kind_of_type(t.type), std::to_array(t.extents), {}};
  result.strides = strides_of(t.strides, result.extents, result.kind);
  return true;
}

inline bool read_rows(const char* name, const crestmax_rows& r, row_output& result, status& why) {
  result.data = r.data;
  result.extents = std::to_array(r.extents);
  if (crestmax::is_absent(result)) return true;
  if (r.type != CRESTMAX_FLOAT32 && r.type != CRESTMAX_FLOAT64) {
    return refuse(why, error(status_code::bad_option, member_name(name, "type").text, "float32 or float64, that is 1 or 2", r.type));
  }
  result.kind = kind_of_type(r.type);
  result.strides = strides_of(r.strides, result.extents);
  return true;
}

inline bool read_coding_numbers(const char* name, const crestmax_coding_numbers& n, coding_numbers& result, status& why) {
  if (n.data == nullptr) return true;
  if (!is_number(n.type)) return check_constant(name, n.type, CRESTMAX_FLOAT32, CRESTMAX_BFLOAT16, why);
  result = {n.data, kind_of_type(n.type), std::to_array(n.strides)};
  return true;
}

// What stands beside encoded rows; null: nothing.
inline bool read_coding(const char* name, const crestmax_coding* given, row_coding& result, status& why) {
  if (given == nullptr) return true;
  crestmax_coding larger;
  const crestmax_coding* const c = read_struct(name, given, larger, why);
  if (c == nullptr || !check_constant(member_name(name, "offset").text, c->offset, CRESTMAX_ZERO_POINT, CRESTMAX_MINIMUM, why)) return false;
  result.offset = static_cast<offset_kind>(c->offset);
  result.group = c->group;
  result.keys = c->keys == 0 ? 1 : c->keys;
  if (c->keys > 1) {
    if (!is_number(c->open_type)) return check_constant(member_name(name, "open_type").text, c->open_type, CRESTMAX_FLOAT32, CRESTMAX_BFLOAT16, why);
    result.open = {c->open, kind_of_type(c->open_type), std::to_array(c->open_strides)};
  }
  return read_coding_numbers(member_name(name, "scales").text, c->scales, result.scales, why) &&
         read_coding_numbers(member_name(name, "offsets").text, c->offsets, result.offsets, why);
}

inline bool read_numbers(const char* name, const crestmax_numbers& n, std::span<const std::int32_t>& result, status& why) {
  constexpr auto most = static_cast<std::size_t>(std::min<std::uint64_t>(std::uint64_t{1} << 40, memory_size::largest / sizeof(std::int32_t)));
  if (n.count > most) {
    return refuse(why, error(status_code::bad_extent, member_name(name, "count").text, "at most", static_cast<index_type>(most),
                             static_cast<index_type>(n.count)));
  }
  result = {n.data, n.count};
  return true;
}

inline std::span<std::byte> bytes_of(const crestmax_memory& m) { return {static_cast<std::byte*>(m.data), m.bytes}; }

// The table of a bias or mask, whose elements are T.
template <class T>
tensor<const T> table_of(const crestmax_tensor& t) {
  const std::array<index_type, 4> extents = std::to_array(t.extents);
  return {static_cast<const T*>(t.data), extents, strides_of(t.strides, extents)};
}

inline bool read_bias(const crestmax_tensor& t, modifier_list& result, status& why) {
  if (!check_constant("additive_bias.type", t.type, CRESTMAX_FLOAT32, CRESTMAX_BFLOAT16, why)) return false;
  crestmax::visit_kind(kind_of_type(t.type), [&](auto* element) {
    using type = std::remove_pointer_t<decltype(element)>;
    result.add(additive_bias<type>(table_of<type>(t)));
  });
  return true;
}

inline bool read_mask(const crestmax_tensor& t, modifier_list& result, status& why) {
  if (t.type != CRESTMAX_BYTE) {
    return refuse(why, error(status_code::bad_option, "boolean_mask.type", "bytes, that is", CRESTMAX_BYTE, t.type));
  }
  result.add(boolean_mask<std::uint8_t>(table_of<std::uint8_t>(t)));
  return true;
}

// A mask tensor: bytes, or numbers.
inline bool read_mask_view(const char* name, const crestmax_tensor& t, mask_view& result, status& why) {
  if (!check_constant(member_name(name, "type").text, t.type, CRESTMAX_FLOAT32, CRESTMAX_BYTE, why)) return false;
  const std::array<index_type, 4> extents = std::to_array(t.extents);
  result = {t.data, t.type == CRESTMAX_BYTE ? mask_type::boolean : mask_type_of(kind_of_type(t.type)), extents, strides_of(t.strides, extents)};
  return true;
}

inline bool read_mask_tensor(const crestmax_modifier& m, modifier_list& result, status& why) {
  mask_view mask;
  if (!read_mask_view("mask_tensor", m.table, mask, why)) return false;
  if (m.per_head != nullptr && m.heads <= 0) return refuse(why, error(status_code::bad_option, "mask_tensor.heads", "at least", 1, static_cast<index_type>(m.heads)));
  mask_tensor tensor(mask, bytes_of(m.map));
  tensor.first_key = m.first_key;
  tensor.factors = {m.per_head, m.heads};
  tensor.repeats_heads_and_sequences = m.repeats_heads_and_sequences != 0;
  result.add(tensor);
  return true;
}

inline bool read_tree(const crestmax_tensor& t, modifier_list& result, status& why) {
  if (t.type != CRESTMAX_WORD) return refuse(why, error(status_code::bad_option, "tree_mask.type", "words, that is", CRESTMAX_WORD, t.type));
  if (t.extents[1] != 1) return refuse(why, error(status_code::mismatch, "tree_mask", "a second extent of", 1, t.extents[1]));
  const tensor<const std::uint64_t> table = table_of<std::uint64_t>(t);
  const auto without_heads = [](const std::array<index_type, 4>& of) { return std::array<index_type, 3>{of[0], of[2], of[3]}; };
  result.add(tree_mask{{table.data, without_heads(table.extents), without_heads(table.strides)}});
  return true;
}

// What goes by positions, where they are given.
template <class M>
bool read_positioned(const crestmax_modifier& m, const M& by_place, modifier_list& result, status& why) {
  if (m.positions == nullptr) {
    result.add(by_place);
    return true;
  }
  crestmax_positions larger;
  const crestmax_positions* const p = read_struct("positions", m.positions, larger, why);
  if (p == nullptr) return false;
  using view = tensor<const std::int32_t, 2>;
  result.add(positioned<M>{{view(p->key, {p->key_rows, p->key_count}, {p->key_stride, 1}),
                            view(p->query, {p->query_rows, p->query_count}, {p->query_stride, 1})}, by_place});
  return true;
}

inline bool read_causal(const crestmax_modifier& m, modifier_list& result, status& why) {
  static_assert(CRESTMAX_TOP_LEFT == static_cast<int>(causal_align::top_left));
  if (!check_constant("causal.align", m.align, CRESTMAX_BOTTOM_RIGHT, CRESTMAX_TOP_LEFT, why)) return false;
  return read_positioned(m, causal{.align = static_cast<causal_align>(m.align)}, result, why);
}

// What a C++ chain takes for a modifier that is off is a mistake in a list: there it can be left out.
inline bool check_presence(const crestmax_modifier& m, status& why) {
  switch (m.kind) {
    case CRESTMAX_ALIBI: return check_pointer("alibi.slopes", m.per_head, why);
    case CRESTMAX_ATTENTION_SINKS: return check_pointer("attention_sinks.logits", m.per_head, why);
    case CRESTMAX_ADDITIVE_BIAS: return check_pointer("additive_bias", m.table.data, why);
    case CRESTMAX_BOOLEAN_MASK: return check_pointer("boolean_mask", m.table.data, why);
    case CRESTMAX_MASK_TENSOR: return check_pointer("mask_tensor", m.table.data, why) && check_pointer("mask_tensor.map", m.map.data, why);
    case CRESTMAX_TREE_MASK: return check_pointer("tree_mask", m.table.data, why);
    default: return true;
  }
}

// Positions are of modifiers that go by them, an alignment of causal calls.
inline bool check_placing(const crestmax_modifier& m, status& why) {
  const bool by_position = m.kind == CRESTMAX_CAUSAL || m.kind == CRESTMAX_SLIDING_WINDOW || m.kind == CRESTMAX_ALIBI;
  if (m.positions != nullptr && !by_position) {
    return refuse(why, error(status_code::bad_option, "positions", "none: they are of kinds 1 to 3; given to a modifier of kind", m.kind));
  }
  if (m.align == CRESTMAX_BOTTOM_RIGHT || m.kind == CRESTMAX_CAUSAL) return true;
  return refuse(why, error(status_code::bad_option, "align", "0: it is of causal alone; of kind", m.kind));
}

// Of a kind that there is.
inline bool read_modifier(const crestmax_modifier& m, modifier_list& result, status& why) {
  if (!check_presence(m, why) || !check_placing(m, why)) return false;
  const std::span<const float> per_head(m.per_head, m.heads);
  switch (m.kind) {
    case CRESTMAX_CAUSAL: return read_causal(m, result, why);
    case CRESTMAX_SLIDING_WINDOW: return read_positioned(m, sliding_window{m.left, m.right}, result, why);
    case CRESTMAX_ALIBI: return read_positioned(m, alibi{per_head}, result, why);
    case CRESTMAX_TREE_MASK: return read_tree(m.table, result, why);
    case CRESTMAX_SOFT_CAP: result.add(soft_cap{m.cap}); break;
    case CRESTMAX_ATTENTION_SINKS: result.add(attention_sinks{per_head}); break;
    case CRESTMAX_ADDITIVE_BIAS: return read_bias(m.table, result, why);
    case CRESTMAX_BOOLEAN_MASK: return read_mask(m.table, result, why);
    case CRESTMAX_CUSTOM_SCORE: result.add(custom_score{m.score, m.user}); break;
    case CRESTMAX_MASK_TENSOR: return read_mask_tensor(m, result, why);
    case CRESTMAX_CUSTOM_MASK: result.add(custom_mask{m.visible, m.classify, m.reachable, m.user}); break;
    default: break;
  }
  return true;
}

// One of a list, whose first has so many bytes.
inline bool read_entry(const crestmax_modifier* given, std::size_t number, std::size_t step, modifier_list& result, status& why) {
  const auto name = [&] { return validate::entry_name("modifiers", "entry", static_cast<index_type>(number)); };
  crestmax_modifier larger;
  const crestmax_modifier* const read = read_struct("modifiers", given, larger, why);
  if (read == nullptr) return read_struct(name().text, given, larger, why) != nullptr;
  const crestmax_modifier& m = *read;
  if (given->size != step) {
    return refuse(why, error(status_code::bad_struct, name().text, "the size of the first entry:", static_cast<index_type>(step),
                             static_cast<index_type>(given->size)));
  }
  if (m.kind < CRESTMAX_CAUSAL || m.kind > CRESTMAX_TREE_MASK) {
    return check_constant(member_name(name().text, "kind").text, m.kind, CRESTMAX_CAUSAL, CRESTMAX_TREE_MASK, why);
  }
  return m.off != 0 || read_modifier(m, result, why);
}

// Modifiers stand one behind the other, as far apart as the first one's size says.
inline bool read_modifiers(const crestmax_modifier* given, std::size_t count, modifier_list& result, status& why) {
  if (count == 0) return true;
  if (count > modifier_list::most) {
    return refuse(why, error(status_code::bad_option, "modifier_count", "at most", static_cast<index_type>(modifier_list::most),
                             static_cast<index_type>(count)));
  }
  if (!check_struct("modifiers", given, why)) return false;
  const std::size_t step = given->size;
  const auto* bytes = pointer_to<std::byte>(static_cast<const void*>(given));
  for (std::size_t i = 0; i < count; ++i) {
    if (!read_entry(pointer_to<crestmax_modifier>(static_cast<const void*>(bytes + i * step)), i, step, result, why)) return false;
  }
  return true;
}

}  // namespace c

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
