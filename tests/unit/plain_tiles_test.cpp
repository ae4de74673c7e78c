// The plain tiles that stand for AMX: what they compute, and what the hardware would answer with a fault.
#include "support/plain_tiles.hpp"

#include <gtest/gtest.h>

#include <crestmax/crestmax.hpp>
#include <vector>

#include "support/make_case.hpp"

namespace crestmax_test {
namespace {

struct layout {
  std::uint8_t palette = 1;
  std::uint8_t other[15] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

class PlainTiles : public ::testing::Test {
 protected:
  void TearDown() override { plain_tiles::release(); }
};

std::uint16_t brain(float x) { return crestmax::to_bfloat16(x).bits; }

TEST_F(PlainTiles, AddProductsOfPairs) {
  layout l;
  l.rows[0] = l.rows[4] = 2;
  l.row_bytes[0] = l.row_bytes[6] = 12;  // three columns
  l.row_bytes[4] = 8;                    // two steps
  l.rows[6] = 2;
  plain_tiles::configure(l);
  const std::uint16_t rows[2][4] = {{brain(1), brain(2), brain(3), brain(4)}, {brain(-1), brain(0), brain(0), brain(0.5)}};
  std::uint16_t columns[2][6];
  for (int k = 0; k < 2; ++k) {
    for (int n = 0; n < 6; ++n) columns[k][n] = brain(static_cast<float>(10 * k + n));
  }
  float sums[2][3];
  plain_tiles::zero<0>();
  plain_tiles::load<4>(rows, 8);
  plain_tiles::load<6>(columns, 12);
  plain_tiles::product<0, 4, 6>();
  plain_tiles::product<0, 4, 6>();
  plain_tiles::store<0>(sums, 12);
  for (int n = 0; n < 3; ++n) {
    const auto at = [&](int k, int parity) { return static_cast<float>(10 * k + 2 * n + parity); };
    EXPECT_EQ(sums[0][n], 2 * (at(0, 0) + 2 * at(0, 1) + 3 * at(1, 0) + 4 * at(1, 1)));
    EXPECT_EQ(sums[1][n], 2 * (0.5f * at(1, 1) - at(0, 0)));
  }
}

TEST_F(PlainTiles, TakeSubnormalNumbersForZero) {
  layout l;
  plain_tiles::configure(l);
  std::vector<std::uint16_t> rows(16 * 32, 0x0001), columns(16 * 32, brain(0x1p100f));
  std::vector<float> sums(16 * 16, 1.0f);
  plain_tiles::zero<0>();
  plain_tiles::load<4>(rows.data(), 64);
  plain_tiles::load<6>(columns.data(), 64);
  plain_tiles::product<0, 4, 6>();
  plain_tiles::store<0>(sums.data(), 64);
  EXPECT_EQ(sums, std::vector<float>(16 * 16, 0.0f));
}

TEST_F(PlainTiles, FaultWithoutAConfiguration) {
  std::vector<char> memory(1024);
  EXPECT_THROW(plain_tiles::zero<0>(), std::logic_error);
  EXPECT_THROW(plain_tiles::load<4>(memory.data(), 64), std::logic_error);
  EXPECT_THROW(plain_tiles::store<0>(memory.data(), 64), std::logic_error);
  EXPECT_THROW((plain_tiles::product<0, 4, 6>()), std::logic_error);
  plain_tiles::configure(layout{});
  plain_tiles::release();
  EXPECT_THROW(plain_tiles::zero<0>(), std::logic_error);
}

TEST_F(PlainTiles, FaultOnAConfigurationThatTheHardwareRefuses) {
  const auto refused = [](auto&& change) {
    layout l;
    change(l);
    EXPECT_THROW(plain_tiles::configure(l), std::logic_error);
    EXPECT_FALSE(plain_tiles::is_configured());
  };
  refused([](layout& l) { l.palette = 2; });
  refused([](layout& l) { l.other[3] = 1; });
  refused([](layout& l) { l.rows[2] = 17; });
  refused([](layout& l) { l.row_bytes[2] = 65; });
  refused([](layout& l) { l.rows[2] = 0; });
  refused([](layout& l) { l.row_bytes[2] = 0; });
  refused([](layout& l) { l.rows[9] = 1; });
}

TEST_F(PlainTiles, FaultOnShapesThatDoNotFit) {
  const auto refused = [](auto&& change) {
    layout l;
    change(l);
    plain_tiles::configure(l);
    EXPECT_THROW((plain_tiles::product<0, 4, 6>()), std::logic_error);
  };
  refused([](layout& l) { l.rows[0] = 15; });
  refused([](layout& l) { l.row_bytes[0] = 60; });
  refused([](layout& l) { l.rows[6] = 8; });
  refused([](layout& l) { l.row_bytes[4] = 62; });
}

attention_case brains(index_type q_len) {
  return normal_case(case_shape{.q_len = q_len, .kv_len = 300, .d_qk = 40, .d_v = 40}.with_types(scalar_kind::bfloat16), 1);
}

TEST_F(PlainTiles, HaveAShapeForEachItemAndNoneAfterACall) {
  for (const int workers : {1, 3}) {  // blocks of at most 480 rows, an item for each worker
    const int before = plain_tiles::configurations();
    ASSERT_TRUE(run(brains(1000), {.backend = backend_kind::tiles, .executor = {executor_kind::serial, workers}}).status.ok());
    EXPECT_EQ(plain_tiles::configurations(), before + workers);
    EXPECT_FALSE(plain_tiles::is_configured());
  }
}

}  // namespace
}  // namespace crestmax_test
