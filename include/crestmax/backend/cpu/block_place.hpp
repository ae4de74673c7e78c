// Which queries, heads and keys a block of a plan is about.
#pragma once

#include "../../plan.hpp"
#include "runs.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

struct block_place {
  index_type sequence;  // its number
  index_type kv_head;
  index_type first_head, heads;
  index_type first_query, queries;
};

CRESTMAX_OUT_OF_LINE inline block_place place_of_block(const plan& p, index_type number) {
  block_place at{};
  at.sequence = p.sequence_of_block(number);
  const plan_sequence& s = p.sequences()[static_cast<std::size_t>(at.sequence)];
  const index_type group = p->shape.group();
  const index_type within = number - s.first_block;
  const index_type heads_total = p->shape.kv_heads * s.head_chunks;
  // The last queries see the most keys in a causal call: they go first, so that workers end together.
  const index_type query_block = s.query_blocks - 1 - within / heads_total;
  const index_type head = within % heads_total;
  at.kv_head = head / s.head_chunks;
  at.first_head = at.kv_head * group + (head % s.head_chunks) * s.heads_per_block;
  at.heads = std::min(s.heads_per_block, at.kv_head * group + group - at.first_head);
  at.first_query = query_block * s.queries_per_block;
  at.queries = std::min(s.queries_per_block, s.q_len - at.first_query);
  return at;
}

// The keys, or the values, of that block.
inline void aim(source_rows& rows, const block_place& at, const plan_sequence& s) {
  rows.sequence = at.sequence;
  rows.kv_head = at.kv_head;
  rows.kv_len = s.kv_len;
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
