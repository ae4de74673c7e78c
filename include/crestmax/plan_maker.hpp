// Makes a plan in memory, or makes it again and compares: both see a header and sequences as they are produced, and nothing
// is allocated.
#pragma once

#include <new>

#include "items.hpp"
#include "planes_memory.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// Lengths of each sequence, as spans that may be empty (see options). They have been checked.
struct sequence_lengths : ragged_lengths {
  // The problem with the lengths of the longest sequence, whatever the spans hold.
  problem with_longest(problem p) const {
    const auto longest = [](std::span<const std::int32_t> lengths, std::span<const std::int32_t> offsets, index_type& n) {
      if (lengths.empty() && offsets.empty()) return;
      n = 0;
      for (const std::int32_t length : lengths) n = std::max<index_type>(n, length);
      if (!lengths.empty()) return;
      for (std::size_t i = 1; i < offsets.size(); ++i) n = std::max<index_type>(n, index_type{offsets[i]} - offsets[i - 1]);
    };
    longest(query_lengths, query_offsets, p.q_len);
    longest(key_lengths, key_offsets, p.kv_len);
    return p;
  }

  plan_sequence at(index_type sequence, const problem& p) const {
    const auto i = static_cast<std::size_t>(sequence);
    plan_sequence s{};
    s.q_len = q_len_of(sequence, p.q_len);
    s.kv_len = kv_len_of(sequence, p.kv_len);
    s.query_batch = query_offsets.empty() ? sequence : 0;
    s.query_begin = query_offsets.empty() ? 0 : query_offsets[i];
    s.key_batch = key_offsets.empty() ? sequence : 0;
    s.key_begin = key_offsets.empty() ? 0 : key_offsets[i];
    return s;
  }
};

// A plan in the making: the rules first, then one sequence after the other, then what follows from all of them.
class plan_maker {
 public:
  plan_maker(const problem& p, const sequence_lengths& lengths, const plan_rules& rules) : problem_(p), lengths_(lengths) {
    static_cast<plan_rules&>(header_) = rules;
    static_cast<plan_identity&>(header_) = identity_of_plans(plan::bytes(p.sequences));
    header_.sequences = p.sequences;
    header_.block_capacity = rules.tiles.query_block;
    header_.max_splits = 1;
    header_.workers = std::max(0, p.workers);
    header_.workers_inverted = ~header_.workers;
    work_ = {header_.workers > 0 ? header_.workers : planner::usual_workers, p.sequences, 0};
    for (index_type i = 0; work_.workers > 1 && i < p.sequences; ++i) {
      const sequence_shape s = lengths_.at(i, problem_);
      const sequence_blocks b = planner::decide_blocks(header_, s);
      if (planner::can_be_counted(header_, b)) work_.cost = planner::add_costs(work_.cost, planner::cost_of_sequence(header_, s, b));
    }
  }

  // Sequence i, after all before it. Fails where a plan would count further than 2^40.
  status next(index_type i, plan_sequence& s) {
    s = lengths_.at(i, problem_);
    static_cast<sequence_blocks&>(s) = planner::decide_blocks(header_, s);
    const auto too_many = [&] {
      return error(status_code::bad_extent, "query", "rows of at most 2^40 query blocks and splits; q_len", s.q_len);
    };
    if (!planner::can_be_counted(header_, s)) return too_many();  // nor can its items be
    static_cast<sequence_items&>(s) = planner::choose_items(header_, s, s, work_);
    const bool by_planes = planner::reads_planes(header_, s, s);
    if (by_planes) s.rows_per_merge = 0;  // blocks are finished whole
    const index_type heads = header_.shape.kv_heads;
    const double all = static_cast<double>(heads) * static_cast<double>(s.head_chunks) * static_cast<double>(s.query_blocks) *
                       static_cast<double>(s.splits) * static_cast<double>(s.parts);
    if (static_cast<double>(header_.blocks) + static_cast<double>(partials_) + static_cast<double>(items_) + all >
        static_cast<double>(planner::largest_extent)) {
      return too_many();
    }
    s.first_block = header_.blocks;
    s.first_partial = partials_;
    s.first_merge = header_.merges;
    s.first_finish = finishes_;
    finishes_ += s.merge_items(header_.shape.kv_heads);
    header_.blocks += s.blocks(heads);
    items_ += s.items(heads);
    header_.q_len = std::max(header_.q_len, s.q_len);
    header_.kv_len = std::max(header_.kv_len, s.kv_len);
    header_.block_capacity = std::max(header_.block_capacity, planner::block_rows_of(header_, s));
    header_.max_splits = std::max(header_.max_splits, s.splits);
    s.first_planes = -1;
    if (by_planes) {
      s.first_planes = static_cast<index_type>(planes_bytes_.value());
      planes_bytes_ = planes_bytes_ + memory_size(static_cast<std::uint64_t>(s.blocks(heads))) * planes_memory::of(header_.shape, s, s).bytes();
    }
    if (s.splits > 1) {
      partials_ += s.blocks(heads) * s.splits;
      header_.merges += s.blocks(heads) * s.parts;
      header_.split_rows = std::max(header_.split_rows, s.rows());
    }
    return success();
  }

