// The caller's memory: workspace and plan.
#include "bad_input.hpp"

namespace crestmax_test {
namespace {

class Workspace : public BadInput {
 protected:
  std::vector<std::byte> bytes = std::vector<std::byte>(1 << 22);
  std::byte* aligned() { return bytes.data() + (64 - reinterpret_cast<std::uintptr_t>(bytes.data()) % 64); }
  std::size_t needed() {
    std::size_t size = 0;
    EXPECT_TRUE(crestmax::workspace_bytes(crestmax::tensors(query, key, value, output), 1, size, options, modifiers.chain()).ok());
    return size;
  }
};

TEST_F(Workspace, OfTheSizeAskedForIsAccepted) {
  options.workspace = {aligned(), needed()};
  expect_success();
}

TEST_F(Workspace, OfOneByteLessIsNamed) {
  const std::size_t size = needed();
  options.workspace = {aligned(), size - 1};
  const crestmax::status s = call();
  EXPECT_EQ(s.code, status_code::workspace_too_small) << s.message();
  EXPECT_EQ(std::string(s.message()).rfind("workspace", 0), 0u) << s.message();
  EXPECT_EQ(memory, std::vector<float>(memory.size(), 0.5f));
}

TEST_F(Workspace, OfOneByteIsNamed) {
  options.workspace = {aligned(), 1};
  expect_error(status_code::workspace_too_small, {"bytes, at least", "given 1"});
}

TEST_F(Workspace, ThatIsMisalignedIsNamed) {
  options.workspace = {aligned() + 8, needed() + 64};
  expect_error(status_code::misaligned, {"workspace", "64, given 8"});
  options.workspace = {aligned() + 1, needed() + 64};
  expect_error(status_code::misaligned, {"given 1"});
}

TEST_F(Workspace, ThatOverlapsATensorIsNamed) {
  options.workspace = {aligned(), needed()};
  output.data = reinterpret_cast<float*>(aligned() + needed() - 1024);
  lse.data = at(4096);
  expect_error(status_code::overlap, {"workspace", "output"});
}

TEST_F(Workspace, ThatOverlapsAnInputIsNamed) {
  options.workspace = {aligned(), needed()};
  key.data = reinterpret_cast<float*>(aligned() + needed() - 2048);
  expect_error(status_code::overlap, {"workspace", "key"});
}

TEST_F(Workspace, OfAPlanThatIsTooSmallIsNamed) {
  const crestmax::problem p = crestmax::problem_of(crestmax::tensors(query, key, value, output));
  const std::size_t size = crestmax::plan::bytes(batch);
  crestmax::plan plan;
  const crestmax::status small = crestmax::make_plan(p, {aligned(), size - 1}, plan);
  EXPECT_EQ(small.code, status_code::workspace_too_small) << small.message();
  const crestmax::status none = crestmax::make_plan(p, {}, plan);
  EXPECT_EQ(none.code, status_code::workspace_too_small) << none.message();
  const crestmax::status crooked = crestmax::make_plan(p, {aligned() + 4, size}, plan);
  EXPECT_EQ(crooked.code, status_code::misaligned) << crooked.message();
}

// Rows that are one and the same in memory: any number of them is a good tensor.
TEST_F(Workspace, LargerThanAnyMemoryIsNamed) {
  constexpr index_type sequences = index_type{1} << 20, group = 256, heads = 4096, wide = 65536;
  const auto repeated = [&](index_type len, index_type of_heads, index_type d) {
    return crestmax::tensor<float>(at(0), {sequences, len, of_heads, d}, {0, 0, 0, 1});
  };
  options.tiles = {.query_block = 4096, .splits = 64};
  std::size_t size = 0;
  const crestmax::status s = crestmax::workspace_bytes(
      crestmax::tensors(repeated(16, group * heads, d_qk), repeated(16, heads, d_qk), repeated(16, heads, wide),
                        repeated(16, group * heads, wide)), 1, size, options);
  EXPECT_EQ(s.code, status_code::too_large) << s.message();
  EXPECT_NE(std::string(s.message()).find("workspace"), std::string::npos) << s.message();
}

TEST_F(Workspace, ForTooManyWorkersIsNamed) {
  options.tiles.query_block = 4096;
  double number = 0;
  const crestmax::tensor<double> wide(&number, {1, 1, index_type{1} << 36, 65536}, {0, 0, 0, 1});
  std::size_t size = 0;
  const crestmax::status s =
      crestmax::workspace_bytes(crestmax::tensors(wide, wide, wide, wide), std::numeric_limits<int>::max(), size, options);
  EXPECT_EQ(s.code, status_code::too_large) << s.message();
}

// What a plan was made for, and what it is asked to run: a plan of another call must not be obeyed.
class AnotherPlan : public BadInput {
 protected:
  std::vector<std::uint64_t> plan_memory = std::vector<std::uint64_t>(crestmax::plan::bytes(batch) / 8);
  std::vector<std::byte> workspace = std::vector<std::byte>(1 << 22);
  crestmax::plan plan;

