// How a plan groups grains into items for a number of workers. Nothing here decides a bit: only who may work at the same time, and
// what is done twice for it.
#pragma once

#include "planner.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace planner {

// Whoever does not say how many workers there are gets items for so many.
inline constexpr index_type usual_workers = 16;
// Costs are in multiply-adds. Taking a key, whatever rows there are, costs as much as so many rows: packed it is laid out anew, in place
// it comes from memory.
inline constexpr index_type rows_of_packing = 24;
inline constexpr index_type rows_of_packing_for_tiles = 192;  // which multiply a row in an eighth of the time
inline constexpr index_type rows_of_reading = 12;
// What an item and each of its blocks do before the first key and behind the last; and with splits they score these keys first.
inline constexpr index_type cost_of_item = index_type{1} << 16;
inline constexpr index_type cost_of_block = index_type{1} << 17;
inline constexpr index_type keys_of_crest = 48;
// A number of a split's output, from where it is summed to where splits are merged.
inline constexpr index_type cost_of_merged_number = 64;
inline constexpr index_type most_numbers_merged_alone = 1 << 14;

inline constexpr index_type most_cost = index_type{1} << 61;
constexpr index_type add_costs(index_type a, index_type b) { return std::min(most_cost, a + b); }
CRESTMAX_OUT_OF_LINE inline index_type multiply_costs(index_type a, index_type b) {
  index_type product = 0;
  return compiler::multiply_overflows(a, b, product) ? most_cost : std::min(most_cost, product);
}

// Blocks of one item at most. Side by side there is room for the scores of a few.
inline index_type most_blocks_per_item(const plan_rules& h, const sequence_blocks& b) {
  const index_type blocks = std::max<index_type>(1, b.blocks(h.shape.kv_heads));
  if (b.splits == 1) return blocks;
  if (!is_in_place(b) || b.head_chunks > 1 || b.query_blocks > 1) return 1;
  return std::clamp<index_type>(std::min(h.shape.kv_heads, h.tiles.query_block / std::max<index_type>(1, b.rows())), 1, most_joined_blocks);
}

inline sequence_items whole_items(const plan_rules& h, const sequence_blocks& b) {
  return {most_blocks_per_item(h, b), b.splits, 1, std::max<index_type>(1, b.rows()), 0, 0};
}

// Of one item, if no mask hides a key.
inline index_type cost_of(const plan_rules& h, sequence_shape s, const sequence_blocks& b, const sequence_items& items) {
  const index_type split = b.splits == 1 ? s.kv_len : multiply_costs(keys_per_split(h, s.kv_len, b.splits), items.splits_per_item);
  const index_type keys = std::min(s.kv_len, split) + (b.splits > 1 ? keys_of_crest : 0);
  const index_type packing = h.tiles.pairs == pair_product::tiles ? rows_of_packing_for_tiles : rows_of_packing;
  const index_type rows = std::min(b.rows(), items.rows_per_part) + (is_in_place(b) ? rows_of_reading : packing);
  const index_type block = add_costs(multiply_costs(multiply_costs(keys, rows), h.shape.d_qk + h.shape.d_v), cost_of_block);
  return add_costs(multiply_costs(block, items.blocks_per_item), cost_of_item);
}

inline index_type number_of(const plan_rules& h, const sequence_blocks& b, const sequence_items& items) {
  return divide_up(b.blocks(h.shape.kv_heads), items.blocks_per_item) * divide_up(b.splits, items.splits_per_item) * items.parts;
}

// Of a sequence in items as large as they can be.
inline index_type cost_of_sequence(const plan_rules& h, sequence_shape s, const sequence_blocks& b) {
  const sequence_items items = whole_items(h, b);
  return multiply_costs(cost_of(h, s, b, items), number_of(h, b, items));
}

// Calls f(items) for groupings from the coarsest to the finest: runs of splits become shorter, then blocks fewer, then rows.
template <class F>
void for_each_grouping(const plan_rules& h, const sequence_blocks& b, F&& f) {
  sequence_items items = whole_items(h, b);
  const auto each_run = [&] {
    items.splits_per_item = b.splits;
    f(items);
    for (index_type runs = 2; items.splits_per_item > 1; runs *= 2) {
      items.splits_per_item = divide_up(b.splits, std::min(runs, b.splits));
      f(items);
    }
  };
  each_run();
  for (index_type teams = 2, most = items.blocks_per_item; items.blocks_per_item > 1; teams *= 2) {
    items.blocks_per_item = divide_up(most, std::min(teams, most));
    each_run();
  }
  const index_type unit = rows_per_unit(h, b);
  for (index_type parts = 2; items.rows_per_part > unit; ++parts) {
    const index_type rows = round_up(divide_up(b.rows(), parts), unit);
    if (rows >= items.rows_per_part) continue;
    items.rows_per_part = rows;
    items.parts = divide_up(b.rows(), rows);
    f(items);
  }
}

