// Mask tensors of any type and strides, with the numbers that they stand for beside them: what the oracle goes by.
#pragma once

#include <crestmax/modifiers.hpp>
#include <cstring>
#include <limits>
#include <vector>

#include "random.hpp"
#include "scalars.hpp"

namespace crestmax_test {

using mask_axes = std::array<index_type, 4>;

// What a mask says, entry by entry: -inf hides. Extents of 1 are broadcast. Shares nothing with the library.
struct plain_mask {
  const double* numbers = nullptr;
  mask_axes extents{};

  double at(index_type sequence, index_type head, index_type query, index_type key) const {
    const index_type place[4] = {sequence, head, query, key};
    index_type number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number * extents[i] + (extents[i] == 1 ? 0 : place[i]);
    return numbers[number];
  }
  double at(const crestmax::score_position& p) const { return at(p.sequence, p.head, p.query_index, p.key); }
};

// A mask in memory, its map and its numbers. Copies point to the same memory.
struct made_mask {
  crestmax::mask_view view;
  crestmax::mask_tensor tensor;
  plain_mask plain;
  std::span<std::byte> map;

  bool is_made() const { return plain.numbers != nullptr; }
};

// Memory of a mask: what a case keeps.
struct mask_memory {
  std::vector<double> numbers;
  std::vector<std::byte> entries;
  std::vector<std::uint64_t> map;
};

inline void write_entry(std::byte* to, crestmax::mask_type type, double number, bool by_lowest) {
  const auto put = [&](auto x) { std::memcpy(to, &x, sizeof x); };
  const bool hides = number == -std::numeric_limits<double>::infinity();
  const bool lowest = hides && by_lowest;
  switch (type) {
    case crestmax::mask_type::boolean: return put(static_cast<std::uint8_t>(hides ? 0 : 1));
    case crestmax::mask_type::float32: return put(lowest ? std::numeric_limits<float>::lowest() : static_cast<float>(number));
    case crestmax::mask_type::float64: return put(lowest ? std::numeric_limits<double>::lowest() : number);
    case crestmax::mask_type::float16: return put(lowest ? std::uint16_t{0xfbff} : encode(half_format, number));
    case crestmax::mask_type::bfloat16: return put(lowest ? std::uint16_t{0xff7f} : encode(brain_format, number));
  }
}

// The nearest number that an entry of the type can hold; of bools 0 or -inf.
inline double nearest_entry(crestmax::mask_type type, double number) {
  switch (type) {
    case crestmax::mask_type::boolean: return std::isinf(number) ? number : 0.0;
    case crestmax::mask_type::float32: return static_cast<double>(static_cast<float>(number));
    case crestmax::mask_type::float64: return number;
    case crestmax::mask_type::float16: return decode(half_format, encode(half_format, number));
    case crestmax::mask_type::bfloat16: return decode(brain_format, encode(brain_format, number));
  }
  return number;
}

enum class mask_layout { dense, keys_first, padded, reversed };

// Strides of a layout in elements, of the axes that are not of extent 1; `size` elements in all, the first entry at `first`.
struct mask_places {
  mask_axes strides{};
  index_type first = 0;
  index_type size = 1;

  mask_places(const mask_axes& extents, mask_layout layout) {
    constexpr std::size_t orders[2][4] = {{3, 2, 1, 0}, {0, 3, 1, 2}};
    for (const std::size_t axis : orders[layout == mask_layout::keys_first ? 1 : 0]) {
      strides[axis] = size;
      size *= extents[axis] + (layout == mask_layout::padded ? 3 : 0);
    }
    if (layout != mask_layout::reversed) return;
    first = size - 1;
    for (index_type& step : strides) step = -step;
  }
};

// A mask of this type whose entry (sequence, head, query, key) is number(...), and its map. Rows of odd number hide by the lowest number. Axes of
// extent 1 get the extents of `full`, and strides of 0.
template <class Number>
made_mask make_mask(mask_memory& memory, crestmax::mask_type type, const mask_axes& extents, mask_layout layout, Number&& number,
                    const mask_axes& full = {1, 1, 1, 1}) {
  const mask_places places(extents, layout);
  const index_type size = crestmax::size_of(type);
  memory.entries.assign(static_cast<std::size_t>(places.size * size), std::byte{0xff});
  made_mask made;
  for (index_type s = 0; s < extents[0]; ++s) {
    for (index_type h = 0; h < extents[1]; ++h) {
      for (index_type q = 0; q < extents[2]; ++q) {
        for (index_type k = 0; k < extents[3]; ++k) {
          const double x = nearest_entry(type, number(s, h, q, k));
          memory.numbers.push_back(x);
          const index_type place = places.first + s * places.strides[0] + h * places.strides[1] + q * places.strides[2] + k * places.strides[3];
          write_entry(memory.entries.data() + place * size, type, x, q % 2 == 1);
        }
      }
    }
  }
  made.view = {memory.entries.data() + places.first * size, type, extents, places.strides};
  for (std::size_t i = 0; i < 4; ++i) {
    if (extents[i] != 1 || full[i] == 1) continue;
    made.view.extents[i] = full[i];
    made.view.strides[i] = 0;
  }
  std::size_t bytes = 0;
  if (!crestmax::mask_map_bytes(made.view, bytes).ok()) return made;
  memory.map.assign(bytes / 8 + 1, 0x5a5a5a5a5a5a5a5a);
  made.map = std::as_writable_bytes(std::span(memory.map)).first(bytes);
  if (!crestmax::build_mask_map(made.view, made.map).ok()) return made;
  made.tensor = crestmax::mask_tensor(made.view, made.map);
  made.plain = {memory.numbers.data(), extents};
  return made;
}

// Numbers of the patterns that engines use, and of none.
enum class mask_pattern { all, nothing, triangle, window, padding, blocks, dots, numbers };
inline constexpr mask_pattern every_pattern[] = {mask_pattern::all, mask_pattern::nothing, mask_pattern::triangle, mask_pattern::window,
                                                 mask_pattern::padding, mask_pattern::blocks, mask_pattern::dots, mask_pattern::numbers};

inline double number_of(mask_pattern pattern, random_source& random, index_type s, index_type h, index_type q, index_type k) {
  constexpr double hidden = -std::numeric_limits<double>::infinity();
  switch (pattern) {
    case mask_pattern::all: return 0;
    case mask_pattern::nothing: return hidden;
    case mask_pattern::triangle: return k <= q ? 0 : hidden;
    case mask_pattern::window: return k <= q + 3 && k > q - 40 ? 0 : hidden;
    case mask_pattern::padding: return k < 37 + 29 * s ? 0 : hidden;
    case mask_pattern::blocks: return (q / 48 + k / 64 + h) % 2 == 0 ? 0 : hidden;
    case mask_pattern::dots: return random.chance(0.5) ? 0 : hidden;
    case mask_pattern::numbers: break;
  }
  return random.chance(0.3) ? hidden : random.chance(0.3) ? 0.0 : random.normal();
}

}  // namespace crestmax_test