  std::byte* start() { return workspace.data() + (64 - reinterpret_cast<std::uintptr_t>(workspace.data()) % 64); }
  void SetUp() override {
    const crestmax::problem p{.sequences = batch, .q_len = q_len, .kv_len = kv_len, .q_heads = q_heads, .kv_heads = kv_heads,
                              .d_qk = d_qk, .d_v = d_v};
    ASSERT_TRUE(crestmax::make_plan(p, std::as_writable_bytes(std::span(plan_memory)), plan).ok());
  }
  template <class Query, class Key, class Value, class Output>
  crestmax::status check(Query q, Key k, Value v, Output o, int workers = 1) {
    options.workspace = {start(), std::size_t{1} << 21};
    return crestmax::attach(plan, workers, crestmax::tensors(q, k, v, o), crestmax::causal{}, options).ready();
  }
  template <class T>
  crestmax::tensor<T> as(crestmax::tensor<float> t) {
    return {reinterpret_cast<T*>(t.data), t.extents, t.strides};
  }
};

TEST_F(AnotherPlan, ForNoWorkersIsNamed) {
  const crestmax::status s = check(query, key, value, output, 0);
  EXPECT_EQ(s.code, status_code::bad_option);
  EXPECT_NE(std::string(s.message()).find("workers"), std::string::npos);
}

TEST_F(AnotherPlan, OfTheSameShapeIsAccepted) {
  const crestmax::status s = check(query, key, value, output);
  EXPECT_TRUE(s.ok()) << s.message();
}

TEST_F(AnotherPlan, ForMoreKeysIsRefused) {
  key.extents[1] = value.extents[1] = kv_len - 5;  // running it would read past the end
  EXPECT_FALSE(check(query, key, value, output).ok());
}

TEST_F(AnotherPlan, ForFewerKeysIsRefused) {
  key.extents[1] = value.extents[1] = kv_len + 5;
  EXPECT_FALSE(check(query, key, value, output).ok());
}

TEST_F(AnotherPlan, ForMoreQueriesIsRefused) {
  query.extents[1] = output.extents[1] = q_len - 1;
  EXPECT_FALSE(check(query, key, value, output).ok());
}

TEST_F(AnotherPlan, ForFewerQueriesIsRefused) {
  query.extents[1] = output.extents[1] = q_len + 1;
  EXPECT_FALSE(check(query, key, value, output).ok());
}

TEST_F(AnotherPlan, ForMoreSequencesIsRefused) {
  query.extents[0] = key.extents[0] = value.extents[0] = output.extents[0] = 1;
  EXPECT_FALSE(check(query, key, value, output).ok());
}

TEST_F(AnotherPlan, ForAnotherComputeTypeIsRefused) {
  // Its workspace would hold half of what doubles need.
  memory.resize(4 * memory.size());
  EXPECT_FALSE(check(as<double>(query), as<double>(key), as<double>(value), as<double>(output)).ok());
}

TEST_F(AnotherPlan, ForOtherLengthsIsRefused) {
  const std::vector<std::int32_t> lengths_now{10, 4};
  options.key_lengths = lengths_now;
  EXPECT_FALSE(check(query, key, value, output).ok());
}

TEST_F(AnotherPlan, ThatDoesNotExistIsRefused) {
  plan = crestmax::plan{};
  EXPECT_FALSE(check(query, key, value, output).ok());
}

TEST_F(AnotherPlan, ForAnotherScaleIsRefused) {
  options.scale = 3.0;
  EXPECT_FALSE(check(query, key, value, output).ok());
}

TEST_F(AnotherPlan, ForAnotherCoverageIsRefused) {
  options.coverage = crestmax::above(1);
  EXPECT_FALSE(check(query, key, value, output).ok());
}

TEST_F(AnotherPlan, ForOtherTilesIsRefused) {
  for (const crestmax::tile_sizes& tiles : {crestmax::tile_sizes{.query_block = 7}, {.key_tile = 32}, {.splits = 2}}) {
    options.tiles = tiles;
    EXPECT_FALSE(check(query, key, value, output).ok());
  }
}

TEST_F(AnotherPlan, ForAnotherChoiceOfTheSampleIsRefused) {
  options.softmax = crestmax::sampled_max{.coarse = crestmax::choice::on};
  EXPECT_FALSE(check(query, key, value, output).ok());
}

TEST_F(AnotherPlan, ForOtherElementTypesIsRefused) {
  using crestmax::bfloat16;
  EXPECT_FALSE(check(query, as<bfloat16>(key), as<bfloat16>(value), output).ok());
  EXPECT_FALSE(check(query, key, value, as<bfloat16>(output)).ok());
}

TEST_F(AnotherPlan, ForRowMaximaIsRefused) {
  options.row_max = lse;
  EXPECT_FALSE(check(query, key, value, output).ok());
}

TEST_F(AnotherPlan, ForAnotherInstructionSetIsRefused) {
  options.workspace = workspace;
  const crestmax::status s =
      crestmax::attach(plan, 1, crestmax::tensors(query, key, value, output), options, crestmax::backend::portable{}).ready();
  EXPECT_EQ(s.code, status_code::mismatch);
  EXPECT_NE(std::string(s.message()).find("plan"), std::string::npos) << s.message();
}

TEST_F(AnotherPlan, ThatLiesInTheWorkspaceIsRefused) {
  const std::span<std::byte> inside{start(), plan.memory().size()};
  std::memcpy(inside.data(), plan.memory().data(), inside.size());
  plan = crestmax::plan(inside);
  const crestmax::status s = check(query, key, value, output);
  EXPECT_EQ(s.code, status_code::overlap) << s.message();
}

TEST_F(BadInput, AnOutputWhereTheWorkspaceBeginsIsNamedAndNothingIsWritten) {
  alignas(64) static std::byte room[1 << 22];
  std::fill(std::begin(room), std::end(room), std::byte{7});
  options.workspace = room;
  for (const bool is_output : {true, false}) {
    crestmax::tensor<float>& victim = is_output ? output : query;
    const crestmax::tensor<float> kept = victim;
    victim.data = reinterpret_cast<float*>(room);
    const crestmax::status s = call();
    EXPECT_EQ(s.code, status_code::overlap) << s.message();
    for (const std::byte b : room) ASSERT_EQ(b, std::byte{7});
    victim = kept;
  }
}

TEST_F(BadInput, OffsetsGivenWithTheSourceAreCheckedToo) {
  key.extents = {1, 2 * kv_len, kv_heads, d_qk};
  value.extents = {1, 2 * kv_len, kv_heads, d_v};
  const std::int32_t offsets[] = {0, kv_len, 1000};
  const crestmax::status s = crestmax::attention(query, crestmax::make_source(key, value, offsets), output);
  EXPECT_EQ(s.code, status_code::bad_index) << s.message();
  EXPECT_NE(std::string(s.message()).find("key_offsets"), std::string::npos) << s.message();
}

}  // namespace
}  // namespace crestmax_test
