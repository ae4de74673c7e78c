// Puts new keys, or new values, into a cache, as attention() reads it:
//
//   crestmax::status append(rows, cache, slots, options, executor)
//
// rows (tokens, kv_heads, d) of float32, float64, float16 or bfloat16, any strides, innermost contiguous; cache (pages, page_size, kv_heads, d) or
// (batch, kv_len, kv_heads, d) of numbers or of an encoding, keys and values each with a call of their own. Token t goes to row slots[t] % extent 1
// of page slots[t] / extent 1; a negative slot is left out. Slots differ: where two are the same, either token may be there, or a part of each.
// Options and the executor may be left out. Time: O(numbers); memory: 50 KB on the stack of whoever runs an item; nothing is allocated, no thread started.
//
// What is written, for finite numbers:
//   ggml's kinds          the bytes of ggml's own quantize_row_*_ref, whatever the instruction set. iq4_nl: scales and codes of no larger squared error
//   float32 to bfloat16   to the nearest, halves to even; overflow to infinity
//   int8                  scale = largest / 127; codes to the nearest, halves to even
//   uint8, uint4          least and largest number of the group: minimum = least, rounded down, scale = (largest - minimum) / 255 (15); or zero point =
//                         -least / scale, scale at least the largest size * 2^-24 (float16 zero points 2^-11, bfloat16 2^-8), so that a zero point can
//                         tell neighbouring codes apart
//   float8                scale = largest / 448 (e4m3), 57344 (e5m2)
//   planes16              minimum = least - margin, scale = (largest + margin - minimum) / 65535, both rounded outwards; margin = (largest - least) / 30
// Codes are chosen with scales and offsets as they are stored. Where their stride along keys is 0 they are the caller's: codes saturate, float8's at the
// largest number, int8's at -128 and 127. Without scales they are 1. A group of zeros has the scale 0; so have sizes too small for a scale of 2^-126,
// or for a float16 one. Computed scales and offsets saturate at the largest number of their kind.
//
// NaN and infinities: float caches hold them. A block of ggml's, or a group whose scale is computed, that has one reads as NaN, and no other does. With
// scales of the caller's float8 keeps NaN, infinities saturate; integers have no NaN: it becomes the largest code.
//
// Scales and offsets that are computed are each head's own. Blocks of keys (coding.keys > 1, at most 256, with coding.group = 1: a scale for each channel of a block, for instance uint8 or uint4 with offsets, planes16): new tokens
// become rows of coding.open; the last token of a block encodes it, out of the numbers that open rows hold, so it makes no difference in how many calls its tokens
// come. options.sequence_of rises, and tokens of a sequence stand in their order. NaN and infinities are NaN and infinities while their block is open; in an encoded block they
// have no part in its scales, and saturate (float8: NaN stays). planes16 by channel has none: numbers beyond what open rows hold, NaN and infinities
// are refused with status_code::bad_option, and nothing is written. truncate() takes a sequence back into an encoded block: it decodes what is left of it
// into open rows, at the price of the encoding's error: each number is then off by up to half a step of its channel's scale, and is encoded again from there.
//
// Engines that own their threads: attach_append(), then for each stage run() for every item, and a barrier.
#pragma once

#include <algorithm>

#include "append/cache_bytes.hpp"
#include "append/pages.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// A call of append() that has been checked. Rows, cache, slots and what options point to must outlive it.
//
//   for each stage: run(stage, item, worker) for every item, then a barrier
//
// Items of a stage are independent, and make the same bytes in any order. An item that there is not is not run.
class append_call {
 public:
  append_call(const token_rows& rows, const tensor_view& cache, std::span<const std::int64_t> slots, const append_options& o)
      : rows_(rows), cache_(cache), slots_(slots), options_(o), ready_(check()) {}

  // ok, or what is wrong: then there are no stages.
  const status& ready() const { return ready_; }
  index_type stages() const { return !ready_.ok() ? 0 : in_blocks() ? 2 : 1; }
  index_type items(index_type stage) const {
    return stage < 0 || stage >= stages() || is_empty() ? 0 : (rows_.extents[0] + tokens_of_item() - 1) / tokens_of_item();
  }

