// Runs plans on any number of workers, in thought: each takes the next item of a stage when it has done one.
#pragma once

#include <functional>
#include <map>
#include <numeric>
#include <queue>

#include "costs.hpp"
#include "shapes.hpp"

namespace crestmax_simulator {

// What costs are not in the table, in nanoseconds.
struct surroundings {
  double per_item = 300;       // a counter that others change as well, and the call
  double per_merge = 500;      // an item that merges, beside its numbers
  double per_barrier = 2000;   // of a stage that more than one worker runs; waking among it
  bool told = true;            // plans know how many workers there are
};

// A plan in its own memory.
struct simulated_plan {
  std::vector<std::uint64_t> memory;
  crestmax::plan plan;

  simulated_plan(const call_shape& s, const cost_table& costs, int workers_told) : memory(crestmax::plan::bytes(std::ssize(s.queries)) / 8) {
    constexpr auto kind = crestmax::scalar_kind::bfloat16;
    const crestmax::problem p{.sequences = std::ssize(s.queries), .q_heads = s.heads.q_heads, .kv_heads = s.heads.kv_heads, .d_qk = s.heads.d_qk,
                              .d_v = s.heads.d_v, .query_kind = kind, .key_kind = kind, .value_kind = kind, .output_kind = kind,
                              .workers = workers_told};
    crestmax::sequence_lengths lengths;
    lengths.query_lengths = s.queries;
    lengths.key_lengths = s.keys;
    const crestmax::status made = crestmax::write_plan<float>(lengths.with_longest(p), {}, lengths, measured_backend{&costs},
                                                              std::as_writable_bytes(std::span(memory)), plan);
    if (!made.ok()) {
      std::fprintf(stderr, "%s: %s\n", s.name.c_str(), made.message());
      std::abort();
    }
  }
};

class simulation {
 public:
  simulation(const call_shape& shape, const cost_table& costs, int workers, const surroundings& around = {})
      : shape_(shape), costs_(costs), workers_(workers), around_(around), planned_(shape, costs, around.told ? workers : 0) {
    for (index_type stage = 0; stage < plan().stages(); ++stage) run_stage(stage);
  }

  double nanoseconds() const { return now_; }
  const crestmax::plan& plan() const { return planned_.plan; }

 private:
  struct key_range {
    index_type begin, end;
    double overlap(index_type first, index_type last) const {
      return static_cast<double>(std::max<index_type>(0, std::min(end, last) - std::max(begin, first)));
    }
  };
  struct running {
    double end;
    index_type item;
    bool merges;
    bool operator>(const running& other) const { return end > other.end || (end <= other.end && item > other.item); }
  };

  // The keys that a block reaches.
  key_range keys_of(const crestmax::plan_sequence& s, index_type block) const {
    if (!shape_.causal) return {0, s.kv_len};
    const index_type query_block = s.query_blocks - 1 - (block - s.first_block) / (shape_.heads.kv_heads * s.head_chunks);
    const index_type first = query_block * s.queries_per_block, last = std::min(first + s.queries_per_block, s.q_len) - 1;
    const index_type offset = s.kv_len - s.q_len;
    const index_type begin = shape_.heads.window > 0 ? std::max<index_type>(0, first + offset - shape_.heads.window + 1) : 0;
    return {begin, last + offset + 1};
  }
  index_type rows_of(const crestmax::plan_sequence& s, index_type block, index_type part) const {
    return std::clamp<index_type>(rows_of(s, block) - part * s.rows_per_part, 0, s.rows_per_part);
  }
  index_type rows_of(const crestmax::plan_sequence& s, index_type block) const {
    const index_type within = block - s.first_block, heads = shape_.heads.kv_heads * s.head_chunks;
    const index_type query_block = s.query_blocks - 1 - within / heads;
    const index_type queries = std::min(s.queries_per_block, s.q_len - query_block * s.queries_per_block);
    const index_type group = shape_.heads.q_heads / shape_.heads.kv_heads;
    return queries * std::min(s.heads_per_block, group - within % heads % s.head_chunks * s.heads_per_block);
  }