  // The header, once all sequences are known.
  template <class T, class Backend>
  const plan_header& finish(const Backend& backend) {
    plan_header& h = header_;
    const auto add_stage = [&](plan_stage stage, index_type items) {
      h.stage[h.stages] = stage;
      h.items[h.stages++] = items;
    };
    if (!h.tiles.whole_call) {
      const bool splits = h.max_splits > 1;
      if (splits && planner::has_crest_stage(h)) add_stage(plan_stage::crest, h.blocks);
      add_stage(splits ? plan_stage::sweep : plan_stage::whole, items_);
      if (finishes_ > 0) add_stage(plan_stage::finish, finishes_);
      if (planes_bytes_.value() > 0) {
        add_stage(plan_stage::choose, h.blocks);
        add_stage(plan_stage::refine, items_);
      }
    }
    if (h.max_splits > 1) {
      const std::size_t partial_bytes = backend.template shared_bytes<T>(h, partials_);
      h.merges_at = static_cast<index_type>(partial_bytes);
      h.workspace.shared = (memory_size(partial_bytes) + memory_size(static_cast<std::uint64_t>(h.merges)) * memory_size(merge_counts::word_bytes))
                               .rounded_up(workspace_size::alignment).value();
    } else if (h.tiles.whole_call) {
      h.workspace.shared = backend.template shared_bytes<T>(h, partials_);
    }
    h.planes_at = static_cast<index_type>(h.workspace.shared);
    h.workspace.shared = (memory_size(h.workspace.shared) + planes_bytes_).value();
    h.workspace.per_worker = backend.template worker_bytes<T>(h);
    for (const index_type items : h.items) h.workspace.most_items = std::max(h.workspace.most_items, items);
    return h;
  }

 private:
  problem problem_;
  sequence_lengths lengths_;
  plan_header header_{};
  planner::work_to_share work_{};
  index_type items_ = 0;
  index_type partials_ = 0;
  index_type finishes_ = 0;
  memory_size planes_bytes_{0};
};

// Makes a plan; `each(i, sequence)` sees its sequences in order. T is the compute type. Time: O(sequences).
template <class T, class Backend, class Each>
status produce_plan(const problem& p, const options& o, const sequence_lengths& lengths, const Backend& backend,
                    plan_header& header, Each&& each) {
  constexpr scalar_kind compute = std::is_same_v<T, double> ? scalar_kind::float64 : scalar_kind::float32;
  if (status s = planner::check_problem(p); !s.ok()) return s;
  if (status s = backend.available(p, o); !s.ok()) return s;
  if (status s = planner::check_options(o, compute); !s.ok()) return s;
  if (status s = planner::check_planes(p, o); !s.ok()) return s;
  const head_shape heads = p.heads();
  plan_maker maker(p, lengths, planner::decide_rules(heads, backend.template geometry<T>(heads), compute, p.row_max, o));
  for (index_type i = 0; i < p.sequences; ++i) {
    plan_sequence sequence;
    if (status s = maker.next(i, sequence); !s.ok()) return s;
    each(i, sequence);
  }
  header = maker.template finish<T>(backend);
  return memory_size(header.workspace.total(1)).is_too_large() ? too_large() : success();
}

namespace planner {

// Memory for the plan of so many sequences.
inline status check_plan_memory(std::span<const std::byte> memory, index_type sequences) {
  constexpr index_type alignment = plan::alignment;
  const auto needed = static_cast<index_type>(plan::bytes(sequences));
  const auto given = static_cast<index_type>(memory.size());
  if (given < needed) return error(status_code::workspace_too_small, "plan memory", "bytes, at least", needed, given);
  if (memory.data() == nullptr) return error_text(status_code::null_pointer, "plan memory", "a pointer", "null");
  const auto off = static_cast<index_type>(reinterpret_cast<std::uintptr_t>(memory.data()) % alignment);
  if (off != 0) return error(status_code::misaligned, "plan memory", "an alignment of", alignment, off);
  return success();
}

// What of two headers differs, in the order of what a caller would look at first.
inline status name_difference(const plan_header& made, const plan_header& asked) {
  const struct { const char* what; index_type made; index_type asked; } numbers[] = {
      {"sequences planned for:", made.sequences, asked.sequences},
      {"q_len planned for:", made.q_len, asked.q_len},
      {"kv_len planned for:", made.kv_len, asked.kv_len},
      {"q_heads planned for:", made.shape.q_heads, asked.shape.q_heads},
      {"kv_heads planned for:", made.shape.kv_heads, asked.shape.kv_heads},
      {"d_qk planned for:", made.shape.d_qk, asked.shape.d_qk},
      {"d_v planned for:", made.shape.d_v, asked.shape.d_v},
      {"kernels planned for:", made.tiles.kernels, asked.tiles.kernels},
      {"a workspace for this call and device, shared bytes planned for:", static_cast<index_type>(made.workspace.shared),
       static_cast<index_type>(asked.workspace.shared)}};
  for (const auto& n : numbers) {
    if (n.made != n.asked) return error(status_code::mismatch, "plan", n.what, n.made, n.asked);
  }
  const auto same = [](const auto& a, const auto& b) { return std::memcmp(&a, &b, sizeof a) == 0; };
  const struct { const char* what; bool same; } parts[] = {
      {"its element types", same(made.shape, asked.shape) && made.compute == asked.compute},
      {"its tiles", same(made.tiles, asked.tiles) && made.forced_splits == asked.forced_splits},
      {"its scale", same(made.scale, asked.scale)},
      {"its method", made.method == asked.method && same(made.threshold, asked.threshold)},
      {"its coverage", made.coverage == asked.coverage && same(made.tau, asked.tau) && same(made.lipschitz, asked.lipschitz) &&
                            made.by_planes == asked.by_planes && made.planes == asked.planes && same(made.tolerance, asked.tolerance)},
      {"its weights", made.weights == asked.weights && made.weights_in_place == asked.weights_in_place},
      {"its products", made.products == asked.products},
      {"its margin", made.margin_exponent == asked.margin_exponent},
      {"its sample", made.stride == asked.stride && made.radius == asked.radius && made.windows == asked.windows},
      {"its anchors", made.first_keys == asked.first_keys && made.nearest_keys == asked.nearest_keys},
      {"its guard_limit", same(made.guard_limit, asked.guard_limit)}};
  for (const auto& p : parts) {
    if (!p.same) return error_text(status_code::mismatch, "plan", p.what, "options with another");
  }
  return error_text(status_code::mismatch, "plan", "what this call's plan would be", "another, or damaged memory");
}

}  // namespace planner

