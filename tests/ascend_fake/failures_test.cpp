// Every entry point that can fail does, one at a time: each becomes a status that names it; nothing is written, nothing
// stays alive, and the next call works.
#include "fake_call.hpp"

namespace crestmax_test {
namespace {

struct failing_entry_point {
  const char* name;
  status_code code;
};

class EntryPointThatFails : public FakeDevice, public ::testing::WithParamInterface<failing_entry_point> {};

TEST_P(EntryPointThatFails, IsNamedWithItsErrorAndWhatCannSays) {
  ascend_fake::now().failing[GetParam().name] = 507015;
  ascend_fake::now().message = "E30005: something is wrong";
  expect_error(GetParam().code, {GetParam().name, "507015", "E30005: something is wrong"});
}

TEST_P(EntryPointThatFails, DoesNotSpoilTheNextCall) {
  ascend_fake::now().failing[GetParam().name] = 1;
  EXPECT_FALSE(call().ok());
  EXPECT_EQ(cache->size(), ascend_fake::now().binaries);
  ascend_fake::now().failing.clear();
  expect_success();
  EXPECT_EQ(ascend_fake::now().launches.size(), 1u);
}

TEST_P(EntryPointThatFails, IsEnoughWithoutAWordFromCann) {
  ascend_fake::now().failing[GetParam().name] = 1;
  expect_error(GetParam().code, {GetParam().name, "given error 1"});
}

INSTANTIATE_TEST_SUITE_P(
    All, EntryPointThatFails,
    ::testing::Values(failing_entry_point{"aclrtGetDevice", status_code::unavailable},
                      failing_entry_point{"aclsysGetCANNVersion", status_code::unavailable},
                      failing_entry_point{"aclrtGetDeviceInfo", status_code::unavailable},
                      failing_entry_point{"aclrtcCreateProg", status_code::not_compiled},
                      failing_entry_point{"aclrtcCompileProg", status_code::not_compiled},
                      failing_entry_point{"aclrtcGetBinDataSize", status_code::not_compiled},
                      failing_entry_point{"aclrtcGetBinData", status_code::not_compiled},
                      failing_entry_point{"aclrtBinaryLoadFromData", status_code::device_error},
                      failing_entry_point{"aclrtBinaryGetFunction", status_code::device_error},
                      failing_entry_point{"aclrtLaunchKernelWithArgsArray", status_code::device_error}),
    [](const auto& tested) { return std::string(tested.param.name); });

class WaitingForTheDevice : public FakeDevice {
 protected:
  void SetUp() override { options.report = &report; }
};

TEST_F(WaitingForTheDevice, ThatFailsIsNamed) {
  ascend_fake::now().failing["aclrtSynchronizeStream"] = 507011;
  ascend_fake::now().message = "aicore exception";
  expect_error(status_code::device_error, {"aclrtSynchronizeStream", "507011", "aicore exception"}, 1);
}

TEST_F(WaitingForTheDevice, WhoseCountersCannotBeReadIsNamed) {
  ascend_fake::now().failing["aclrtMemcpy"] = 107002;
  expect_error(status_code::device_error, {"aclrtMemcpy", "107002"}, 1);
}

using ADestructionThatFails = FakeDevice;

TEST_F(ADestructionThatFails, OfAProgramDoesNotFailTheCall) {
  ascend_fake::now().failing["aclrtcDestroyProg"] = 1;
  expect_success();
}

TEST_F(ADestructionThatFails, OfABinaryDoesNotStopTheOthers) {
  ascend_fake::now().failing["aclrtBinaryUnLoad"] = 1;
  expect_success();
  modifiers.causal.enabled = true;
  expect_success();
  cache->clear();
  EXPECT_EQ(ascend_fake::now().count("aclrtBinaryUnLoad"), 2);
}

using ABinary = FakeDevice;

TEST_F(ABinary, OfNoBytesIsRefused) {
  ascend_fake::now().binary_bytes = 0;
  expect_error(status_code::out_of_memory, {"kernel", "given 0"});
}

TEST_F(ABinary, TooLargeForTheMachineIsRefused) {
  ascend_fake::now().binary_bytes = std::size_t{1} << 62;
  expect_error(status_code::out_of_memory, {"kernel", "4611686018427387904"});
}

class CompileLog : public FakeDevice {
 protected:
  void SetUp() override { ascend_fake::now().failing["aclrtcCompileProg"] = 176003; }
};

TEST_F(CompileLog, IsInTheMessageFromItsFirstErrorOn) {
  ascend_fake::now().log = "kernel:1:1: warning: long and boring\nkernel:7:3: error: no member named 'Mmad'\nmore\n";
  expect_error(status_code::not_compiled, {"aclrtcCompileProg", "176003", "kernel:7:3: error: no member named 'Mmad'"});
  EXPECT_EQ(std::string(call().message()).find("boring"), std::string::npos);
}

TEST_F(CompileLog, IsKeptWholeByTheCache) {
  ascend_fake::now().log = "kernel:1:1: warning: long and boring\nkernel:7:3: error: no member named 'Mmad'\nmore\n";
  EXPECT_FALSE(call().ok());
  EXPECT_EQ(cache->log(), ascend_fake::now().log);
}

TEST_F(CompileLog, WithoutTheWordErrorIsInTheMessageFromItsBeginning) {
  ascend_fake::now().log = "bisheng: out of disk\n";
  expect_error(status_code::not_compiled, {"bisheng: out of disk"});
}

TEST_F(CompileLog, OfManyPagesIsCut) {
  ascend_fake::now().log = "error: " + std::string(100000, 'x');
  expect_error(status_code::not_compiled, {"error: xxx"});
  EXPECT_EQ(std::strlen(cache->log()), 4095u);
}

TEST_F(CompileLog, ThatIsEmptyLeavesTheCode) {
  expect_error(status_code::not_compiled, {"aclrtcCompileProg", "176003"});
}

TEST_F(CompileLog, ThatCannotBeReadLeavesTheCode) {
  ascend_fake::now().log = "never read";
  for (const char* entry_point : {"aclrtcGetCompileLogSize", "aclrtcGetCompileLog"}) {
    ascend_fake::now().failing = {{"aclrtcCompileProg", 176003}, {entry_point, 1}};
    expect_error(status_code::not_compiled, {"aclrtcCompileProg", "176003"});
  }
}

TEST_F(CompileLog, OfAnEarlierFailureIsForgotten) {
  ascend_fake::now().log = "error: the first";
  EXPECT_FALSE(call().ok());
  ascend_fake::now().log = "";
  EXPECT_FALSE(call().ok());
  EXPECT_STREQ(cache->log(), "");
}

}  // namespace
}  // namespace crestmax_test
