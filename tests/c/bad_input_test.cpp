// Calls from C that are wrong: each is refused by the name of the argument, and writes nothing.
#include "broken_call.hpp"

namespace crestmax_test {
namespace {

TEST_F(BadInputFromC, IsNoneBeforeItIsBroken) {
  EXPECT_EQ(call(), CRESTMAX_OK) << status.message;
  EXPECT_STREQ(status.message, "ok");
  take_pages();
  EXPECT_EQ(call(), CRESTMAX_OK) << status.message;
}

TEST_F(BadInputFromC, NeedsNoStatusToBeRefused) {
  tensors.query.data = nullptr;
  EXPECT_EQ(crestmax_attention(&tensors, &options, nullptr, nullptr), CRESTMAX_NULL_POINTER);
}

TEST_F(BadInputFromC, OfNullTensorsIsNamed) {
  expect_message(crestmax_attention(nullptr, &options, nullptr, &status), CRESTMAX_NULL_POINTER, {"tensors"});
}

TEST_F(BadInputFromC, OfMisalignedTensorsIsNamed) {
  std::vector<unsigned char> bytes(sizeof tensors + 8);
  auto* const askew = reinterpret_cast<crestmax_tensors*>(bytes.data() + 1);
  expect_message(crestmax_attention(askew, &options, nullptr, &status), CRESTMAX_MISALIGNED, {"tensors"});
}

TEST_F(BadInputFromC, OfDataThatIsNullIsNamed) {
  const struct { const void** data; const char* name; } inputs[] = {
      {&tensors.query.data, "query"}, {&tensors.key.data, "key"}, {&tensors.value.data, "value"}};
  for (const auto& i : inputs) {
    const void* const kept = std::exchange(*i.data, nullptr);
    expect_refusal(CRESTMAX_NULL_POINTER, {i.name, "null"});
    *i.data = kept;
  }
  tensors.output.data = nullptr;
  expect_refusal(CRESTMAX_NULL_POINTER, {"output", "null"});
}

TEST_F(BadInputFromC, OfTypesThatThereAreNotIsNamed) {
  const struct { crestmax_type* type; const char* name; } types[] = {{&tensors.query.type, "query.type"},
                                                                     {&tensors.key.type, "key.type"},
                                                                     {&tensors.value.type, "value.type"},
                                                                     {&tensors.output.type, "output.type"},
                                                                     {&options.lse.type, "lse.type"}};
  for (const auto& t : types) {
    for (const crestmax_type bad : {0, 5, -1, 77}) {
      *t.type = bad;
      expect_refusal(CRESTMAX_BAD_OPTION, {t.name, "given " + std::to_string(bad)});
    }
    *t.type = CRESTMAX_FLOAT32;
  }
}

TEST_F(BadInputFromC, OfRowsInSixteenBitsIsNamed) {
  options.row_max = crestmax_dense_rows(at(5000), CRESTMAX_FLOAT16, batch, q_len, q_heads);
  expect_refusal(CRESTMAX_BAD_OPTION, {"row_max.type", "given 3"});
}

TEST_F(BadInputFromC, OfExtentsThatDisagreeIsNamed) {
  tensors.key.extents[3] = d_qk - 1;
  expect_refusal(CRESTMAX_MISMATCH, {"key", "head_dim", "given 7"});
}

TEST_F(BadInputFromC, OfConstantsThatThereAreNotIsNamed) {
  const struct { int32_t* constant; const char* name; } constants[] = {{&options.most_instruction_set, "most_instruction_set"},
                                                                       {&options.least_instruction_set, "least_instruction_set"},
                                                                       {&options.coverage, "coverage"},
                                                                       {&options.method, "method"},
                                                                       {&options.coarse, "coarse"},
                                                                       {&options.weights, "weights"},
                                                                       {&options.products, "products"}};
  for (const auto& c : constants) {
    const int32_t kept = *c.constant;
    for (const int32_t bad : {-1, 99}) {
      *c.constant = bad;
      expect_refusal(CRESTMAX_BAD_OPTION, {"options.", c.name, "given " + std::to_string(bad)});
    }
    *c.constant = kept;
  }
}

TEST_F(BadInputFromC, OfOptionsThatCppRefusesIsNamedAsThere) {
  options.guard_limit = -1;
  expect_refusal(CRESTMAX_BAD_OPTION, {"guard_limit", "given -1"});
}

TEST_F(BadInputFromC, OfNoWorkspaceIsNamed) {
  options.workspace = {};
  expect_refusal(CRESTMAX_WORKSPACE_TOO_SMALL, {"workspace", "given 0"});
}

TEST_F(BadInputFromC, OfANullWorkspaceOfSomeSizeIsNamed) {
  options.workspace.data = nullptr;
  expect_refusal(CRESTMAX_NULL_POINTER, {"workspace", "null"});
}

TEST_F(BadInputFromC, OfCountsThatNoMemoryHasIsNamed) {
  options.query_offsets = {lengths.data(), SIZE_MAX};
  expect_refusal(CRESTMAX_BAD_EXTENT, {"query_offsets.count"});
}

TEST_F(BadInputFromC, OfLengthsThatAreNullIsNamed) {
  options.key_lengths = {nullptr, 2};
  expect_refusal(CRESTMAX_NULL_POINTER, {"key_lengths", "null"});
}

TEST_F(BadInputFromC, OfLengthsOutsideOfTheTensorIsNamed) {
  lengths[1] = 11;
  options.key_lengths = {lengths.data(), 2};
  expect_refusal(CRESTMAX_BAD_INDEX, {"key_lengths, sequence 1", "given 11"});
}

TEST_F(BadInputFromC, OfAParallelForWithoutAFunctionIsNamed) {
  const crestmax_parallel_for parallel{2, nullptr, nullptr};
  expect_message(crestmax_attention(&tensors, &options, &parallel, &status), CRESTMAX_NULL_POINTER, {"parallel.run"});
}

TEST_F(BadInputFromC, OfNoWorkersIsNamed) {
  const crestmax_parallel_for parallel{0, [](void*, int64_t, crestmax_item, void*) {}, nullptr};
  expect_message(crestmax_attention(&tensors, &options, &parallel, &status), CRESTMAX_BAD_OPTION, {"workers", "given 0"});
}

TEST_F(BadInputFromC, OfKeysBesidePagesIsNamed) {
  tensors.pages = &pages;
  expect_refusal(CRESTMAX_BAD_OPTION, {"key", "pages"});
  tensors.key = {};
  expect_refusal(CRESTMAX_BAD_OPTION, {"value", "pages"});
}

TEST_F(BadInputFromC, OfPagesThatDoNotExistIsNamed) {
  take_pages();
  block_table[4] = 8;
  expect_refusal(CRESTMAX_BAD_INDEX, {"block_table, sequence 1, entry 1", "given 8"});
}

TEST_F(BadInputFromC, OfPagesOfNoTypeIsNamed) {
  take_pages();
  pages.value_pages.type = 99;
  expect_refusal(CRESTMAX_BAD_OPTION, {"value_pages.type", "given 99"});
}

TEST_F(BadInputFromC, OfANullBlockTableIsNamed) {
  take_pages();
  pages.block_table.data = nullptr;
  expect_refusal(CRESTMAX_NULL_POINTER, {"block_table", "null"});
}

TEST_F(BadInputFromC, OfModifiersThatAreNullIsNamed) {
  options.modifiers = nullptr;
  expect_refusal(CRESTMAX_NULL_POINTER, {"modifiers", "null"});
}

TEST_F(BadInputFromC, OfTooManyModifiersIsNamed) {
  const std::vector<crestmax_modifier> many(CRESTMAX_MOST_MODIFIERS + 1, crestmax_causal());
  options.modifiers = many.data();
  options.modifier_count = many.size();
  expect_refusal(CRESTMAX_BAD_OPTION, {"modifier_count", "16", "given 17"});
  options.modifier_count = many.size() - 1;
  EXPECT_EQ(call(), CRESTMAX_OK) << status.message;
}

TEST_F(BadInputFromC, OfAModifierOfNoKindIsNamed) {
  for (const int32_t bad : {0, -1, CRESTMAX_TREE_MASK + 1}) {
    modifier.kind = bad;
    expect_refusal(CRESTMAX_BAD_OPTION, {"modifiers, entry 0.kind", "given " + std::to_string(bad)});
  }
}

TEST_F(BadInputFromC, OfModifiersWithoutWhatTheyReadIsNamed) {
  const struct { crestmax_modifier m; const char* name; } broken[] = {
      {crestmax_alibi(nullptr, q_heads), "alibi.slopes"},
      {crestmax_attention_sinks(nullptr, 0), "attention_sinks.logits"},
      {crestmax_additive_bias(crestmax_dense(nullptr, CRESTMAX_FLOAT32, 1, 1, 1, 1)), "additive_bias"},
      {crestmax_boolean_mask({}), "boolean_mask"},
      {crestmax_custom_score(nullptr, nullptr), "custom_score.score"},
      {crestmax_custom_mask(nullptr, nullptr), "custom_mask.visible"}};
  for (const auto& b : broken) {
    modifier = b.m;
    expect_refusal(CRESTMAX_NULL_POINTER, {b.name, "null"});
  }
}

TEST_F(BadInputFromC, OfTablesOfAnotherTypeIsNamed) {
  modifier = crestmax_additive_bias(crestmax_dense(at(6000), CRESTMAX_BYTE, 1, 1, 1, 1));
  expect_refusal(CRESTMAX_BAD_OPTION, {"additive_bias.type", "given 5"});
  modifier = crestmax_boolean_mask(crestmax_dense(at(6000), CRESTMAX_FLOAT32, 1, 1, 1, 1));
  expect_refusal(CRESTMAX_BAD_OPTION, {"boolean_mask.type", "given 1"});
}

TEST_F(BadInputFromC, OfTooFewSlopesIsNamed) {
  modifier = crestmax_alibi(at(6000), q_heads - 1);
  expect_refusal(CRESTMAX_MISMATCH, {"alibi.slopes", "given 3"});
}

TEST_F(BadInputFromC, OfAMaskTensorIsNamed) {
  std::vector<std::uint64_t> words(200);
  const crestmax_memory map{words.data(), words.size() * 8};
  const crestmax_tensor mask = crestmax_dense(at(6000), CRESTMAX_FLOAT32, 1, 1, q_len, kv_len);
  modifier = crestmax_mask_tensor(mask, map);
  expect_refusal(CRESTMAX_MISMATCH, {"mask_tensor.map", "built"});
  ASSERT_EQ(crestmax_build_mask_map(&mask, map, nullptr, &status), CRESTMAX_OK) << status.message;
  modifier.table.extents[3] = 1;
  expect_refusal(CRESTMAX_MISMATCH, {"mask_tensor.map, axis 3", "extent 1", "given 10"});
  modifier.table.type = 9;
  expect_refusal(CRESTMAX_BAD_OPTION, {"mask_tensor.type", "given 9"});
  modifier = crestmax_mask_tensor(mask, {nullptr, 0});
  expect_refusal(CRESTMAX_NULL_POINTER, {"mask_tensor.map", "null"});
  modifier = crestmax_mask_tensor(crestmax_dense(nullptr, CRESTMAX_FLOAT32, 1, 1, q_len, kv_len), map);
  expect_refusal(CRESTMAX_NULL_POINTER, {"mask_tensor", "null"});
}

TEST_F(BadInputFromC, OfAMaskMapIsNamed) {
  std::vector<std::uint64_t> words(200);
  const crestmax_memory map{words.data(), words.size() * 8};
  crestmax_tensor mask = crestmax_dense(at(6000), CRESTMAX_FLOAT32, 1, 1, q_len, kv_len);
  std::size_t bytes = 0;
  int64_t items = 0;
  const auto refused = [&](crestmax_code code, crestmax_code expected, const char* name) {
    EXPECT_EQ(code, expected) << status.message;
    EXPECT_NE(std::string(status.message).find(name), std::string::npos) << status.message;
  };
  refused(crestmax_mask_map_bytes(nullptr, &bytes, &status), CRESTMAX_NULL_POINTER, "mask");
  refused(crestmax_mask_map_bytes(&mask, nullptr, &status), CRESTMAX_NULL_POINTER, "bytes");
  refused(crestmax_begin_mask_map(&mask, map, nullptr, &status), CRESTMAX_NULL_POINTER, "items");
  refused(crestmax_run_mask_map(&mask, map, 0, &status), CRESTMAX_MISMATCH, "begun");
  refused(crestmax_finish_mask_map(&mask, map, &status), CRESTMAX_MISMATCH, "begun");
  refused(crestmax_build_mask_map(&mask, {words.data(), 8}, nullptr, &status), CRESTMAX_WORKSPACE_TOO_SMALL, "map");
  const crestmax_parallel_for none{1, nullptr, nullptr};
  refused(crestmax_build_mask_map(&mask, map, &none, &status), CRESTMAX_NULL_POINTER, "parallel.run");
  ASSERT_EQ(crestmax_begin_mask_map(&mask, map, &items, &status), CRESTMAX_OK) << status.message;
  refused(crestmax_finish_mask_map(&mask, map, &status), CRESTMAX_MISMATCH, "item");
  mask.type = CRESTMAX_FLOAT16;
  refused(crestmax_run_mask_map(&mask, map, 0, &status), CRESTMAX_MISMATCH, "type");
  mask.type = 0;
  refused(crestmax_mask_map_bytes(&mask, &bytes, &status), CRESTMAX_BAD_OPTION, "mask.type");
}

TEST_F(BadInputFromC, OfAModifierThatIsOffIsNoMatter) {
  modifier = crestmax_alibi(nullptr, 0);
  modifier.off = 1;
  EXPECT_EQ(call(), CRESTMAX_OK) << status.message;
}

TEST_F(BadInputFromC, OfASetThatThisMachineHasNotIsNamed) {
  const int32_t foreign = crestmax_has_instruction_set(CRESTMAX_SET_NEON) != 0 ? CRESTMAX_SET_AVX2 : CRESTMAX_SET_NEON;
  options.least_instruction_set = foreign;
  options.most_instruction_set = foreign;
  expect_refusal(CRESTMAX_UNAVAILABLE, {"instruction_set"});
}

TEST_F(BadInputFromC, OfResultsThatAreNullIsNamed) {
  expect_message(crestmax_workspace_bytes(&tensors, &options, 1, nullptr, &status), CRESTMAX_NULL_POINTER, {"bytes"});
  expect_message(crestmax_problem_of(&tensors, &options, nullptr, &status), CRESTMAX_NULL_POINTER, {"problem"});
  expect_message(crestmax_check_pages(&pages, nullptr, &status), CRESTMAX_NULL_POINTER, {"checked"});
  expect_message(crestmax_check_pages(nullptr, nullptr, &status), CRESTMAX_NULL_POINTER, {"checked"});
  expect_message(crestmax_read_plan({}, 1, nullptr, &status), CRESTMAX_NULL_POINTER, {"facts"});
}

}  // namespace
}  // namespace crestmax_test