// Makes a plan in memory of plan::bytes(p.sequences), aligned to 8.
template <class T, class Backend>
status write_plan(const problem& p, const options& o, const sequence_lengths& lengths, const Backend& backend,
                  std::span<std::byte> memory, plan& result) {
  if (status s = planner::check_problem(p); !s.ok()) return s;
  if (status s = planner::check_plan_memory(memory, p.sequences); !s.ok()) return s;
  plan_header header;
  auto* const sequences = static_cast<plan_sequence*>(static_cast<void*>(memory.data() + sizeof(plan_header)));
  const auto write = [&](index_type i, const plan_sequence& s) { new (sequences + i) plan_sequence(s); };
  if (status s = crestmax::produce_plan<T>(p, o, lengths, backend, header, write); !s.ok()) return s;
  const auto count = static_cast<std::size_t>(p.sequences);
  auto* const order = static_cast<index_type*>(static_cast<void*>(sequences + count));
  for (std::size_t i = 0; i < count; ++i) new (order + i) index_type(static_cast<index_type>(i));
  planner::number_items({sequences, count}, {order, count}, header.shape.kv_heads);
  new (memory.data()) plan_header(header);
  result = plan(memory);
  return success();
}

// The workspace that a plan would ask for.
template <class T, class Backend>
status measure_plan(const problem& p, const options& o, const sequence_lengths& lengths, const Backend& backend,
                    workspace_size& size) {
  plan_header header;
  if (status s = crestmax::produce_plan<T>(p, o, lengths, backend, header, [](index_type, const plan_sequence&) {}); !s.ok()) return s;
  size = header.workspace;
  return success();
}

// Whether a plan is, byte by byte, what would be made for this problem and these options and lengths, and for the workers that it
// was made for. Nothing else in it is believed before that.
template <class T, class Backend>
status check_plan(const plan& made, const problem& p, const options& o, const sequence_lengths& lengths, const Backend& backend) {
  if (!made) return error_text(status_code::null_pointer, "plan", "a plan made by this version and build of the library", "none");
  const std::span<const std::byte> memory = made.memory();
  const std::size_t room = memory.size() / sizeof(plan_sequence);
  index_type differs = -1;
  // Where a sequence's items begin follows from all of them: that is looked at last.
  const auto compare = [&](index_type i, plan_sequence s) {
    const std::size_t at = sizeof(plan_header) + static_cast<std::size_t>(i) * sizeof(plan_sequence);
    plan_sequence found{};
    const bool there = static_cast<std::size_t>(i) < room && at + sizeof s <= memory.size();
    if (there) std::memcpy(static_cast<void*>(&found), memory.data() + at, sizeof found);
    s.first_item = found.first_item;
    if (differs < 0 && !(there && std::memcmp(&found, &s, sizeof s) == 0)) differs = i;
  };
  problem as_made = p;
  as_made.workers = made->workers;
  plan_header asked;
  if (status s = crestmax::produce_plan<T>(as_made, o, lengths, backend, asked, compare); !s.ok()) return s;
  if (std::memcmp(memory.data(), &asked, sizeof asked) != 0) {
    plan_header found;
    std::memcpy(static_cast<void*>(&found), memory.data(), sizeof found);
    return planner::name_difference(found, asked);
  }
  if (differs >= 0) return error(status_code::mismatch, "plan", "the lengths and blocks planned for; given others in sequence", differs);
  if (!planner::are_items_numbered(made.sequences(), made.order(), asked.shape.kv_heads)) {
    return error_text(status_code::mismatch, "plan", "items in the order planned for", "others, or damaged memory");
  }
  return success();
}

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
