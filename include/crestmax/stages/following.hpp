// What the block after the one in hand takes first, asked for while the last of this one is multiplied: a short sequence is over
// before memory has answered.
#pragma once

#include "../backend/cpu/block.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// What all blocks of a call touch is likely to be in the second cache if it is no more than this.
inline constexpr index_type most_bytes_in_cache = 1 << 20;

// The block to ask for while this one, of a sequence, is in hand: the next one, if asking is likely to pay.
inline index_type following_block(const plan_header& h, const plan_sequence& s, index_type number) {
  const index_type numbers = (s.rows() + s.kv_len) * (h.shape.d_qk + h.shape.d_v);
  const bool is_cached = numbers * size_of(h.compute) * h.blocks <= most_bytes_in_cache;
  return s.parts > 1 || number + 1 >= h.blocks || is_cached ? no_block : number + 1;
}

// Whether a block that is swept for the first time is done with this tile, and another is to be asked for: where that costs its register
// tiles next to nothing. Tiles multiply faster than that many lines can be asked for.
template <class T>
bool ends_with(const block<T>& b, const tile_keys& tile) {
  return b.following != no_block && tile.first + tile.count >= b.view.keys.end && !b.redo.careful && !b.redo.finite_only &&
         b.operands.packed->takes_rows && !b.operands.packed->turns_slowly;
}

// The rows of a block in a tensor of queries or outputs, head by head.
template <class T>
void list_rows(block<T>& b, const tensor_view& of, const block_place& at, const plan_sequence& s, index_type length) {
  const index_type size = size_of(of.kind);
  for (index_type head = at.first_head; head < at.first_head + at.heads; ++head) {
    const index_type first = s.query_batch * of.strides[0] + (s.query_begin + at.first_query) * of.strides[1] + head * of.strides[2];
    b.operands.ahead.add(static_cast<const std::byte*>(of.data) + first * size, at.queries, of.strides[1] * size, length * size);
  }
}

// The first tile of keys that the next block may see, its queries, and where its outputs go.
template <class T>
void list_following(block<T>& b) {
  const call_data<T>& call = *b.call;
  const block_place at = place_of_block(call.plan, b.following);
  const plan_sequence& s = call.plan.sequences()[static_cast<std::size_t>(at.sequence)];
  const index_type offset = s.kv_len - s.q_len, first = at.first_query + offset;
  if (s.kv_len > 0) {
    const modifier_view<T>& m = call.modifiers;
    const key_interval seen =
        m.reachable(m.context, {at.sequence, at.first_head, first, first + at.queries - 1, offset, 0, s.kv_len - 1, 1});
    const index_type begin = std::max<index_type>(0, seen.begin);
    for (source_rows rows : {b.operands.key_rows, b.operands.value_rows}) {
      aim(rows, at, s);
      b.operands.ahead.add(rows, {begin, std::min({seen.end, s.kv_len, begin + b.plan->tiles.key_tile})});
    }
  }
  list_rows(b, call.query, at, s, b.plan->shape.d_qk);
  list_rows(b, call.output, at, s, b.plan->shape.d_v);
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
