// How a sequence is cut. A grain is one split of one block: grains decide bits, and follow from the sequence's own shape. An item
// is some neighbouring grains, or a part of the rows of one: items may follow from the batch and from the number of workers.
#pragma once

#include "tensor.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// The lengths of one sequence: all that its bits depend on, of the batch.
struct sequence_shape {
  index_type q_len;
  index_type kv_len;
};

// How one sequence is cut into grains, a split of a block each: this decides bits.
struct sequence_blocks {
  index_type queries_per_block;
  index_type heads_per_block;
  index_type query_blocks;
  index_type head_chunks;  // pieces of a group of heads
  index_type splits;       // of a block's keys

  index_type rows() const { return heads_per_block * queries_per_block; }
  index_type blocks(index_type kv_heads) const { return kv_heads * head_chunks * query_blocks; }
};

// How grains make items, and who takes them: this changes no bit.
struct sequence_items {
  index_type blocks_per_item;  // consecutive blocks; where keys are split they are swept side by side
  index_type splits_per_item;  // consecutive splits of each
  index_type parts;            // that a block's rows are cut into
  index_type rows_per_part;
  index_type rows_per_merge;   // that an item of the last stage merges; 0: whoever does the last split of a block merges it
  index_type cost;             // of an item, in multiply-adds, if no mask hides a key; 0 in a plan for one worker
};

// One sequence of the batch, and where its rows and its items are.
struct plan_sequence : sequence_shape, sequence_blocks, sequence_items {
  index_type query_batch;  // batch index and first row in the tensors: a sequence of its own, or packed with others
  index_type query_begin;
  index_type key_batch;
  index_type key_begin;
  index_type first_block;    // of the first of kv_heads * head_chunks * query_blocks blocks
  index_type first_item;     // of the sequence's items; the dearest items of all come first
  index_type first_partial;  // of its partial states, one for each split of each block
  index_type first_merge;    // of its counts of splits, one for each part of each block
  index_type first_finish;   // of its items of the last stage, where it has some
  index_type first_planes;   // of what its blocks share that read planes, in bytes; -1: they read all planes

  index_type items(index_type kv_heads) const {
    const index_type n = blocks(kv_heads);
    return (n <= blocks_per_item ? (n > 0 ? 1 : 0) : (n + blocks_per_item - 1) / blocks_per_item) * runs() * parts;
  }
  index_type merge_items(index_type kv_heads) const {
    return rows_per_merge == 0 ? 0 : blocks(kv_heads) * ((rows() + rows_per_merge - 1) / rows_per_merge);
  }
  // Items that share the keys of a block, one behind the other.
  index_type runs() const { return splits_per_item >= splits ? 1 : (splits + splits_per_item - 1) / splits_per_item; }
};

// What an item of the last stage merges.
struct merge_range {
  index_type block;
  index_type first_row, rows;  // the block itself may have fewer
};

// What one item does: some splits of some rows of some blocks.
struct item_range {
  index_type sequence;
  index_type first_block, blocks;  // numbers in the plan
  index_type first_split, end_split;
  index_type part;
};

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
