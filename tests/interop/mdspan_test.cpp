#include <crestmax/interop/mdspan.hpp>
// The header above must stand alone.
#include "compare.hpp"

namespace crestmax_test {
namespace {

// The part of std::mdspan that matters: extents, strides and a handle.
template <class T, int Rank, class Reference = T&>
struct little_mdspan {
  using data_handle_type = T*;
  using reference = Reference;
  T* data;
  std::array<std::size_t, Rank> extents;
  std::array<std::size_t, Rank> strides;

  static constexpr std::size_t rank() { return Rank; }
  constexpr std::size_t extent(std::size_t i) const { return extents[i]; }
  constexpr std::size_t stride(std::size_t i) const { return strides[i]; }
  constexpr T* data_handle() const { return data; }
};

template <class T>
struct fancy_handle_mdspan : little_mdspan<T, 2> {
  struct data_handle_type {};
  data_handle_type data_handle() const { return {}; }
};

template <class M>
concept becomes_a_tensor = requires(const M& m) { crestmax::as_tensor(m); };

TEST(Mdspan, OfRankFourIsTakenAsItIs) {
  std::vector<float> memory(240);
  const little_mdspan<float, 4> m{memory.data(), {2, 5, 3, 8}, {120, 8, 40, 1}};
  expect_view(crestmax::as_tensor(m), memory.data(), {2, 5, 3, 8}, {120, 8, 40, 1});
}

TEST(Mdspan, OfRankThreeIsOneSequence) {
  std::vector<float> memory(120);
  const little_mdspan<float, 3> m{memory.data(), {5, 3, 8}, {24, 8, 1}};
  expect_view(crestmax::as_tensor(m), memory.data(), {1, 5, 3, 8}, {0, 24, 8, 1});
}

TEST(Mdspan, OfRankTwoIsOneHead) {
  std::vector<float> memory(50);
  const little_mdspan<float, 2> m{memory.data(), {5, 8}, {10, 1}};
  expect_view(crestmax::as_tensor(m), memory.data(), {1, 5, 1, 8}, {0, 10, 0, 1});
}

TEST(Mdspan, OfConstGivesATensorOfConst) {
  using view = decltype(crestmax::as_tensor(little_mdspan<const float, 2>{}));
  EXPECT_TRUE((std::is_same_v<view, crestmax::tensor<const float>>));
}

TEST(Mdspan, MayBeViewedWhenCompiling) {
  static constexpr float memory[6] = {};
  constexpr auto view = crestmax::as_tensor(little_mdspan<const float, 2>{memory, {2, 3}, {3, 1}});
  static_assert(view.extents == std::array<index_type, 4>{1, 2, 1, 3});
  EXPECT_EQ(view.data, memory);
}

TEST(Mdspan, WhoseAccessorChangesNumbersIsRefused) {
  EXPECT_TRUE((becomes_a_tensor<little_mdspan<float, 2>>));
  EXPECT_FALSE((becomes_a_tensor<little_mdspan<float, 2, float>>));
}

TEST(Mdspan, WhoseHandleIsNoPointerIsRefused) { EXPECT_FALSE(becomes_a_tensor<fancy_handle_mdspan<float>>); }

TEST(Mdspan, OfAnElementTypeWithoutAKindIsRefused) {
  EXPECT_FALSE((becomes_a_tensor<little_mdspan<int, 2>>));
}

TEST(Mdspan, OfOneNumberPerRowKeepsItsStrides) {
  std::vector<double> memory(30);
  const auto three = crestmax::as_row_tensor(little_mdspan<double, 3>{memory.data(), {2, 5, 3}, {15, 1, 5}});
  EXPECT_EQ(three.extents, (std::array<index_type, 3>{2, 5, 3}));
  EXPECT_EQ(three.strides, (std::array<index_type, 3>{15, 1, 5}));
  const auto two = crestmax::as_row_tensor(little_mdspan<double, 2>{memory.data(), {5, 3}, {3, 1}});
  EXPECT_EQ(two.extents, (std::array<index_type, 3>{1, 5, 3}));
  EXPECT_EQ(two.strides[1], 3);
  EXPECT_EQ(two.strides[2], 1);
  EXPECT_EQ(two.data, memory.data());
}

TEST(Mdspan, GoesThroughACallAsPlainPointersDo) {
  const plain_call<float> c{.len = 20, .heads = 2, .head_dim = 8};
  const auto view = [](auto* data) {
    return crestmax::as_tensor(
        little_mdspan<std::remove_pointer_t<decltype(data)>, 3>{data, {20, 2, 8}, {16, 8, 1}});
  };
  std::vector<float> result(c.query.size());
  const crestmax::status s = crestmax::attention(view(c.query.data()), view(c.key.data()), view(c.value.data()),
                                                 view(result.data()));
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(result, c.expected());
}

}  // namespace
}  // namespace crestmax_test