  double cost_of(const crestmax::item_range& item) const {
    const crestmax::plan_sequence& s = plan().sequences()[static_cast<std::size_t>(item.sequence)];
    const index_type split = s.splits == 1 ? s.kv_len : crestmax::planner::keys_per_split(plan().header(), s.kv_len, s.splits);
    double sum = 0;
    for (index_type block = item.first_block; block < item.first_block + item.blocks; ++block) {
      const index_type rows = rows_of(s, block, item.part);
      if (rows == 0) continue;
      const grain_cost cost = costs_.of(shape_.heads.d_qk, shape_.heads.d_v, rows);
      sum += cost.start + cost.per_key * keys_of(s, block).overlap(item.first_split * split, item.end_split * split);
      // Merging comes last; half of what a split costs beside its keys is taken to be that.
      if (s.splits > 1) sum += cost.per_split / 2 * static_cast<double>(item.end_split - item.first_split);
    }
    return sum;
  }
  double cost_of_merging(const crestmax::plan_sequence& s, index_type block, index_type part) const {
    const index_type rows = rows_of(s, block, part);
    return rows == 0 ? 0 : costs_.of(shape_.heads.d_qk, shape_.heads.d_v, rows).per_split / 2 * static_cast<double>(s.splits);
  }

  // Of some rows of a block, in a stage of its own.
  double cost_of_finishing(index_type number) const {
    const crestmax::merge_range merged = plan().merge_item(number);
    const crestmax::plan_sequence& s = plan().sequences()[static_cast<std::size_t>(plan().sequence_of_block(merged.block))];
    const index_type all = rows_of(s, merged.block);
    const index_type rows = std::clamp<index_type>(all - merged.first_row, 0, merged.rows);
    if (rows == 0) return around_.per_merge;
    const double whole = costs_.of(shape_.heads.d_qk, shape_.heads.d_v, all).per_split / 2 * static_cast<double>(s.splits);
    return around_.per_merge + whole * static_cast<double>(rows) / static_cast<double>(all);
  }
  double cost_of(index_type stage, index_type item) const {
    return plan()->stage[stage] == crestmax::plan_stage::finish ? cost_of_finishing(item) : cost_of(plan().item(item));
  }

  void run_stage(index_type stage) {
    std::priority_queue<running, std::vector<running>, std::greater<>> busy;
    std::map<std::pair<index_type, index_type>, index_type> done;  // splits of a part of a block
    const double begin = now_;
    index_type next = 0;
    const index_type items = plan().items(stage);
    const auto take_next = [&](double at) {
      if (next < items) {
        busy.push({at + around_.per_item + cost_of(stage, next), next, false});
        ++next;
      }
    };
    for (int worker = 0; worker < workers_; ++worker) take_next(begin);
    while (!busy.empty()) {
      const running one = busy.top();
      busy.pop();
      now_ = std::max(now_, one.end);
      if (plan()->stage[stage] == crestmax::plan_stage::finish) {
        take_next(one.end);
        continue;
      }
      const crestmax::item_range item = plan().item(one.item);
      const crestmax::plan_sequence& s = plan().sequences()[static_cast<std::size_t>(item.sequence)];
      double merging = 0;
      for (index_type block = item.first_block; s.splits > 1 && s.rows_per_merge == 0 && !one.merges && block < item.first_block + item.blocks; ++block) {
        index_type& splits = done[{block, item.part}];
        splits += item.end_split - item.first_split;
        if (splits == s.splits) merging += cost_of_merging(s, block, item.part);
      }
      if (merging > 0) busy.push({one.end + merging, one.item, true});
      else take_next(one.end);
    }
    if (workers_ > 1) now_ += around_.per_barrier;
  }

  const call_shape& shape_;
  const cost_table& costs_;
  int workers_;
  surroundings around_;
  simulated_plan planned_;
  double now_ = 0;
};

// The share of workers' time that one worker alone would need as well.
inline double efficiency(const call_shape& shape, const cost_table& costs, int workers, double alone, const surroundings& around = {}) {
  return alone / (workers * simulation(shape, costs, workers, around).nanoseconds());
}

}  // namespace crestmax_simulator
