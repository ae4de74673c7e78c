// What the machine has to be: the toolkit's version, the chip, its cores; and what the caller has to bring.
#include "fake_call.hpp"

namespace crestmax_test {
namespace {

class Machine : public FakeDevice {
 protected:
  // The option that says which chip the kernel was compiled for.
  static std::string architecture() {
    const auto& all = ascend_fake::now().options;
    return all.empty() ? "" : all.back().front();
  }
};

TEST_F(Machine, WithAnOlderToolkitIsRefusedAndBothVersionsAreNamed) {
  for (const char* version : {"9.0.0", "8.5.0", "8.3.RC1", "0"}) {
    ascend_fake::now().version = version;
    expect_error(status_code::unavailable, {"CANN", "9.1", std::string("given ") + version});
  }
}

TEST_F(Machine, WithANewerToolkitIsServed) {
  for (const char* version : {"9.1.0", "9.2.0", "10.0.0"}) {
    ascend_fake::now().version = version;
    cache.emplace();
    expect_success();
  }
}

TEST_F(Machine, OfTheFirstGenerationGetsKernelsOfItsOwn) {
  for (const char* chip : {"Ascend910B1", "Ascend910B4", "Ascend910_9392"}) {
    ascend_fake::now().chip = chip;
    cache.emplace();
    expect_success();
    EXPECT_EQ(architecture(), "--npu-arch=dav-2201");
    EXPECT_NE(ascend_fake::now().sources.back().find("target_2201"), std::string::npos);
    EXPECT_EQ(ascend_fake::now().sources.back().find("#define CRESTMAX_ASCEND_TARGET 2201\n#include"), 0u) << "else its headers compile the other's calls";
  }
}

TEST_F(Machine, OfTheSecondGenerationGetsKernelsOfItsOwn) {
  ascend_fake::now().chip = "Ascend950PR_9579";
  expect_success();
  EXPECT_EQ(architecture(), "--npu-arch=dav-3510");
  EXPECT_NE(ascend_fake::now().sources.back().find("target_3510"), std::string::npos);
  EXPECT_EQ(ascend_fake::now().sources.back().find("#define CRESTMAX_ASCEND_TARGET 3510\n#include"), 0u) << "else its headers compile the other's calls";
}

TEST_F(Machine, WithAnotherChipIsRefusedByName) {
  for (const char* chip : {"Ascend310P3", "Ascend910A", ""}) {
    ascend_fake::now().chip = chip;
    expect_error(status_code::unavailable, {"device", "Ascend910B", chip});
  }
}

TEST_F(Machine, WithoutAChipIsRefused) {
  ascend_fake::now().no_chip = true;
  expect_error(status_code::unavailable, {"aclrtGetSocName"});
}

TEST_F(Machine, WithoutCubeCoresIsRefused) {
  for (const index_type cores : {0, -1, 1 << 20}) {
    ascend_fake::now().cores = cores;
    expect_error(status_code::unavailable, {"cube cores", std::to_string(cores)});
  }
}

TEST_F(Machine, IsAskedOncePerCache) {
  for (int i = 0; i < 3; ++i) expect_success();
  EXPECT_EQ(ascend_fake::now().count("aclsysGetCANNVersion"), 1);
  EXPECT_EQ(ascend_fake::now().count("aclrtGetDeviceInfo"), 1);
}

TEST_F(Machine, WithAnotherCurrentDeviceThanTheCachesIsRefused) {
  expect_success();
  ascend_fake::now().device = 3;
  expect_error(status_code::mismatch, {"kernel_cache", "0, given 3"}, 1);
  ascend_fake::now().device = 0;
  expect_success();
}

TEST_F(Machine, MayChangeItsDeviceWhileTheCacheIsEmpty) {
  expect_success();
  cache->clear();
  ascend_fake::now().device = 3;
  ascend_fake::now().chip = "Ascend950";
  expect_success();
  EXPECT_EQ(architecture(), "--npu-arch=dav-3510");
}

TEST_F(Machine, WantsAStream) {
  backend.device.stream = nullptr;
  expect_error(status_code::null_pointer, {"stream", "null"});
}

TEST_F(Machine, WantsACache) {
  backend.device.cache = nullptr;
  expect_error(status_code::null_pointer, {"cache", "null"});
}

}  // namespace
}  // namespace crestmax_test