// Rows that an item of the last stage merges, where one worker would take long to merge a whole block.
inline index_type choose_rows_per_merge(const plan_rules& h, const sequence_blocks& b, index_type workers) {
  if (b.splits == 1 || workers == 1 || h.diagnostics || h.row_max) return 0;
  const index_type numbers = multiply_costs(b.splits, h.shape.d_v);
  if (b.rows() <= rows_merged_together || multiply_costs(numbers, b.rows()) <= most_numbers_merged_alone) return 0;
  return round_up(std::max<index_type>(1, most_numbers_merged_alone / 2 / numbers), rows_merged_together);
}

// What the last to come does for the blocks of an item.
inline index_type cost_of_merging(const plan_rules& h, const sequence_blocks& b, const sequence_items& items) {
  if (b.splits == 1 || choose_rows_per_merge(h, b, 2) > 0) return 0;  // or it is the same however items are cut
  const index_type rows = items.blocks_per_item * std::min(b.rows(), items.rows_per_part);
  return multiply_costs(multiply_costs(rows, b.splits), h.shape.d_v * cost_of_merged_number);
}

// What items are for: so many workers, and a batch of this cost.
struct work_to_share {
  index_type workers;
  index_type sequences;
  index_type cost;  // of all sequences
};

// When workers have done the items of all sequences, if these are cut like this one. Query blocks differ by what masks hide of them: a
// sequence is taken to be causal, its last queries come first.
CRESTMAX_OUT_OF_LINE inline index_type end_of(const plan_rules& h, sequence_shape s, const sequence_blocks& b, const sequence_items& items,
                                                      const work_to_share& work) {
  const index_type cost = cost_of(h, s, b, items), of_sequence = std::max<index_type>(1, cost_of_sequence(h, s, b));
  const index_type number = multiply_costs(number_of(h, b, items), std::max<index_type>(1, work.cost / of_sequence));
  const bool are_alike = multiply_costs(of_sequence, work.sequences) == work.cost;
  index_type end = add_costs(multiply_costs(number, cost) / work.workers, cost);
  if (are_alike && (b.query_blocks == 1 || number <= work.workers)) end = multiply_costs(divide_up(number, work.workers), cost);
  else if (b.query_blocks > 1) end -= multiply_costs(end / (2 * s.kv_len + 1), std::min(s.q_len, s.kv_len));
  return add_costs(end, cost_of_merging(h, b, items));
}

// The grouping under which workers end soonest, if each takes the next item when it has done one.
inline sequence_items choose_grouping(const plan_rules& h, sequence_shape s, const sequence_blocks& b, const work_to_share& work) {
  sequence_items best = whole_items(h, b);
  if (h.tiles.whole_call) return best;
  index_type soonest = std::numeric_limits<index_type>::max();
  for_each_grouping(h, b, [&](const sequence_items& items) {
    const index_type end = end_of(h, s, b, items, work);
    if (end > soonest - soonest / 64) return;  // smaller items have to pay
    soonest = end;
    best = items;
  });
  return best;
}

// One worker alone asks for no more than one item of a sequence, and for no order of them.
inline sequence_items choose_items(const plan_rules& h, sequence_shape s, const sequence_blocks& b, const work_to_share& work) {
  if (work.workers == 1) return whole_items(h, b);
  sequence_items items = choose_grouping(h, s, b, work);
  items.rows_per_merge = choose_rows_per_merge(h, b, work.workers);
  items.cost = cost_of(h, s, b, items);
  return items;
}

// Whether the items of one sequence come before those of another: dear ones first, so that workers end together.
inline bool comes_first(std::span<const plan_sequence> sequences, index_type a, index_type b) {
  const index_type cost_a = sequences[static_cast<std::size_t>(a)].cost, cost_b = sequences[static_cast<std::size_t>(b)].cost;
  return cost_a != cost_b ? cost_a > cost_b : a < b;
}

// Numbers the items of a plan whose sequences are known, and puts these in order: they come in that of the batch. A heap is the sort that
// compiles quickest.
inline void number_items(std::span<plan_sequence> sequences, std::span<index_type> order, index_type kv_heads) {
  const auto first = [&](index_type a, index_type b) { return comes_first(sequences, a, b); };
  if (!std::is_sorted(order.begin(), order.end(), first)) {
    std::make_heap(order.begin(), order.end(), first);
    std::sort_heap(order.begin(), order.end(), first);
  }
  index_type items = 0;
  for (const index_type i : order) {
    plan_sequence& s = sequences[static_cast<std::size_t>(i)];
    s.first_item = items;
    items += s.items(kv_heads);
  }
}

// Whether that is what number_items() would leave, of sequences that are known to be right but for their first items.
inline bool are_items_numbered(std::span<const plan_sequence> sequences, std::span<const index_type> order, index_type kv_heads) {
  const index_type count = std::ssize(sequences);
  index_type items = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i] < 0 || order[i] >= count || (i > 0 && !comes_first(sequences, order[i - 1], order[i]))) return false;
    const plan_sequence& s = sequences[static_cast<std::size_t>(order[i])];
    if (s.first_item != items) return false;
    items += s.items(kv_heads);
  }
  return true;
}

}  // namespace planner

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
