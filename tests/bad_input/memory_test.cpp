// The caller's memory: workspace and plan.
#include "bad_input.hpp"

namespace crestmax_test {
namespace {

class Workspace : public BadInput {
 protected:
  std::vector<std::byte> bytes = std::vector<std::byte>(1 << 22);
  std::byte* aligned() { return bytes.data() + (64 - reinterpret_cast<std::uintptr_t>(bytes.data()) % 64); }
  std::size_t needed() {
    const auto bound =
        crestmax::bind(query, crestmax::make_source(key, value), output, options, modifiers.chain());
    std::size_t size = 0;
    EXPECT_TRUE(crestmax::workspace_bytes(bound, 1, size).ok());
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
  const auto bound =
      crestmax::bind(query, crestmax::make_source(key, value), output, options, modifiers.chain());
  crestmax::plan plan;
  const crestmax::status small = bound.prepare({aligned(), bound.plan_bytes() - 1}, plan);
  EXPECT_EQ(small.code, status_code::workspace_too_small) << small.message();
  const crestmax::status none = bound.prepare({}, plan);
  EXPECT_EQ(none.code, status_code::workspace_too_small) << none.message();
  const crestmax::status crooked = bound.prepare({aligned() + 4, bound.plan_bytes()}, plan);
  EXPECT_EQ(crooked.code, status_code::misaligned) << crooked.message();
}

TEST_F(Workspace, ForNoWorkersIsNamed) {
  auto bound = crestmax::bind(query, crestmax::make_source(key, value), output, options, modifiers.chain());
  crestmax::plan plan;
  ASSERT_TRUE(bound.prepare({aligned(), bound.plan_bytes()}, plan).ok());
  const crestmax::status s = bound.check(plan, {aligned() + 65536, std::size_t{1} << 20}, 0);
  EXPECT_EQ(s.code, status_code::bad_option);
  EXPECT_NE(std::string(s.message()).find("workers"), std::string::npos);
}

// Rows that are one and the same in memory: any number of them is a good tensor.
TEST_F(Workspace, LargerThanAnyMemoryIsNamed) {
  constexpr index_type sequences = index_type{1} << 20, group = 256, heads = 4096, wide = 65536;
  const auto repeated = [&](index_type len, index_type of_heads, index_type d) {
    return crestmax::tensor<float>(at(0), {sequences, len, of_heads, d}, {0, 0, 0, 1});
  };
  options.tiles = {.query_block = 4096, .splits = 64};
  const auto bound = crestmax::bind(repeated(16, group * heads, d_qk), crestmax::make_source(repeated(16, heads, d_qk), repeated(16, heads, wide)),
                                    repeated(16, group * heads, wide), options);
  std::size_t size = 0;
  const crestmax::status s = crestmax::workspace_bytes(bound, 1, size);
  EXPECT_EQ(s.code, status_code::too_large) << s.message();
  EXPECT_NE(std::string(s.message()).find("workspace"), std::string::npos) << s.message();
}

TEST_F(Workspace, ForTooManyWorkersIsNamed) {
  options.tiles.query_block = 4096;
  double number = 0;
  const crestmax::tensor<double> wide(&number, {1, 1, 1, 65536});
  const auto bound = crestmax::bind(wide, crestmax::make_source(wide, wide), wide, options);
  std::size_t size = 0;
  const crestmax::status s = crestmax::workspace_bytes(bound, std::numeric_limits<int>::max(), size);
  EXPECT_EQ(s.code, status_code::too_large) << s.message();
}

// What a plan was made for, and what it is asked to run: a plan of another call must not be obeyed.
class AnotherPlan : public BadInput {
 protected:
  std::vector<std::uint64_t> plan_memory;
  std::vector<std::byte> workspace = std::vector<std::byte>(1 << 22);
  crestmax::plan plan;

  void SetUp() override {
    const auto planned =
        crestmax::bind(query, crestmax::make_source(key, value), output, options, crestmax::causal{});
    plan_memory.resize(planned.plan_bytes() / 8 + 1);
    ASSERT_TRUE(planned.prepare(std::as_writable_bytes(std::span(plan_memory)), plan).ok());
  }
  template <class Query, class Key, class Value, class Output>
  crestmax::status check(Query q, Key k, Value v, Output o) {
    auto other = crestmax::bind(q, crestmax::make_source(k, v), o, options, crestmax::causal{});
    std::byte* const start =
        workspace.data() + (64 - reinterpret_cast<std::uintptr_t>(workspace.data()) % 64);
    return other.check(plan, {start, std::size_t{1} << 21}, 1);
  }
  template <class T>
  crestmax::tensor<T> as(crestmax::tensor<float> t) {
    return {reinterpret_cast<T*>(t.data), t.extents, t.strides};
  }
};

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

TEST_F(AnotherPlan, ForAnotherInstructionSetIsRefused) {
  auto other = crestmax::bind(query, crestmax::make_source(key, value), output, options, crestmax::causal{},
                              crestmax::backend::portable{});
  const crestmax::status s = other.check(plan, workspace, 1);
  EXPECT_EQ(s.code, status_code::mismatch);
  EXPECT_NE(std::string(s.message()).find("plan"), std::string::npos) << s.message();
}

TEST_F(AnotherPlan, ThatLiesInTheWorkspaceIsRefused) {
  auto call = crestmax::bind(query, crestmax::make_source(key, value), output, options, crestmax::causal{});
  std::byte* const start = workspace.data() + (64 - reinterpret_cast<std::uintptr_t>(workspace.data()) % 64);
  ASSERT_TRUE(call.prepare({start, call.plan_bytes()}, plan).ok());
  const crestmax::status s = call.check(plan, {start, std::size_t{1} << 21}, 1);
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
