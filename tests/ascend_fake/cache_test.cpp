// The caller's cache of compiled kernels, and what is compiled.
#include <filesystem>

#include "fake_call.hpp"

namespace crestmax_test {
namespace {

class KernelCache : public FakeDevice {
 protected:
  static int compiled() { return ascend_fake::now().count("aclrtcCompileProg"); }
  static bool source_has(const std::string& text) {
    return ascend_fake::now().sources.back().find(text) != std::string::npos;
  }
  static std::string include_option() {
    for (const std::string& option : ascend_fake::now().options.back()) {
      if (option.rfind("-I", 0) == 0) return option.substr(2);
    }
    return "";
  }
};

TEST_F(KernelCache, CompilesAKernelOnce) {
  for (int i = 0; i < 3; ++i) expect_success();
  EXPECT_EQ(compiled(), 1);
  EXPECT_EQ(cache->size(), 1);
  EXPECT_EQ(ascend_fake::now().launches.size(), 3u);
}

TEST_F(KernelCache, CompilesCausalAndFullApart) {
  expect_success();
  EXPECT_TRUE(source_has("kernel_traits<half, 64, 64, false, "));
  modifiers.causal.enabled = true;
  expect_success();
  EXPECT_TRUE(source_has("kernel_traits<half, 64, 64, true, "));
  EXPECT_EQ(compiled(), 2);
  modifiers.causal.enabled = false;
  expect_success();
  EXPECT_EQ(compiled(), 2);
  EXPECT_EQ(ascend_fake::now().launches[0].kernel, ascend_fake::now().launches[2].kernel);
  EXPECT_NE(ascend_fake::now().launches[0].kernel, ascend_fake::now().launches[1].kernel);
}

TEST_F(KernelCache, CompilesEveryTypeApart) {
  expect_success();
  const auto as_brain = [](crestmax::tensor<float16> t) {
    return crestmax::tensor<crestmax::bfloat16>(reinterpret_cast<crestmax::bfloat16*>(t.data), t.extents, t.strides);
  };
  options.workspace = workspace;
  const crestmax::status s = crestmax::attention(as_brain(query), as_brain(key), as_brain(value), as_brain(output), options,
                                                 crestmax::no_modifiers{}, backend);
  EXPECT_TRUE(s.ok()) << s.message();
  EXPECT_TRUE(source_has("kernel_traits<bfloat16_t, 64, 64, false, "));
  EXPECT_EQ(compiled(), 2);
}

TEST_F(KernelCache, OfAnotherShapeOfTheSameHeadsCompilesNothing) {
  expect_success();
  key.extents[1] = value.extents[1] = 77;
  expect_success();
  EXPECT_EQ(compiled(), 1);
}

TEST_F(KernelCache, IsNotAskedToRunWhatDidNotCompile) {
  ascend_fake::now().failing["aclrtcCompileProg"] = 176003;
  EXPECT_FALSE(call().ok());
  EXPECT_EQ(cache->size(), 0);
  EXPECT_EQ(ascend_fake::now().count("aclrtBinaryLoadFromData"), 0);
}

TEST_F(KernelCache, ThatIsFullSaysSoAndServesWhatItHas) {
  crestmax::npu::device_properties properties;
  ASSERT_TRUE(cache->describe(properties).ok());
  aclrtFuncHandle function{};
  crestmax::npu::kernel_key key_of_one{crestmax::npu::generation::atlas_2201, crestmax::scalar_kind::float16, 0, 64, false};
  for (int i = 0; i < crestmax::cann::kernel_cache::capacity; ++i) {
    key_of_one.d_qk = i;
    ASSERT_TRUE(cache->find(key_of_one, 28, function).ok());
  }
  expect_error(status_code::out_of_memory, {"kernel_cache", "32, given 33"});
  EXPECT_TRUE(cache->find(key_of_one, 28, function).ok());
  cache->clear();
  expect_success();
}

TEST_F(KernelCache, UnloadsItsKernelsWhenCleared) {
  expect_success();
  cache->clear();
  EXPECT_EQ(ascend_fake::now().binaries, 0);
  EXPECT_EQ(cache->size(), 0);
  expect_success();
  EXPECT_EQ(compiled(), 2);
}

TEST_F(KernelCache, UnloadsItsKernelsWhenItEnds) {
  expect_success();
  cache.reset();
  EXPECT_EQ(ascend_fake::now().binaries, 0);
}

TEST_F(KernelCache, CompilesWithTheHeadersThatThisProgramWasBuiltFrom) {
  expect_success();
  EXPECT_TRUE(std::filesystem::exists(include_option() + "/crestmax/backend/ascend/arguments.hpp")) << include_option();
}

TEST_F(KernelCache, CompilesWithHeadersElsewhere) {
  cache.emplace("/somewhere/else/include");
  expect_success();
  EXPECT_EQ(include_option(), "/somewhere/else/include");
}

TEST_F(KernelCache, RefusesAFolderWithTooLongAPath) {
  const std::string folder(5000, 'x');
  cache.emplace(folder.c_str());
  expect_error(status_code::bad_option, {"kernel_cache", "folder", "5000"});
}

TEST_F(KernelCache, NamesTheEntryPointAfterWhatItIsFor) {
  modifiers.causal.enabled = true;
  expect_success();
  EXPECT_EQ(ascend_fake::now().launches.back().kernel, "crestmax_2201_float16_64_64_causal");
  EXPECT_TRUE(source_has("extern \"C\" __global__ __mix__(1, 2) void crestmax_2201_float16_64_64_causal(uint64_t w0, "));
}

TEST_F(KernelCache, HasOneParameterForEveryWordOfTheArguments) {
  expect_success();
  EXPECT_TRUE(source_has("uint64_t w27)"));
  EXPECT_FALSE(source_has("w28"));
  EXPECT_EQ(crestmax::npu::argument_words, 28u);
}

}  // namespace
}  // namespace crestmax_test
