// What a tiling means, for people: which buffer lives where, how many bytes, and when; whose turn it is in the score
// buffers; and the bytes that every stage moves, beside a schedule that keeps O in global memory. Host code.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "tiling.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_VERSION

namespace ascend {

// Bytes by direction.
struct traffic {
  std::uint64_t gm_to_l1 = 0, l0c_to_gm = 0, gm_to_ub = 0, ub_to_gm = 0;
  std::uint64_t l0c_to_ub = 0;  // on targets that have the way: it passes global memory by
  constexpr std::uint64_t total() const { return gm_to_l1 + l0c_to_gm + gm_to_ub + ub_to_gm + l0c_to_ub; }
  constexpr traffic& operator+=(const traffic& o) {
    gm_to_l1 += o.gm_to_l1;
    l0c_to_gm += o.l0c_to_gm;
    gm_to_ub += o.gm_to_ub;
    ub_to_gm += o.ub_to_gm;
    l0c_to_ub += o.l0c_to_ub;
    return *this;
  }
};

// By stage. `output` is what O costs on its way (LSE and records of a few bytes included).
struct stage_traffic {
  traffic sample, crest, sweep, output;
  constexpr traffic all() const {
    traffic sum;
    sum += sample;
    sum += crest;
    sum += sweep;
    sum += output;
    return sum;
  }
};

inline namespace CRESTMAX_BUILD {

constexpr bool reaches_ub(device d) { return d == device::atlas_2201 ? target_2201::reaches_ub : target_3510::reaches_ub; }

namespace detail {
inline std::uint64_t product(std::int64_t a, std::int64_t b, std::int64_t bytes) {
  return static_cast<std::uint64_t>(a * b * bytes);
}
// Scores, or O, on their way from the cube core to the vector cores.
inline void add_crossing(traffic& t, bool reaches_ub, std::int64_t rows, std::int64_t columns) {
  if (reaches_ub) {
    t.l0c_to_ub += product(rows, columns, 4);
  } else {
    t.l0c_to_gm += product(rows, columns, 4);
    t.gm_to_ub += product(rows, columns, 4);
  }
}
inline std::string line(const char* format, const char* memory, const char* name, unsigned address, unsigned bytes, const char* when) {
  char text[256];
  std::snprintf(text, sizeof text, format, memory, name, address, bytes, when);
  return text;
}
}  // namespace detail

// Of a call in which no row fails its guard. By the schedule itself; the model of the tests counts the same.
inline stage_traffic traffic_of(const tiling& t) {
  using detail::product;
  const kernel_arguments& a = t.arguments;
  const device_layout& l = t.layout;
  stage_traffic s;
  const std::uint64_t record = 32;
  for (std::int32_t block = 0; block < t.blocks; ++block) {
    schedule order(a, l.query_tile, l.key_tile, t.causal, block);
    schedule_step step;
    while (order.next(step)) {
      const query_place& p = step.place;
      const std::int64_t rows = padded_rows(p), keys = padded_keys(step.keys);
      traffic& stage = step.kind == step_kind::sweep ? s.sweep : step.kind == step_kind::sample ? s.sample : s.crest;
      // Rows that fill up the last fractals are copies of a first row.
      if (step.kind != step_kind::sweep && step.first) stage.gm_to_l1 += product(rows, l.d_qk, 2);
      stage.gm_to_l1 += product(keys, l.d_qk, 2);
      detail::add_crossing(stage, reaches_ub(t.on), rows, keys);
      if (step.kind == step_kind::sample && step.number == p.sample_tiles - 1 && p.windows > 0) stage.ub_to_gm += 2 * record;
      if (step.kind != step_kind::sweep) continue;
      stage.gm_to_l1 += product(keys, l.d_v, 2);
      stage.ub_to_gm += product(rows, l.key_tile, 2);  // weights: whole rows out,
      stage.gm_to_l1 += product(rows, keys, 2);        // keys of the tile in
      if (!step.last) continue;
      detail::add_crossing(s.output, reaches_ub(t.on), rows, l.d_v);
      s.output.gm_to_ub += 4 * record;
      s.output.ub_to_gm += 2 * record;
    }
    s.output.ub_to_gm += 2 * sizeof(core_counters);
  }
  const std::int64_t all_rows = std::int64_t{a.batch} * a.q_heads * a.q_len;
  s.output.ub_to_gm += product(all_rows, l.d_v, 2) + (a.lse.address != 0 ? product(all_rows, 1, 4) : 0);
  return s;
}

// The same call, FlashAttention style: no crest, but O in global memory, where it is rescaled for every block of `key_block` keys
// (L0C without O has room for larger blocks than ours). Per block O of that block goes out and in, and
// O so far in and out again.
inline stage_traffic flash_traffic_of(const tiling& t, std::int32_t key_block = 512) {
  using detail::product;
  const kernel_arguments& a = t.arguments;
  const device_layout& l = t.layout;
  stage_traffic s;
  schedule order(a, l.query_tile, l.key_tile, t.causal, 0);
  for (std::int32_t item = 0; item < order.items(); ++item) {
    const query_place p = order.place_of(item);
    const std::int64_t rows = padded_rows(p);
    if (p.keys_end > 0) s.sweep.gm_to_l1 += product(rows, l.d_qk, 2);
    for (std::int32_t first = 0; first < p.keys_end; first += key_block) {
      const std::int64_t keys = padded_keys(at_most(key_block, p.keys_end - first));
      const bool is_last = first + key_block >= p.keys_end;
      s.sweep.gm_to_l1 += product(keys, l.d_qk + l.d_v, 2) + product(rows, keys, 2);
      s.sweep.ub_to_gm += product(rows, keys, 2);
      detail::add_crossing(s.sweep, reaches_ub(t.on), rows, keys);
      detail::add_crossing(s.output, reaches_ub(t.on), rows, l.d_v);
      s.output.gm_to_ub += first > 0 ? product(rows, l.d_v, 4) : 0;
      s.output.ub_to_gm += is_last ? 0 : product(rows, l.d_v, 4);
    }
  }
  const std::int64_t all_rows = std::int64_t{a.batch} * a.q_heads * a.q_len;
  s.output.ub_to_gm += product(all_rows, l.d_v, 2) + (a.lse.address != 0 ? product(all_rows, 1, 4) : 0);
  return s;
}

// What lives where in one block's memories.
inline std::string buffer_map(const tiling& t) {
  const device_layout& l = t.layout;
  const target_sizes sizes = sizes_of(t.on);
  std::string text = "target " + std::string(name(t.on)) + ", d_qk " + std::to_string(l.d_qk) + ", d_v " + std::to_string(l.d_v) +
                     ": query tile " + std::to_string(l.query_tile) + " rows (half on each vector core), key tile " +
                     std::to_string(l.key_tile) + " keys\n";
  const auto row = [&](const char* memory, const char* what, const buffer& b, const char* when) {
    text += detail::line("  %-7s %-22s at %6u, %6u bytes  %s\n", memory, what, b.address, b.bytes, when);
  };
  const auto total = [&](const char* memory, std::uint32_t used, std::uint32_t of) {
    text += detail::line("  %-7s %-22s of %6u, %6u bytes  %s\n", memory, "in all", of, used, "");
  };
  row("L1", "query 0", l.l1_query[0], "Q of query tiles 0, 3, 6, ...: from the first step of the crest to the end of the sweep");
  row("L1", "query 1", l.l1_query[1], "of tiles 1, 4, 7, ...");
  row("L1", "query 2", l.l1_query[2], "of tiles 2, 5, 8, ...");
  row("L1", "key 0", l.l1_key[0], "K, or a strided sample of K: even steps, loaded one step ahead");
  row("L1", "key 1", l.l1_key[1], "odd steps");
  for (int i = 0; i < 3; ++i) row("L1", "value", l.l1_value[i], "V of every third step, until its weights have come");
  row("L1", "weights", l.l1_weights, "weights of the step before, from the vector cores");
  total("L1", l.l1_bytes, sizes.l1);
  row("L0A", "query", l.l0a_query, "Q: reloaded when a step belongs to another query tile than the one before");
  row("L0A", "weights", l.l0a_weights, "weights, while the cube core multiplies Q");
  total("L0A", l.l0a_bytes, sizes.l0a);
  row("L0B", "key", l.l0b_key, "K of this step");
  row("L0B", "value", l.l0b_value, "V of the step before");
  total("L0B", l.l0b_bytes, sizes.l0b);
  row("L0C", "output", l.l0c_output, "O of the query tile that is swept: resident over all its key tiles");
  row("L0C", "score 0", l.l0c_score[0], "even steps: the sweep's score tiles, and between them sample and crest tiles of the next query tile");
  row("L0C", "score 1", l.l0c_score[1], "odd steps: the same in turns");
  total("L0C", l.l0c_bytes, sizes.l0c);
  const bool direct = reaches_ub(t.on);
  row("UB", "score 0", l.ub_score[0], direct ? "this core's rows of even steps, written by the cube core: scores, then weights"
                                             : "this core's rows of even steps: scores, then weights");
  row("UB", "score 1", l.ub_score[1], "of odd steps");
  row("UB", "weights 0", l.ub_weights[0], "16-bit weights of even steps");
  row("UB", "weights 1", l.ub_weights[1], "of odd steps");
  row("UB", "ramp", l.ub_ramp, "column - row, all the time");
  row("UB", "limit / partial O", l.ub_partial, "mask of a tile; in the correction also O of one key tile");
  row("UB", "output", l.ub_output, "O: at the end of a sweep, or all through a correction");
  row("UB", "rounded", l.ub_rounded, "O in 16 bits, until it is written");
  row("UB", "lse", l.ub_lse, "LSE, until it is written");
  row("UB", "spread 0", l.ub_spread[0], "shifts of the sweep, eight times each");
  row("UB", "spread 1", l.ub_spread[1], "anchors' crest; sums; factors of the correction");
  const buffer rest{l.ub_crest[0].address, l.ub_bytes - l.ub_crest[0].address};
  row("UB", "rows and records", rest, "crests, shift, sums, and what other cores are told");
  total("UB", l.ub_bytes, sizes.unified_buffer);
  if (!direct) {
    row("scratch", "score 0", l.scratch_score[0], "even steps: from cube to vector cores");
    row("scratch", "score 1", l.scratch_score[1], "odd steps");
  }
  row("scratch", "weights 0", l.scratch_weights[0], "even steps: from vector cores to cube");
  row("scratch", "weights 1", l.scratch_weights[1], "odd steps");
  if (!direct) row("scratch", "output", l.scratch_output, "O: at the end of a sweep, or for every key tile of a correction");
  row("scratch", "windows", l.scratch_windows, "plateau windows, chosen by each vector core");
  const buffer guards{l.scratch_guard[0].address, l.scratch_guard[2].end() - l.scratch_guard[0].address};
  row("scratch", "guard", guards, "failing rows of each vector core, of query tiles in turns");
  total("scratch", l.scratch_bytes, l.scratch_bytes);
  return text;
}

// Whose turn it is in the score buffers: `count` steps of a block from `first`.
inline std::string score_turns(const tiling& t, std::int32_t block, std::int32_t first, std::int32_t count) {
  schedule order(t.arguments, t.layout.query_tile, t.layout.key_tile, t.causal, block);
  std::string text;
  schedule_step step;
  for (std::int32_t n = 0; n < first + count && order.next(step); ++n) {
    if (n < first) continue;
    const query_place& p = step.place;
    const char* kinds[] = {"anchor of", "sample of", "window of", "sweep of"};
    char line[200];
    std::snprintf(line, sizeof line, "  step %4d  score %d  %s rows %d..%d of head %d, %s", n, n % 2,
                  kinds[static_cast<int>(step.kind)], p.first_row, p.first_row + p.rows - 1, p.head,
                  step.kind == step_kind::plateau ? "where the sample was highest" : "keys ");
    text += line;
    if (step.kind != step_kind::plateau) {
      text += std::to_string(step.key_begin) + ".." + std::to_string(step.key_begin + (step.keys - 1) * step.key_stride);
      if (step.key_stride > 1) text += " by " + std::to_string(step.key_stride);
    }
    text += "\n";
  }
  return text;
}

// Both schedules beside each other, in MB (10^6 bytes).
inline std::string traffic_table(const tiling& t, std::int32_t flash_key_block = 512) {
  const stage_traffic ours = traffic_of(t), flash = flash_traffic_of(t, flash_key_block);
  std::string text = "  MB                               GM->L1  L0C->GM   GM->UB   UB->GM  L0C->UB      all\n";
  const auto row = [&](const char* what, const traffic& x) {
    char line[200];
    const auto mb = [](std::uint64_t bytes) { return static_cast<double>(bytes) * 1e-6; };
    std::snprintf(line, sizeof line, "  %-30s %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f\n", what, mb(x.gm_to_l1), mb(x.l0c_to_gm), mb(x.gm_to_ub),
                  mb(x.ub_to_gm), mb(x.l0c_to_ub), mb(x.total()));
    text += line;
  };
  row("O in L0C: sample", ours.sample);
  row("O in L0C: anchors and windows", ours.crest);
  row("O in L0C: sweep", ours.sweep);
  row("O in L0C: O", ours.output);
  row("O in L0C: in all", ours.all());
  row("O in global memory: sweep", flash.sweep);
  row("O in global memory: O", flash.output);
  row("O in global memory: in all", flash.all());
  return text;
}

}  // namespace CRESTMAX_BUILD

}  // namespace ascend

CRESTMAX_END_VERSION

#include "../../names_back.inc"