  void run(index_type stage, index_type item, int) const {
    if (item < 0 || item >= items(stage)) return;
    const default_float_state state;
    const index_type first = item * tokens_of_item();
    const index_type last = rows_.extents[0] - first < tokens_of_item() ? rows_.extents[0] : first + tokens_of_item();
    if (!in_blocks()) write_rows(first, last);
    else if (stage == 0) encode_blocks(first, last);
    else open_tokens(first, last);
  }

 private:
  bool in_blocks() const { return options_.coding.keys > 1; }
  // Of no numbers: pointers may be anything, extents of any product.
  bool is_empty() const { return std::find(cache_.extents.begin(), cache_.extents.end(), 0) != cache_.extents.end(); }
  const cpu::number_encoder& encoder() const { return cpu::encoder_of(options_.most); }

  status check() const {
    validate::touched_memory memory;
    if (status s = check_rows(memory); !s.ok()) return s;
    if (status s = validate::check_written_cache(cache_, options_.coding, options_.sequences, memory); !s.ok()) return s;
    if (rows_.extents[1] != cache_.extents[2]) {
      return error(status_code::mismatch, "rows", "kv_heads (those of cache)", cache_.extents[2], rows_.extents[1]);
    }
    if (rows_.extents[2] != cache_.extents[3]) {
      return error(status_code::mismatch, "rows", "head_dim (that of cache)", cache_.extents[3], rows_.extents[2]);
    }
    if (status s = validate::check_slots("slots", slots_, rows_.extents[0], cache_); !s.ok()) return s;
    const auto words = [](const char* name, const auto& array) {
      const auto size = static_cast<index_type>(sizeof array[0]);
      return validate::byte_tensor{name, array.data(), size, {1, 1, 1, static_cast<index_type>(array.size())}, {0, 0, 0, size}};
    };
    memory.add(words("slots", slots_), false);
    if (in_blocks()) {
      if (status s = validate::check_order(slots_, options_.sequence_of, options_.sequences, cache_.extents[1], options_.coding.keys); !s.ok()) return s;
      memory.add(words("sequence_of", options_.sequence_of), false);
    }
    if (status s = memory.check_apart(); !s.ok() || !in_blocks() || cache_.kind != scalar_kind::planes16 || is_empty()) return s;
    return validate::check_finite_rows(rows_, slots_, cpu::largest_stored(options_.coding.open.kind), encoder());
  }
  status check_rows(validate::touched_memory& memory) const {
    if (rows_.kind < scalar_kind::float32 || is_encoded(rows_.kind)) {
      return error_text(status_code::unsupported, "rows", "rows of numbers", crestmax::name(rows_.kind));
    }
    validate::byte_tensor part;
    const auto& e = rows_.extents;
    const auto& s = rows_.strides;
    if (status bad = validate::check_bytes("rows", rows_.data, rows_.kind, {1, e[0], e[1], e[2]}, {0, s[0], s[1], s[2]}, true, false, part); !bad.ok()) return bad;
    memory.add(part, false);
    return success();
  }

  static constexpr index_type bytes_ahead = 1 << 12;  // bytes of rows

  // So many that an item is worth a thread's while.
  index_type tokens_of_item() const {
    constexpr index_type numbers = 1 << 15;
    const index_type in_token = rows_.extents[1] * rows_.extents[2];
    const index_type tokens = (numbers + in_token - 1) / in_token;
    return in_blocks() && tokens < options_.coding.keys ? options_.coding.keys : tokens;
  }

  const std::byte* row(index_type token, index_type head) const { return appending::row_of(rows_, token, head); }
  index_type page_of(index_type slot) const { return slot / cache_.extents[1]; }
  index_type key_of(index_type slot) const { return slot % cache_.extents[1]; }

