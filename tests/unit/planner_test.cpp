// What the planner decides, from what, and what it says about it.
#include <gtest/gtest.h>

#include <crestmax/attention.hpp>
#include <crestmax/stages/following.hpp>
#include <array>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "support/random.hpp"

namespace crestmax_test {
namespace {

using crestmax::coarse_reason;

crestmax::problem some_problem(index_type q_len = 100, index_type kv_len = 5000, index_type sequences = 1) {
  crestmax::problem p;
  p.sequences = sequences;
  p.q_len = q_len;
  p.kv_len = kv_len;
  p.q_heads = 8;
  p.kv_heads = 2;
  p.d_qk = 64;
  p.d_v = 64;
  return p;
}

// A plan in its own memory.
struct made_plan {
  std::vector<std::uint64_t> memory;
  crestmax::plan plan;
  crestmax::status status;

  made_plan(const crestmax::problem& p, const crestmax::options& o = {},
            crestmax::sequence_lengths lengths = {})
      : memory(crestmax::plan::bytes(p.sequences) / 8 + 1) {
    status = crestmax::write_plan<float>(p, o, lengths, crestmax::backend::cpu{}, std::as_writable_bytes(std::span(memory)), plan);
  }
  const crestmax::plan_header& operator*() const { return plan.header(); }
  std::string text() const {
    std::vector<char> buffer(2000);
    plan.describe(buffer);
    return buffer.data();
  }
};

TEST(Planner, LeavesTheSampleOutWhereAnchorsSuffice) {
  const made_plan made(some_problem());
  EXPECT_FALSE((*made).coarse);
  EXPECT_EQ((*made).reason, coarse_reason::anchors);
}

TEST(Planner, SamplesForFloat16Weights) {
  const made_plan made(some_problem(), {.weights = crestmax::weight_type::float16});
  EXPECT_TRUE((*made).coarse);
  EXPECT_EQ((*made).reason, coarse_reason::narrow_weights);
}

TEST(Planner, LowersTheMarginForFloat16Weights) {
  EXPECT_EQ((*made_plan(some_problem())).margin_exponent, 2);
  EXPECT_EQ((*made_plan(some_problem(), {.weights = crestmax::weight_type::bfloat16})).margin_exponent, 2);
  EXPECT_EQ((*made_plan(some_problem(), {.weights = crestmax::weight_type::float16})).margin_exponent, -8);
}

TEST(Planner, SamplesWhereTheCoverageNeedsIt) {
  for (const auto coverage : {crestmax::above(8), crestmax::plateaus}) {
    const made_plan made(some_problem(), {.coverage = coverage});
    EXPECT_TRUE((*made).coarse);
    EXPECT_EQ((*made).reason, coarse_reason::coverage);
  }
}

TEST(Planner, FollowsTheCallersChoiceOfTheSample) {
  for (const auto choice : {crestmax::choice::on, crestmax::choice::off}) {
    const made_plan made(some_problem(), {.softmax = crestmax::sampled_max{.coarse = choice}});
    EXPECT_EQ((*made).coarse, choice == crestmax::choice::on);
    EXPECT_EQ((*made).reason, coarse_reason::caller);
  }
}

TEST(Planner, BaselinesNeverSample) {
  for (const crestmax::softmax_method& method :
       {crestmax::softmax_method(crestmax::running_max{}), crestmax::softmax_method(crestmax::lazy_max{}),
        crestmax::softmax_method(crestmax::anchor_shift{})}) {
    const made_plan made(some_problem(), {.softmax = method});
    EXPECT_FALSE((*made).coarse);
    EXPECT_EQ((*made).reason, coarse_reason::method);
  }
}

TEST(Planner, RoundsTheMarginToMultiplesOfLn2) {
  const auto exponent = [](double margin) {
    return (*made_plan(some_problem(), {.softmax = crestmax::sampled_max{.margin = margin}})).margin_exponent;
  };
  EXPECT_EQ(exponent(0), 0);
  EXPECT_EQ(exponent(1.0), 1);
  EXPECT_EQ(exponent(2.0), 3);
  EXPECT_EQ(exponent(2 * crestmax::ln2), 2);
}

TEST(Planner, DefaultsTheScaleToOneOverTheRootOfTheHeadDim) {
  EXPECT_EQ((*made_plan(some_problem())).scale, 0.125);
  EXPECT_EQ((*made_plan(some_problem(), {.scale = -2.0})).scale, -2.0);
}

TEST(Planner, SplitsLongDecodesByLengthAlone) {
  EXPECT_EQ((*made_plan(some_problem(1, 1000))).max_splits, 1);
  EXPECT_GT((*made_plan(some_problem(1, 65536))).max_splits, 1);
  EXPECT_EQ((*made_plan(some_problem(5000, 65536))).max_splits, 1);
  EXPECT_EQ((*made_plan(some_problem(1, 65536), {.tiles = {.splits = 5}})).max_splits, 5);
}

TEST(Planner, SplitsSequencesOfFewBlocksWhereTheirKeysAreMany) {
  crestmax::problem p = some_problem(64, 131072);
  p.q_heads = p.kv_heads = 1;
  EXPECT_EQ((*made_plan(p)).max_splits, 64);
  p.kv_len = 3000;
  EXPECT_EQ((*made_plan(p)).max_splits, 3);
  p.kv_len = 2000;
  EXPECT_EQ((*made_plan(p)).max_splits, 1);
  EXPECT_EQ((*made_plan(p, {.coverage = crestmax::above(3)})).max_splits, 1);
}

TEST(Planner, PartialStatesOfLargeBlocksHaveABoundedNumberOfRows) {
  for (const index_type q_len : {17, 64, 100, 300, 1000, 4000}) {
    for (const index_type heads : {1, 2, 8, 32}) {
      crestmax::problem p = some_problem(q_len, 1 << 20);
      p.kv_heads = heads;
      p.q_heads = 4 * heads;
      const made_plan made(p);
      const crestmax::plan_sequence s = made.plan.sequences()[0];
      EXPECT_LE((s.splits - 1) * s.blocks(heads) * s.rows(), 1 << 15);
    }
  }
}

TEST(Planner, ASplitPlanHasOneStageAndASampleOneMore) {
  const made_plan made(some_problem(1, 65536));
  ASSERT_EQ(made.plan.stages(), 1);
  EXPECT_EQ((*made).stage[0], crestmax::plan_stage::sweep);
  const made_plan sampled(some_problem(1, 65536), {.weights = crestmax::weight_type::float16});
  ASSERT_EQ(sampled.plan.stages(), 2);
  EXPECT_EQ((*sampled).stage[0], crestmax::plan_stage::crest);
  EXPECT_EQ(sampled.plan.items(0), (*sampled).blocks);
  EXPECT_EQ((*sampled).stage[1], crestmax::plan_stage::sweep);
  EXPECT_EQ(made_plan(some_problem(5000)).plan.stages(), 1);
}

TEST(Planner, LargeBlocksAreMergedInAStageOfTheirOwnByMoreThanOneWorker) {
  crestmax::problem p = some_problem(64, 131072);
  const made_plan made(p);
  ASSERT_EQ(made.plan.stages(), 2);
  EXPECT_EQ((*made).stage[1], crestmax::plan_stage::finish);
  EXPECT_GT(made.plan.items(1), (*made).blocks);
  p.workers = 1;
  EXPECT_EQ(made_plan(p).plan.stages(), 1);
}

TEST(Planner, PartialStatesOfSplitsHoldTwoNumbersBesideTheOutput) {
  crestmax::problem p = some_problem(1, 65536);
  p.q_heads = 32;
  p.kv_heads = 8;
  const made_plan made(p);
  const auto states = static_cast<std::size_t>((*made).max_splits * p.q_heads);
  const auto counts = static_cast<std::size_t>(p.kv_heads) * sizeof(std::uint32_t);
  EXPECT_LE(made.plan.workspace().shared, states * static_cast<std::size_t>(p.d_v + 2) * sizeof(float) + (counts + 63) / 64 * 64);
}

TEST(Planner, HeadsOfFewRowsAreSweptSideBySide) {
  crestmax::problem p = some_problem(1, 4096);
  p.q_heads = 32;
  p.kv_heads = 8;
  p.workers = 1;
  const made_plan few(p);
  EXPECT_EQ(few.plan.sequences()[0].blocks_per_item, 8);
  EXPECT_EQ((*few).max_splits, 8);
  EXPECT_EQ(few.plan.items(0), 1);
  p.q_heads = 8 * 17;
  EXPECT_EQ(made_plan(p).plan.sequences()[0].blocks_per_item, 1);
}

TEST(Planner, TilesReadInPlaceAreAtLeastAsLongAsPackedOnes) {
  const crestmax::tile_geometry tiles = (*made_plan(some_problem())).tiles;
  EXPECT_GE(tiles.key_tile_in_place, tiles.key_tile);
  EXPECT_LE(tiles.key_tile_in_place, 512);
  EXPECT_EQ(tiles.key_tile_in_place % tiles.panel, 0);
}

TEST(Planner, TheCallersKeyTileHoldsForTilesReadInPlaceToo) {
  const made_plan made(some_problem(), {.tiles = {.key_tile = 64}});
  EXPECT_EQ((*made).tiles.key_tile_in_place, 64);
}

TEST(Planner, CoverageAboveDropsTilesOfOneLength) {
  const made_plan made(some_problem(), {.coverage = crestmax::above(10.0)});
  EXPECT_EQ((*made).tiles.key_tile_in_place, (*made).tiles.key_tile);
}

TEST(Planner, DecidesPerSequenceWhateverTheBatch) {
  const std::int32_t lengths[] = {65536, 100, 20000};
  const std::int32_t queries[] = {1, 1, 1};
  const made_plan together(some_problem(1, 65536, 3), {}, {{{}, queries, {}, lengths}});
  for (std::size_t i = 0; i < 3; ++i) {
    const made_plan alone(some_problem(1, lengths[i]));
    const crestmax::plan_sequence a = alone.plan.sequences()[0];
    const crestmax::plan_sequence b = together.plan.sequences()[i];
    EXPECT_EQ(a.splits, b.splits);
    EXPECT_EQ(a.queries_per_block, b.queries_per_block);
    EXPECT_EQ(a.heads_per_block, b.heads_per_block);
    EXPECT_EQ(a.query_blocks, b.query_blocks);
  }
}

TEST(Planner, BlocksCoverEveryRowOnce) {
  random_source random(17);
  for (int i = 0; i < 300; ++i) {
    crestmax::problem p = some_problem(random.spread_integer(1, 3000), random.spread_integer(1, 3000));
    p.kv_heads = random.integer(1, 3);
    p.q_heads = p.kv_heads * random.integer(1, 130);
    const made_plan made(p, {.tiles = {.query_block = random.integer(0, 200)}});
    const crestmax::plan_sequence s = made.plan.sequences()[0];
    ASSERT_LE(s.heads_per_block * s.queries_per_block, std::max<index_type>(1, (*made).tiles.query_block));
    ASSERT_GE(s.query_blocks * s.queries_per_block, p.q_len);
    ASSERT_LT((s.query_blocks - 1) * s.queries_per_block, p.q_len);
    ASSERT_GE(s.head_chunks * s.heads_per_block, p.group());
    ASSERT_LT((s.head_chunks - 1) * s.heads_per_block, p.group());
  }
}

TEST(Planner, EveryQueryOfEveryHeadIsInOneBlock) {
  random_source random(19);
  for (int i = 0; i < 100; ++i) {
    crestmax::problem p = some_problem(random.spread_integer(1, 300), random.spread_integer(1, 300), random.integer(1, 3));
    p.kv_heads = random.integer(1, 3);
    p.q_heads = p.kv_heads * random.integer(1, 20);
    const made_plan made(p, {.tiles = {.query_block = random.integer(0, 60)}});
    std::map<std::array<index_type, 3>, int> times;
    for (index_type block = 0; block < (*made).blocks; ++block) {
      const crestmax::cpu::block_place at = crestmax::cpu::place_of_block(made.plan, block);
      for (index_type head = at.first_head; head < at.first_head + at.heads; ++head) {
        ASSERT_EQ(head / p.group(), at.kv_head);
        for (index_type query = at.first_query; query < at.first_query + at.queries; ++query) ++times[{at.sequence, head, query}];
      }
    }
    ASSERT_EQ(static_cast<index_type>(times.size()), p.sequences * p.q_heads * p.q_len);
    for (const auto& [row, count] : times) ASSERT_EQ(count, 1) << "sequence " << row[0] << ", head " << row[1] << ", query " << row[2];
  }
}

TEST(Planner, TheNextBlockIsAskedForWhereACallLeavesTheSecondCache) {
  const auto following = [](const made_plan& made, index_type block) {
    const index_type sequence = made.plan.sequence_of_block(block);
    return crestmax::cpu::following_block(*made, made.plan.sequences()[static_cast<std::size_t>(sequence)], block);
  };
  const made_plan large(some_problem(64, 64, 40)), small(some_problem(64, 64, 2));
  const index_type blocks = (*large).blocks;
  EXPECT_EQ(following(large, 0), 1);
  EXPECT_EQ(following(large, blocks / 40 - 1), blocks / 40);  // of the next sequence
  EXPECT_EQ(following(large, blocks - 1), crestmax::cpu::no_block);
  EXPECT_EQ(following(small, 0), crestmax::cpu::no_block);
}

TEST(Planner, TheWorkspaceOfAPrefillDoesNotDependOnTheKeys) {
  const auto size = [](index_type kv_len) {
    return made_plan(some_problem(5000, kv_len)).plan.workspace().total(4);
  };
  EXPECT_EQ(size(100), size(100000));
}

TEST(Planner, TheWorkspacePerWorkerIsIndependentOfKeysAndSplits) {
  EXPECT_EQ(made_plan(some_problem(1, 100)).plan.workspace().per_worker,
            made_plan(some_problem(1, 100000)).plan.workspace().per_worker);
}

// What decides bits is the same whomever items are for.
TEST(Planner, WorkersDecideItemsAndNothingElse) {
  random_source random(23);
  for (int i = 0; i < 300; ++i) {
    crestmax::problem p = some_problem(random.spread_integer(1, 600), random.spread_integer(1, 100000));
    p.kv_heads = random.integer(1, 8);
    p.q_heads = p.kv_heads * random.integer(1, 40);
    const made_plan usual(p);
    p.workers = static_cast<std::int32_t>(random.spread_integer(1, 1000));
    const made_plan made(p);
    ASSERT_EQ(std::memcmp(static_cast<const crestmax::plan_rules*>(&*usual), static_cast<const crestmax::plan_rules*>(&*made),
                          sizeof(crestmax::plan_rules)), 0);
    const crestmax::sequence_blocks &a = usual.plan.sequences()[0], &b = made.plan.sequences()[0];
    ASSERT_EQ(std::memcmp(&a, &b, sizeof a), 0);
  }
}

TEST(Planner, ItemsTakeEveryGrainOnce) {
  random_source random(29);
  for (int i = 0; i < 400; ++i) {
    const index_type sequences = random.integer(1, 4);
    std::vector<std::int32_t> queries, keys;
    for (index_type s = 0; s < sequences; ++s) {
      queries.push_back(static_cast<std::int32_t>(random.chance(0.5) ? random.integer(0, 3) : random.spread_integer(1, 700)));
      keys.push_back(static_cast<std::int32_t>(random.spread_integer(1, 40000)));
    }
    crestmax::problem p = some_problem(1, 1, sequences);
    p.kv_heads = random.integer(1, 8);
    p.q_heads = p.kv_heads * random.integer(1, 70);
    p.workers = static_cast<std::int32_t>(random.spread_integer(1, 1000));
    const made_plan made(p, {}, {{{}, queries, {}, keys}});
    ASSERT_TRUE(made.status.ok()) << made.status.message();
    std::map<std::array<index_type, 3>, index_type> taken;  // block, split, row
    for (index_type n = 0; n < made.plan.items(0); ++n) {
      const crestmax::item_range item = made.plan.item(n);
      const crestmax::plan_sequence s = made.plan.sequences()[static_cast<std::size_t>(item.sequence)];
      ASSERT_GT(item.blocks, 0);
      ASSERT_GT(item.end_split, item.first_split);
      for (index_type block = item.first_block; block < item.first_block + item.blocks; ++block) {
        ASSERT_EQ(made.plan.sequence_of_block(block), item.sequence);
        for (index_type split = item.first_split; split < item.end_split; ++split) {
          const index_type first = item.part * s.rows_per_part;
          for (index_type row = first; row < std::min(first + s.rows_per_part, s.rows()); row += 16) ++taken[{block, split, row / 16}];
        }
      }
    }
    index_type grains = 0;
    for (const crestmax::plan_sequence& s : made.plan.sequences()) {
      grains += s.blocks(p.kv_heads) * s.splits;
      ASSERT_EQ(s.parts == 1 || s.blocks_per_item == 1, true);
      ASSERT_GE(s.parts * s.rows_per_part, s.rows());
    }
    std::map<std::array<index_type, 2>, index_type> whole;
    for (const auto& [grain, times] : taken) {
      ASSERT_EQ(times, 1) << "block " << grain[0] << ", split " << grain[1];
      ++whole[{grain[0], grain[1]}];
    }
    ASSERT_EQ(std::ssize(whole), grains);
    std::map<std::array<index_type, 2>, index_type> merged;  // block, row
    for (index_type n = 0; n < made.plan.items(1); ++n) {
      const crestmax::merge_range item = made.plan.merge_item(n);
      for (index_type row = item.first_row; row < item.first_row + item.rows; ++row) ++merged[{item.block, row}];
    }
    for (const crestmax::plan_sequence& s : made.plan.sequences()) {
      for (index_type block = s.first_block; s.rows_per_merge > 0 && block < s.first_block + s.blocks(p.kv_heads); ++block) {
        for (index_type row = 0; row < s.rows(); ++row) ASSERT_EQ((merged[{block, row}]), 1);
      }
    }
  }
}

struct call_for_many {
  const char* name;
  index_type q_len, kv_len, q_heads, kv_heads, head_dim;
  index_type least_items;  // for 64 workers
};
class ManyWorkers : public testing::TestWithParam<call_for_many> {};

TEST_P(ManyWorkers, FindItems) {
  const call_for_many& c = GetParam();
  crestmax::problem p = some_problem(c.q_len, c.kv_len);
  p.q_heads = c.q_heads;
  p.kv_heads = c.kv_heads;
  p.d_qk = p.d_v = c.head_dim;
  p.workers = 64;
  const made_plan made(p);
  EXPECT_GE(made.plan.items(0), c.least_items) << made.text();
}

INSTANTIATE_TEST_SUITE_P(Planner, ManyWorkers, testing::Values(
    call_for_many{"Decode1024", 1, 1024, 32, 8, 128, 16}, call_for_many{"Decode4096", 1, 4096, 32, 8, 128, 64},
    call_for_many{"Decode16384", 1, 16384, 32, 8, 128, 64}, call_for_many{"Decode131072", 1, 131072, 32, 8, 128, 64},
    call_for_many{"Decode1M", 1, 1 << 20, 32, 8, 128, 64}, call_for_many{"Decode8HeadsOn1", 1, 4096, 8, 1, 256, 8},
    call_for_many{"Mla", 1, 16384, 128, 1, 576, 32}, call_for_many{"Queries17", 17, 131072, 1, 1, 128, 64},
    call_for_many{"Queries64", 64, 131072, 1, 1, 128, 64}, call_for_many{"Prefill512", 512, 512, 4, 1, 256, 24},
    call_for_many{"Chunk512", 512, 32768, 32, 8, 128, 64}),
    [](const auto& of) { return std::string(of.param.name); });

TEST(Planner, EmptyProblemsHavePlansWithoutItems) {
  for (const auto& [sequences, q_len, heads] : {std::array<index_type, 3>{0, 5, 8}, {1, 0, 8}, {1, 5, 0}}) {
    crestmax::problem p = some_problem(q_len, 100, sequences);
    if (heads == 0) p.q_heads = p.kv_heads = 0;
    const made_plan made(p);
    ASSERT_TRUE(made.status.ok()) << made.status.message();
    EXPECT_EQ(made.plan.items(0), 0);
  }
}

TEST(Plan, IsFoundAgainInCopiedMemory) {
  const made_plan made(some_problem(1, 65536, 2));
  std::vector<std::uint64_t> copy(made.memory.size());
  std::memcpy(copy.data(), made.memory.data(), made.memory.size() * 8);
  const crestmax::plan moved(std::as_bytes(std::span(copy)));
  EXPECT_EQ(moved.stages(), made.plan.stages());
  EXPECT_EQ(moved.items(1), made.plan.items(1));
  EXPECT_EQ(moved.sequences()[1].first_block, made.plan.sequences()[1].first_block);
  std::vector<char> text(2000);
  moved.describe(text);
  EXPECT_EQ(made.text(), text.data());
}

TEST(Plan, SaysWhatItDoesAndWhy) {
  const std::string text = made_plan(some_problem()).text();
  for (const char* word : {"sampled_max", "everything", "float32", "anchors suffice", "stride 16",
                           "radius 32", "margin 2 ln 2", "workspace"}) {
    EXPECT_NE(text.find(word), std::string::npos) << word << " is not in:\n" << text;
  }
  EXPECT_NE(made_plan(some_problem(), {.coverage = crestmax::plateaus}).text().find("plateaus"),
            std::string::npos);
}

TEST(Plan, TextIsCutToTheRoomThereIs) {
  const made_plan made(some_problem());
  char small[8];
  std::memset(small, 'x', sizeof small);
  const std::size_t length = made.plan.describe(std::span(small).first(4));
  EXPECT_EQ(length, made.text().size());
  EXPECT_EQ(small[3], '\0');
  EXPECT_EQ(small[4], 'x');
}

TEST(Plan, FindsTheSequenceOfABlock) {
  const std::int32_t lengths[] = {300, 0, 100, 1};
  const made_plan made(some_problem(300, 50, 4), {}, {{{}, lengths, {}, {}}});
  for (index_type block = 0; block < (*made).blocks; ++block) {
    const index_type i = made.plan.sequence_of_block(block);
    const crestmax::plan_sequence s = made.plan.sequences()[static_cast<std::size_t>(i)];
    ASSERT_GE(block, s.first_block);
    ASSERT_LT(block, s.first_block + s.blocks(2));
  }
}

}  // namespace
}  // namespace crestmax_test
