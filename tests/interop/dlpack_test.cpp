#include <crestmax/interop/dlpack.hpp>
// The header above must stand alone.
#include "compare.hpp"

namespace crestmax_test {
namespace {

using crestmax::status_code;

// A tensor as the DLPack standard lays it out.
enum device_type : std::int32_t { cpu_device = 1, cuda_device = 2 };
struct device {
  enum device_type device_type;
  std::int32_t device_id;
};
struct data_type {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct exchange_tensor {
  void* data;
  struct device device;
  std::int32_t ndim;
  data_type dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};

class Dlpack : public ::testing::Test {
 protected:
  std::vector<float> memory = std::vector<float>(256);
  std::int64_t shape[4] = {2, 5, 3, 8};
  std::int64_t strides[4] = {120, 8, 40, 1};
  exchange_tensor source{memory.data(), {cpu_device, 0}, 4, {2, 32, 1}, shape, strides, 0};
  crestmax::tensor<float> view;

  void expect_refusal(status_code code, const char* words) {
    expect_error(crestmax::as_tensor(source, view, "key"), code, "key: ");
    expect_error(crestmax::as_tensor(source, view, "key"), code, words);
    EXPECT_EQ(view.data, nullptr) << "a refused tensor was written";
  }
};

TEST_F(Dlpack, TensorOfRankFourIsTakenAsItIs) {
  ASSERT_TRUE(crestmax::as_tensor(source, view).ok());
  expect_view(view, memory.data(), {2, 5, 3, 8}, {120, 8, 40, 1});
}

TEST_F(Dlpack, NullStridesMeanNoGaps) {
  source.strides = nullptr;
  ASSERT_TRUE(crestmax::as_tensor(source, view).ok());
  expect_view(view, memory.data(), {2, 5, 3, 8}, {120, 24, 8, 1});
}

TEST_F(Dlpack, TensorOfRankThreeIsOneSequence) {
  source.ndim = 3;
  source.shape = shape + 1;
  source.strides = nullptr;
  ASSERT_TRUE(crestmax::as_tensor(source, view).ok());
  expect_view(view, memory.data(), {1, 5, 3, 8}, {0, 24, 8, 1});
}

TEST_F(Dlpack, TensorOfRankTwoIsOneHead) {
  std::int64_t two[2] = {5, 8};
  source.ndim = 2;
  source.shape = two;
  source.strides = nullptr;
  ASSERT_TRUE(crestmax::as_tensor(source, view).ok());
  expect_view(view, memory.data(), {1, 5, 1, 8}, {0, 8, 0, 1});
}

TEST_F(Dlpack, ByteOffsetIsAdded) {
  source.byte_offset = 8;
  ASSERT_TRUE(crestmax::as_tensor(source, view).ok());
  EXPECT_EQ(view.data, memory.data() + 2);
}

TEST_F(Dlpack, MemoryMayBecomeATensorOfConst) {
  crestmax::tensor<const float> read_only;
  ASSERT_TRUE(crestmax::as_tensor(source, read_only).ok());
  EXPECT_EQ(read_only.data, memory.data());
}

TEST_F(Dlpack, HalfAndBrainFloatsHaveTheirCodes) {
  crestmax::tensor<crestmax::float16> half;
  source.dtype = {2, 16, 1};
  EXPECT_TRUE(crestmax::as_tensor(source, half).ok());
  crestmax::tensor<crestmax::bfloat16> brain;
  EXPECT_FALSE(crestmax::as_tensor(source, brain).ok());
  source.dtype = {4, 16, 1};
  EXPECT_TRUE(crestmax::as_tensor(source, brain).ok());
  EXPECT_FALSE(crestmax::as_tensor(source, half).ok());
}

TEST_F(Dlpack, AnotherDeviceIsNamed) {
  source.device.device_type = cuda_device;
  expect_refusal(status_code::unsupported, "device 1, given 2");
}

TEST_F(Dlpack, AnotherElementTypeIsNamed) {
  source.dtype = {2, 64, 1};
  expect_refusal(status_code::mismatch, "float32, DLPack code 2 of 32 bits in 1 lane, given code 2 of 64 bits");
  source.dtype = {0, 32, 1};
  expect_refusal(status_code::mismatch, "given code 0");
}

TEST_F(Dlpack, ElementsOfSeveralLanesAreNamed) {
  source.dtype = {2, 32, 4};
  expect_refusal(status_code::mismatch, "in 4 lanes");
}

TEST_F(Dlpack, RanksOutsideTwoToFourAreNamed) {
  for (const std::int32_t rank : {-1, 0, 1, 5}) {
    source.ndim = rank;
    expect_refusal(status_code::unsupported, ("given " + std::to_string(rank)).c_str());
  }
}

TEST_F(Dlpack, ANullShapeIsNamed) {
  source.shape = nullptr;
  expect_refusal(status_code::null_pointer, "a shape");
}

TEST_F(Dlpack, NullDataIsNamed) {
  source.data = nullptr;
  expect_refusal(status_code::null_pointer, "a pointer");
}

TEST_F(Dlpack, NullDataWithoutElementsIsAccepted) {
  source.data = nullptr;
  shape[1] = 0;
  EXPECT_TRUE(crestmax::as_tensor(source, view).ok());
  EXPECT_EQ(view.size(), 0);
}

TEST_F(Dlpack, AnOffsetBetweenElementsIsNamed) {
  source.byte_offset = 6;
  expect_refusal(status_code::misaligned, "multiple of 4, given 2");
}

TEST_F(Dlpack, TensorWhoseOffsetWrapsAroundIsNamed) {
  source.byte_offset = ~std::uint64_t{0} - 31;
  expect_refusal(status_code::bad_index, "byte_offset");
}

TEST_F(Dlpack, TensorGoesThroughACallAsPlainPointersDo) {
  plain_call<float> c{.len = 20, .heads = 2, .head_dim = 8};
  std::vector<float> result(c.query.size());
  std::int64_t extents[3] = {20, 2, 8};
  const auto of = [&](std::vector<float>& from) {
    crestmax::tensor<float> t;
    const crestmax::status s = crestmax::as_tensor(
        exchange_tensor{from.data(), {cpu_device, 0}, 3, {2, 32, 1}, extents, nullptr, 0}, t);
    EXPECT_TRUE(s.ok()) << s.message();
    return t;
  };
  ASSERT_TRUE(crestmax::attention(of(c.query), of(c.key), of(c.value), of(result)).ok());
  EXPECT_EQ(result, c.expected());
}

}  // namespace
}  // namespace crestmax_test