  void write_rows(index_type first, index_type last) const {
    appending::row_writer writer(cache_, options_.coding, encoder());
    const index_type heads = rows_.extents[1], length = rows_.extents[2];
    const index_type in_cache = is_encoded(cache_.kind) ? row_bytes_of(cache_.kind, length) : length;
    const bool as_one = writer.joins_heads() && rows_.strides[1] == length && cache_.strides[2] == in_cache;
    const index_type ahead = 1 + bytes_ahead / (heads * length * size_of(rows_.kind) + 1);
    const index_type head_bytes = heads < 2 ? 0 : rows_.strides[1] * size_of(rows_.kind);  // a stride of one head may be anything
    for (index_type t = first; t < last; ++t) {
      const index_type slot = slots_[bound(t)];
      if (slot < 0) continue;
      const index_type next = t + ahead < last && slots_[bound(t + ahead)] >= 0 ? t + ahead : t;
      if (writer.takes_tokens()) {
        writer.write_token(places_of(t, 0), rows_.kind, head_bytes, places_of(next, 0));
        continue;
      }
      for (index_type head = 0; head < (as_one ? 1 : heads); ++head) {
        writer.write(places_of(t, head), rows_.kind, as_one ? heads * length : length, places_of(next, head));
      }
    }
  }
  appending::row_places places_of(index_type t, index_type head) const {
    return {row(t, head), page_of(slots_[bound(t)]), key_of(slots_[bound(t)]), head};
  }

  // Whether token `other` is in the block of token t, so many keys behind it.
  bool is_behind(index_type t, index_type other) const {
    return other >= 0 && other < rows_.extents[0] && slots_[bound(other)] == slots_[bound(t)] + other - t &&
           options_.sequence_of[bound(other)] == options_.sequence_of[bound(t)];
  }
  index_type place_in_block(index_type t) const { return key_of(slots_[bound(t)]) % options_.coding.keys; }

  // The blocks whose last token is one of these, out of tokens of this call, and before them of open rows, which nobody writes meanwhile.
  void encode_blocks(index_type first, index_type last) const {
    const row_coding& coding = options_.coding;
    appending::block_encoder blocks(cache_, coding, encoder());
    for (index_type t = first; t < last; ++t) {
      const index_type slot = slots_[bound(t)];
      if (slot < 0 || place_in_block(t) != coding.keys - 1) continue;
      index_type given = 1;
      while (given < coding.keys && is_behind(t, t - given)) ++given;
      for (index_type head = 0; head < rows_.extents[1]; ++head) {
        blocks.encode(page_of(slot), key_of(slot) / coding.keys, head, [&](index_type key, scalar_kind& kind) -> const std::byte* {
          if (key < coding.keys - given) return appending::open_place(coding.open, options_.sequence_of[bound(t)], key, head);
          kind = rows_.kind;
          return row(t - (coding.keys - 1 - key), head);
        });
      }
    }
  }

  // The tokens whose block goes on after this call.
  void open_tokens(index_type first, index_type last) const {
    const row_coding& coding = options_.coding;
    appending::row_numbers numbers(encoder());
    for (index_type t = first; t < last; ++t) {
      if (slots_[bound(t)] < 0 || is_behind(t, t + coding.keys - 1 - place_in_block(t))) continue;
      for (index_type head = 0; head < rows_.extents[1]; ++head) {
        appending::write_open(coding, encoder(), numbers, row(t, head), rows_.kind, rows_.extents[2],
                              appending::open_place(coding.open, options_.sequence_of[bound(t)], place_in_block(t), head));
      }
    }
  }

  token_rows rows_;
  tensor_view cache_;
  std::span<const std::int64_t> slots_;
  append_options options_;
  status ready_;
};

// Everything that can be wrong is found here: see append_call::ready(). The views may be tensors, or of kinds that are known at run time; a
// tensor_view's memory is written.
inline append_call attach_append(const token_rows& rows, const tensor_view& cache, std::span<const std::int64_t> slots, const append_options& o = {}) {
  return {rows, cache, slots, o};
}

// See the top of this file.
template <executor Executor = const serial>
status append(const token_rows& rows, const tensor_view& cache, std::span<const std::int64_t> slots, const append_options& o = {},
              Executor&& run_on = serial{}) {
  return crestmax::run_stages(crestmax::attach_append(rows, cache, slots, o), run_on);
}
template <executor Executor>
status append(const token_rows& rows, const tensor_view& cache, std::span<const std::int64_t> slots, Executor&& run_on) {
  return crestmax::append(rows, cache, slots, append_options{}, run_on);
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
