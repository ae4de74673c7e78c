// Tile sizes, buffers, flags, refusals, and the texts that tell of them.
#include <crestmax/backend/ascend/tiling_map.hpp>
#include <gtest/gtest.h>

#include <set>

#include "on_model.hpp"

namespace crestmax_test {
namespace {

using namespace crestmax::ascend;  // NOLINT: the subject of this file

tiling_request square(std::int64_t n, std::int64_t d, bool causal = false) {
  tiling_request r;
  r.q_len = r.kv_len = n;
  r.d_qk = r.d_v = d;
  r.causal = causal;
  r.query = r.key = r.value = r.output = tensor_arguments{0, n * d, d, d};
  return r;
}

tiling tiled(const tiling_request& r) {
  tiling t{};
  const refusal no = make_tiling(r, t);
  EXPECT_FALSE(no) << no.text();
  return t;
}

std::string refused(const tiling_request& r) {
  tiling t{};
  const refusal no = make_tiling(r, t);
  return no ? no.text() : "";
}

TEST(TheLayout, FitsEveryMemoryOfBothTargets) {
  for (const auto& [d_qk, d_v] : {std::pair{64, 64}, {128, 128}, {192, 128}, {256, 256}}) {
    for (const device on : {device::atlas_2201, device::atlas_3510}) {
      EXPECT_TRUE(fits(layout_for(on, d_qk, d_v), sizes_of(on))) << name(on) << " " << d_qk << "/" << d_v;
    }
  }
}

TEST(TheLayout, FillsL0COf2201AtHeadDim128) {
  const device_layout l = layout_for(device::atlas_2201, 128, 128);
  EXPECT_EQ(l.l0c_output.bytes, 64u * 1024);
  EXPECT_EQ(l.l0c_score[0].bytes, 32u * 1024);
  EXPECT_EQ(l.l0c_score[1].bytes, 32u * 1024);
  EXPECT_EQ(l.l0c_bytes, 128u * 1024);
}

TEST(TheLayout, Takes64QueriesAtHeadDim256) {
  EXPECT_EQ(layout_for(device::atlas_2201, 256, 256).query_tile, 64);
  EXPECT_EQ(layout_for(device::atlas_2201, 192, 128).query_tile, 128);
}

TEST(TheLayout, TakesMoreKeysInTheLargerL0COf3510) {
  EXPECT_EQ(layout_for(device::atlas_3510, 128, 128).key_tile, 128);
  EXPECT_EQ(layout_for(device::atlas_2201, 128, 128).key_tile, 64);
}

TEST(TheLayout, LetsNoTwoBuffersOverlap) {
  const device_layout l = layout_for(device::atlas_2201, 128, 128);
  const std::vector<std::vector<buffer>> memories = {
      {l.l1_query[0], l.l1_query[1], l.l1_query[2], l.l1_key[0], l.l1_key[1], l.l1_value[0], l.l1_value[1], l.l1_value[2], l.l1_weights},
      {l.l0a_query, l.l0a_weights},
      {l.l0b_key, l.l0b_value},
      {l.l0c_output, l.l0c_score[0], l.l0c_score[1]},
      {l.ub_score[0], l.ub_score[1], l.ub_weights[0], l.ub_weights[1], l.ub_ramp, l.ub_partial, l.ub_output, l.ub_rounded, l.ub_lse,
       l.ub_spread[0], l.ub_spread[1], l.ub_crest[0], l.ub_crest[1], l.ub_crest[2], l.ub_reference, l.ub_shift, l.ub_sum,
       l.ub_exact_sum, l.ub_largest_sum, l.ub_row[0], l.ub_row[1], l.ub_row[2], l.ub_row[3], l.ub_best[0], l.ub_best[1], l.ub_record,
       l.ub_decisions},
      {l.scratch_score[0], l.scratch_score[1], l.scratch_weights[0], l.scratch_weights[1], l.scratch_output, l.scratch_windows,
       l.scratch_guard[0], l.scratch_guard[1], l.scratch_guard[2]}};
  for (const auto& memory : memories) {
    for (std::size_t i = 1; i < memory.size(); ++i) EXPECT_GE(memory[i].address, memory[i - 1].end()) << i;
  }
}

TEST(TheLayout, IsAlignedAsTheMemoriesDemand) {
  for (const auto& [d_qk, d_v] : {std::pair{64, 64}, {128, 128}, {192, 128}, {256, 256}}) {
    const device_layout l = layout_for(device::atlas_2201, d_qk, d_v);
    EXPECT_EQ(l.l0c_score[0].address % 1024, 0u);
    EXPECT_EQ(l.l0c_score[1].address % 1024, 0u);
    EXPECT_EQ(l.l0a_weights.address % 512, 0u);
    EXPECT_EQ(l.l0b_value.address % 512, 0u);
    EXPECT_EQ(l.ub_crest[1].address % 32, 0u);
    EXPECT_EQ(l.scratch_bytes % 512, 0u);
  }
}

TEST(Flags, OfOnePairOfPipesAreDistinctAndAtMostFive) {
  const std::set<int> l1 = {key_in_l1, key_in_l1 + 1, value_in_l1, value_in_l1 + 1, value_in_l1 + 2, weights_in_l1};
  EXPECT_EQ(l1.size(), 6u);
  EXPECT_EQ(*l1.rbegin(), 5);
  EXPECT_EQ((std::set<int>{score_tile, score_tile + 1, output_tile}).size(), 3u);
  EXPECT_EQ((std::set<int>{score_in_ub, score_in_ub + 1, output_in_ub, partial_in_ub}).size(), 4u);
  EXPECT_EQ((std::set<int>{guard_read, guard_read + 1, guard_read + 2, windows_read}).size(), 4u);
}

TEST(Signals, AreDistinctAndLeaveThoseOfTheSystemAlone) {
  const std::set<int> all = {score_ready, weights_ready, crest_read, windows_ready, guard_ready, output_ready, redone_ready, vectors_ready, verdict_ready};
  EXPECT_EQ(all.size(), 9u);
  EXPECT_LE(*all.rbegin(), 10);
}

TEST(TheTiling, TakesNoMoreBlocksThanQueryTiles) {
  tiling_request r = square(300, 64);
  r.cores = 20;
  EXPECT_EQ(tiled(r).blocks, 3);
  r.cores = 2;
  EXPECT_EQ(tiled(r).blocks, 2);
  EXPECT_EQ(tiled(r).scratch_bytes, 2u * tiled(r).layout.scratch_bytes);
  EXPECT_EQ(tiled(r).counters_bytes, 2u * 2 * 64);
}

TEST(TheTiling, LowersTheShiftForFloat16ByEightLn2) {
  tiling_request r = square(300, 64);
  EXPECT_NEAR(tiled(r).arguments.margin, -8 * 0.6931471805599453, 1e-6);
  EXPECT_EQ(tiled(r).arguments.guard_tile_limit, 65504.0f);
  EXPECT_NEAR(tiled(r).arguments.guard_least_sum, 128, 1e-3);
  r.element = crestmax::scalar_kind::bfloat16;
  EXPECT_NEAR(tiled(r).arguments.margin, 2 * 0.6931471805599453, 1e-6);
  EXPECT_NEAR(tiled(r).arguments.guard_least_sum, 0.125, 1e-6);
}

TEST(TheTiling, RefusesWhatItDoesNotServe) {
  tiling_request r = square(100, 64);
  r.element = crestmax::scalar_kind::float32;
  EXPECT_EQ(refused(r), "query: expected float16 or bfloat16, given float32");
  r = square(100, 80);
  EXPECT_EQ(refused(r), "head_dim: expected d_qk/d_v of 64/64, 128/128, 192/128 or 256/256, given 80/80");
  r = square(100, 64);
  r.q_heads = 3;
  r.kv_heads = 2;
  EXPECT_EQ(refused(r), "q_heads: expected a multiple of kv_heads 2, given 3");
  r = square(100, 64);
  r.key.address = 48;
  EXPECT_EQ(refused(r), "key: expected an address that is a multiple of 32 bytes, given one that is 16 past it");
  r = square(100, 64);
  r.value.head_stride = 72;
  EXPECT_EQ(refused(r), "value: expected strides that are multiples of 16 elements (32 bytes), given 72");
  r = square(100, 64);
  r.query.row_stride = 65536;
  EXPECT_EQ(refused(r), "query: expected a row stride of 64 to 65535 elements, given 65536");
  r = square(100, 64);
  r.lse = {2, 1, 1, 1};
  EXPECT_EQ(refused(r), "lse: expected an address that is a multiple of 4 bytes, given 2 past one");
  r = square(100, 64);
  r.windows = 3;
  EXPECT_EQ(refused(r), "windows: expected an even number, at most 8, given 3");
  r = square(100, 64);
  r.scale = -1;
  EXPECT_EQ(refused(r), "scale: expected a number from 1e-9 to 1e9, given -1.000000");
  r = square(0, 64);
  EXPECT_EQ(refused(r), "q_len: expected 1 to 16777216, given 0");
  r = square(100, 64);
  r.kv_len = -1;
  EXPECT_EQ(refused(r), "kv_len: expected 0 to 16777216, given -1");
}

TEST(TheTiling, RefusesMarginsThatTheWeightsOfACorrectionCannotBear) {
  tiling_request r = square(100, 64);
  r.has_margin = true;
  r.margin = -8;
  EXPECT_EQ(refused(r), "margin: expected -7.9 to 0 nats for float16, given -8.000000");
  r.margin = 1;
  EXPECT_EQ(refused(r), "margin: expected -7.9 to 0 nats for float16, given 1.000000");
  r.element = crestmax::scalar_kind::bfloat16;
  EXPECT_EQ(refused(r), "");
  r.margin = 22;
  EXPECT_EQ(refused(r), "margin: expected 0 to 21 nats for bfloat16, given 22.000000");
  r.margin = -1;
  EXPECT_EQ(refused(r), "margin: expected 0 to 21 nats for bfloat16, given -1.000000");
}

TEST(TheTiling, RefusesMoreHeadsAndTilesThanItsNumbersHold) {
  tiling_request r = square(100, 64);
  r.batch = r.q_heads = r.kv_heads = r.q_len = std::int64_t{1} << 24;
  EXPECT_EQ(refused(r), "q_heads: expected at most 16777216 heads in all sequences, given 281474976710656");
  r.batch = 1;
  EXPECT_EQ(refused(r), "q_len: expected at most 16777216 query tiles in all, given 2199023255552");
}

TEST(TheSchedule, SweepsEveryVisibleKeyOfEveryQueryTileOnceAndInOrder) {
  for (const bool causal : {false, true}) {
    tiling_request r = square(1000, 64, causal);
    r.q_heads = r.kv_heads = 3;
    r.cores = 4;
    const tiling t = tiled(r);
    std::int64_t tiles = 0;
    for (std::int32_t block = 0; block < t.blocks; ++block) {
      schedule order(t.arguments, t.layout.query_tile, t.layout.key_tile, causal, block);
      schedule_step step;
      std::int32_t next_key = 0;
      while (order.next(step)) {
        if (step.kind != step_kind::sweep) continue;
        if (step.first) next_key = 0;
        EXPECT_EQ(step.key_begin, next_key);
        next_key += step.keys;
        if (!step.last) continue;
        EXPECT_EQ(next_key, causal ? step.place.first_row + step.place.rows : 1000);
        ++tiles;
      }
    }
    EXPECT_EQ(tiles, 3 * 8);
  }
}

TEST(TheSchedule, EndsACrestBeforeItsSweepAndPutsItBesideTheSweepBefore) {
  const tiling t = tiled(square(2048, 128));
  schedule order(t.arguments, t.layout.query_tile, t.layout.key_tile, false, 0);
  schedule_step step;
  std::int32_t crest_of = -1, sweep_of = -1;
  bool crest_is_complete = false;
  int beside = 0;
  while (order.next(step)) {
    if (step.kind == step_kind::sweep) {
      sweep_of = step.place.first_row;
      if (step.first) { EXPECT_TRUE(crest_is_complete && crest_of == sweep_of) << sweep_of; }
    } else {
      if (step.first) crest_is_complete = false;
      crest_of = step.place.first_row;
      crest_is_complete = step.last;
      if (sweep_of >= 0) {
        EXPECT_EQ(crest_of, sweep_of + 128);  // always the next query tile
        ++beside;
      }
    }
  }
  EXPECT_GT(beside, 15 * 8);
}

TEST(TheSchedule, ServesSixteenMillionKeys) {
  tiling_request r = square(1, 64);
  r.q_len = 256;
  r.kv_len = std::int64_t{1} << 24;
  const tiling t = tiled(r);
  schedule order(t.arguments, t.layout.query_tile, t.layout.key_tile, false, 0);
  schedule_step step;
  std::int64_t swept = 0, sampled = 0;
  std::int32_t last_key = 0;
  bool before_the_last = false;
  while (order.next(step)) {
    if (step.kind == step_kind::sweep) swept += step.keys;
    if (step.kind == step_kind::sample) sampled += step.keys;
    if (step.kind != step_kind::sweep && step.last && step.place.first_row == 128) before_the_last = swept < r.kv_len;
    last_key = at_least(last_key, step.key_begin);
  }
  EXPECT_EQ(swept, 2 * r.kv_len);
  EXPECT_EQ(sampled, 2 * r.kv_len / 16);
  EXPECT_TRUE(before_the_last);
  EXPECT_GT(last_key, r.kv_len - 128);
}

TEST(TheBufferMap, SaysWhatLivesWhereHowManyBytesAndWhen) {
  const std::string map = buffer_map(tiled(square(2048, 128)));
  EXPECT_NE(map.find("L0C     output                 at      0,  65536 bytes  O of the query tile that is swept: resident"), map.npos) << map;
  EXPECT_NE(map.find("L0C     score 0                at  65536,  32768 bytes"), map.npos) << map;
  EXPECT_NE(map.find("L0C     in all                 of 131072, 131072 bytes"), map.npos) << map;
}

TEST(TheBufferMap, ShowsSampleAndCrestTilesTakingTurnsInTheScoreBuffers) {
  const std::string map = buffer_map(tiled(square(2048, 128)));
  EXPECT_NE(map.find("even steps: the sweep's score tiles, and between them sample and crest tiles of the next query tile"), map.npos);
  const std::string turns = score_turns(tiled(square(2048, 128)), 0, 12, 40);
  // Buffers alternate with every step, whatever the step is for.
  std::size_t lines = 0, both = 0;
  std::string previous;
  for (std::size_t at = 0; at < turns.size();) {
    const std::size_t end = turns.find('\n', at);
    const std::string line = turns.substr(at, end - at);
    const std::string buffer_name = line.substr(line.find("score"), 7);
    EXPECT_NE(buffer_name, previous) << turns;
    previous = buffer_name;
    both += line.find("sample of rows 128..255") != line.npos ? 1u : 0u;
    ++lines;
    at = end + 1;
  }
  EXPECT_EQ(lines, 40u);
  EXPECT_EQ(both, 2u) << turns;  // 128 samples of query tile 1, beside the sweep of tile 0
  EXPECT_NE(turns.find("sweep of rows 0..127"), turns.npos);
  EXPECT_NE(turns.find("window of rows 128..255 of head 0, where the sample was highest"), turns.npos) << turns;
}

// The bytes table counts by the schedule, the model by what the kernel did.
TEST(TheBytesTable, IsWhatTheModelCounts) {
  for (const device on : {device::atlas_2201, device::atlas_3510}) {
    for (const index_type d : {64, 128}) {
      const bool causal = d == 64;
      const attention_case c = device_case(scalar_kind::float16, 300, 1000, d, d, causal, 2, 1);
      const model_result result = run_on_model(c, {.on = on, .cores = 3});
      ASSERT_TRUE(result.outcome.ok) << result.outcome.report;
      ASSERT_EQ(result.counters.corrected_tiles, 0u);
      const traffic all = traffic_of(result.tiling).all();
      const auto counted = [&](const char* way) {
        const auto found = result.outcome.counters.find(way);
        return found == result.outcome.counters.end() ? 0 : found->second;
      };
      EXPECT_EQ(all.gm_to_l1, counted("bytes GM->L1"));
      EXPECT_EQ(all.l0c_to_gm, counted("bytes L0C->GM"));
      EXPECT_EQ(all.gm_to_ub, counted("bytes GM->UB"));
      EXPECT_EQ(all.ub_to_gm, counted("bytes UB->GM"));
      EXPECT_EQ(all.l0c_to_ub, counted("bytes L0C->UB"));
      EXPECT_EQ(all.l0c_to_ub > 0, on == device::atlas_3510);
    }
  }
}

TEST(TheBytesTable, ShowsOLeavingL0COnceInsteadOfOncePerKeyBlock) {
  tiling_request r = square(16384, 128);
  r.cores = 24;
  const tiling t = tiled(r);
  const stage_traffic ours = traffic_of(t), flash = flash_traffic_of(t);
  EXPECT_EQ(ours.output.l0c_to_gm, 16384u * 128 * 4);
  EXPECT_EQ(flash.output.l0c_to_gm, 16384u * 128 * 4 * (16384 / 512));
  EXPECT_LT(ours.all().total(), flash.all().total());
  std::printf("[note] 2201, float16, d 128, n 16384, one head, full; O in global memory with key blocks of 512:\n%s", traffic_table(t).c_str());
}

TEST(TheMaps, OfBothTargetsPrinted) {
  for (const device on : {device::atlas_2201, device::atlas_3510}) {
    tiling_request r = square(4096, 128);
    r.on = on;
    const tiling t = tiled(r);
    const std::string map = buffer_map(t);
    EXPECT_NE(map.find(on == device::atlas_2201 ? "target 2201" : "target 3510"), map.npos);
    std::printf("%s  ...\n%s", map.c_str(), score_turns(t, 0, 20, 12).c_str());
  }
}

}  // namespace
}  // namespace crestmax_test
