// What a cache takes in memory, and how what stands beside planes16 lies where all of it is dense.
#pragma once

#include "../compiler.hpp"
#include "../encodings.hpp"
#include "../error.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_VERSION

// Bytes of keys, or of values, and of what stands beside them.
struct cache_bytes {
  index_type rows = 0;
  index_type scales = 0;
  index_type offsets = 0;
  index_type open = 0;  // rows of unfinished blocks
  constexpr index_type total() const { return rows + scales + offsets + open; }
};

// What the steps and minimums of planes16 are shared by: those of keys are best by channel, those of values by token.
enum class planes_by : std::int32_t { channel, token };

CRESTMAX_END_VERSION

CRESTMAX_BEGIN_NAMESPACE

// The coding of a dense cache of planes16, (pages, page_size, kv_heads, d) or (batch, kv_len, kv_heads, d), without pointers: those of scales, offsets and
// open rows are the caller's to set, to memory of count_cache_bytes(). Steps and minimums are of `numbers`, open rows of `open`.
constexpr row_coding coding_of_planes(planes_by by, const std::array<index_type, 4>& extents, scalar_kind numbers = scalar_kind::bfloat16,
                                      scalar_kind open = scalar_kind::float16) {
  const bool by_channel = by == planes_by::channel;
  row_coding coding;
  coding.offset = offset_kind::minimum;
  coding.keys = by_channel ? keys_in_block(scalar_kind::planes16) : 1;
  coding.group = by_channel ? 1 : 0;
  const index_type blocks = extents[1] / coding.keys;
  const std::array<index_type, 4> beside{1, blocks > 1 ? blocks : 1, extents[2], by_channel ? extents[3] : 1};
  coding.scales = {nullptr, numbers, tensor<float>::row_major(beside, beside[3])};
  coding.offsets = coding.scales;
  const std::array<index_type, 4> rows = tensor<float>::row_major({1, coding.keys - 1, extents[2], extents[3]}, extents[3]);
  if (by_channel) coding.open = {nullptr, open, {rows[0], rows[1], rows[2]}};
  return coding;
}

// Bytes of a dense cache of any kind and its coding, whose strides and pointers do not count, but whether it has scales and offsets does, by their strides along
// batch or pages, and along keys: 0 of both has one for all keys. With coding.keys > 1 there are open rows of so many sequences. Refuses extents whose bytes no address space has.
inline status count_cache_bytes(scalar_kind kind, const std::array<index_type, 4>& extents, const row_coding& coding, index_type sequences, cache_bytes& result) {
  if (kind < scalar_kind::float32 || kind >= scalar_kind::custom) {
    return error_text(status_code::unsupported, "kind", "a kind of the library's", crestmax::name(kind));
  }
  for (const index_type extent : extents) {
    if (extent < 0) return error(status_code::bad_extent, "extents", "0 or more", extent);
  }
  if (extents[3] % numbers_in_block(kind) != 0) {
    return error(status_code::bad_extent, "extents", "a head_dim that is a multiple of", numbers_in_block(kind), extents[3]);
  }
  if (coding.keys < 1 || coding.group < 0) return error(status_code::bad_option, "coding", "keys of at least 1, and a group", coding.keys < 1 ? coding.keys : coding.group);
  if (sequences < 0) return error(status_code::bad_option, "sequences", "0 or more", sequences);
  bool fits = true;
  const auto product = [&](std::initializer_list<index_type> factors) {
    index_type all = 1;
    for (const index_type factor : factors) fits = !compiler::multiply_overflows(all, factor, all) && fits;
    return all;
  };
  const index_type groups = coding.group == 0 ? 1 : extents[3] / coding.group + (extents[3] % coding.group > 0 ? 1 : 0);
  const auto beside = [&](const coding_numbers& numbers) {
    const bool each = numbers.strides[0] != 0 || numbers.strides[1] != 0;
    return numbers || each ? product({each ? extents[0] : 1, each ? extents[1] / coding.keys : 1, extents[2], groups, size_of(numbers.kind)}) : 0;
  };
  cache_bytes bytes;
  const index_type block = product({extents[3] / numbers_in_block(kind), bytes_of_block(kind), keys_in_block(kind)});
  bytes.rows = product({extents[0], key_blocks_for(kind, extents[1]), extents[2], block});
  bytes.scales = beside(coding.scales);
  bytes.offsets = beside(coding.offsets);
  if (coding.keys > 1) bytes.open = product({sequences, coding.keys - 1, extents[2], extents[3], size_of(coding.open.kind)});
  constexpr index_type most = index_type{1} << 56;
  if (!fits || bytes.rows > most || bytes.scales > most || bytes.offsets > most || bytes.open > most) {
    return error(status_code::too_large, "extents", "bytes up to 2^56 of rows, the first extent", extents[0]);
  }
  result = bytes;
  return success();
}

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
