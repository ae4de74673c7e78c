// attention() on an Ascend device, for those who have one; see the script `run` beside. Inputs are copied to the
// device, outputs back; then they are held against the contract as everywhere.
#include <acl/acl.h>
#include <gtest/gtest.h>

#include <crestmax/attention.hpp>
#include <cstring>
#include <vector>

#include "support/contract.hpp"
#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

// Memory of the device with a test tensor's numbers in it.
class device_tensor {
 public:
  explicit device_tensor(const test_tensor& t) : bytes_(t.occupied().size()) {
    if (aclrtMalloc(&data_, bytes_ + 32, ACL_MEM_MALLOC_HUGE_FIRST) != ACL_SUCCESS) std::abort();
    if (bytes_ > 0 && aclrtMemcpy(data_, bytes_, t.occupied().data(), bytes_, ACL_MEMCPY_HOST_TO_DEVICE) != ACL_SUCCESS) {
      std::abort();
    }
  }
  ~device_tensor() { aclrtFree(data_); }
  device_tensor(const device_tensor&) = delete;
  device_tensor& operator=(const device_tensor&) = delete;

  template <class T>
  crestmax::tensor<T> view(const crestmax::tensor<T>& host, const test_tensor& t) const {
    const auto offset = reinterpret_cast<const std::byte*>(host.data) - t.occupied().data();
    return {reinterpret_cast<T*>(static_cast<std::byte*>(data_) + offset), host.extents, host.strides};
  }
  void copy_to(test_tensor& t) const {
    const auto offset = t.occupied().data() - t.memory().data();
    if (aclrtMemcpy(t.memory().data() + offset, bytes_, data_, bytes_, ACL_MEMCPY_DEVICE_TO_HOST) != ACL_SUCCESS) std::abort();
  }

 private:
  void* data_ = nullptr;
  std::size_t bytes_;
};

class OnADevice : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_EQ(aclInit(nullptr), ACL_SUCCESS);
    ASSERT_EQ(aclrtSetDevice(0), ACL_SUCCESS);
  }
  static void TearDownTestSuite() {
    aclrtResetDevice(0);
    aclFinalize();
  }
  void SetUp() override { ASSERT_EQ(aclrtCreateStream(&stream), ACL_SUCCESS); }
  void TearDown() override {
    cache.clear();
    aclrtDestroyStream(stream);
  }

  aclrtStream stream = nullptr;
  crestmax::cann::kernel_cache cache;

  template <class T>
  attention_result run_as(const attention_case& c) {
    attention_result r;
    r.output = c.output;
    r.lse = test_tensor(scalar_kind::float32, {c.query.extent(0), c.query.extent(1), c.q_heads(), 1});
    test_tensor query = c.query, key = c.key, value = c.value;
    const device_tensor q(query), k(key), v(value), out(r.output), lse(r.lse);
    crestmax::options options = c.options;
    const auto rows = lse.view(r.lse.view<float>(), r.lse);
    options.lse = crestmax::row_tensor<float>(rows.data, {rows.extents[0], rows.extents[1], rows.extents[2]},
                                              {rows.strides[0], rows.strides[1], rows.strides[2]});
    options.report = &r.report;
    const auto q_view = q.view(query.view<T>(), query);
    const auto k_view = k.view(key.view<T>(), key);
    const auto v_view = v.view(value.view<T>(), value);
    const auto out_view = out.view(r.output.view<T>(), r.output);
    const crestmax::backend::ascend backend{{.stream = stream, .cache = &cache}};
    const auto chain = c.modifiers.chain();
    std::size_t bytes = 0;
    r.status = crestmax::workspace_bytes(crestmax::tensors(q_view, k_view, v_view, out_view), 1, bytes, options, chain, backend);
    if (!r.status.ok()) return r;
    void* workspace = nullptr;
    if (aclrtMalloc(&workspace, bytes, ACL_MEM_MALLOC_HUGE_FIRST) != ACL_SUCCESS) std::abort();
    options.workspace = {static_cast<std::byte*>(workspace), bytes};
    r.status = crestmax::attention(q_view, k_view, v_view, out_view, options, chain, backend);
    aclrtSynchronizeStream(stream);
    aclrtFree(workspace);
    if (!r.status.ok()) return r;
    out.copy_to(r.output);
    lse.copy_to(r.lse);
    return r;
  }
  attention_result run_here(const attention_case& c) {
    return c.query.kind() == scalar_kind::float16 ? run_as<crestmax::float16>(c) : run_as<crestmax::bfloat16>(c);
  }
  static attention_case normal(case_shape shape, scalar_kind kind) {
    attention_case c = normal_case(shape.with_types(kind), 3);
    c.row_kind = scalar_kind::float32;
    return c;
  }
};

TEST_F(OnADevice, CallsOfEveryTypeAndHeadDimensionAreExact) {
  const std::pair<index_type, index_type> dims[] = {{64, 64}, {128, 128}, {192, 128}, {256, 256}};
  for (const scalar_kind kind : {scalar_kind::float16, scalar_kind::bfloat16}) {
    for (const auto& [d_qk, d_v] : dims) {
      for (const bool causal : {false, true}) {
        attention_case c =
            normal({.batch = 2, .q_len = 200, .kv_len = 500, .q_heads = 4, .kv_heads = 2, .d_qk = d_qk, .d_v = d_v}, kind);
        c.modifiers.causal.enabled = causal;
        EXPECT_TRUE(is_exact(c, run_here(c), 64));
      }
    }
  }
}

TEST_F(OnADevice, LengthsThatAreNoMultiplesOfATileAreExact) {
  for (const index_type q_len : {1, 15, 129}) {
    for (const index_type kv_len : {1, 65, 1000}) {
      attention_case c = normal({.q_len = q_len, .kv_len = kv_len, .q_heads = 2, .kv_heads = 1, .d_qk = 64, .d_v = 64},
                                scalar_kind::float16);
      c.narrow_slack = 1;
      EXPECT_TRUE(is_exact(c, run_here(c), 64)) << q_len << " queries, " << kv_len << " keys";
    }
  }
}

TEST_F(OnADevice, RowsThatTheGuardSendsToTheCorrectionAreExact) {
  attention_case c = normal({.q_len = 200, .kv_len = 500, .d_qk = 128, .d_v = 128}, scalar_kind::float16);
  c.options.guard_limit = 0;
  const attention_result result = run_here(c);
  EXPECT_TRUE(is_exact(c, result, 64));
  EXPECT_EQ(result.report.rows_corrected, result.report.rows);
}

TEST_F(OnADevice, LongSequencesAreExact) {
  attention_case c = normal({.q_len = 256, .kv_len = 16384, .d_qk = 128, .d_v = 128}, scalar_kind::bfloat16);
  EXPECT_TRUE(is_exact(c, run_here(c), 16));
}

}  // namespace
}  // namespace crestmax_test

int main(int count, char** arguments) {
  ::testing::InitGoogleTest(&count, arguments);
  return RUN_ALL_TESTS();
}
