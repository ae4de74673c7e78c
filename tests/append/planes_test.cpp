// Codes of 16 bits in planes: where their bits lie, what they are off by, and that they are those of a plain writer.
#include <gtest/gtest.h>

#include <crestmax/append.hpp>
#include <limits>

#include "test_cache.hpp"

namespace crestmax_test {
namespace {

constexpr auto f32 = scalar_kind::float32, f16 = scalar_kind::float16, bf16 = scalar_kind::bfloat16, planes16 = scalar_kind::planes16;

cache_facts by_token(scalar_kind stored = f32) {
  return {.kind = planes16, .what = beside::minimums, .stored = stored, .pages = 3, .page_size = 64, .heads = 3, .dim = 70};
}
cache_facts by_channel(scalar_kind stored = f32, scalar_kind open = f16) {
  return {.kind = planes16, .what = beside::minimums, .stored = stored, .pages = 4, .page_size = 128, .heads = 2, .dim = 42, .group = 1, .keys = 64, .open = open};
}

// The number of a kind next to x that is not above it, and that is not below it.
double not_above(scalar_kind kind, double x) {
  const double near = rounded_to(kind, x);
  if (near <= x) return near;
  if (kind == f32) return static_cast<double>(std::nextafter(static_cast<float>(near), -HUGE_VALF));
  std::byte bytes[2];
  write_number(kind, bytes, near);
  std::uint16_t bits;
  std::memcpy(&bits, bytes, 2);
  bits = static_cast<std::uint16_t>(near > 0 ? bits - 1 : near < 0 ? bits + 1 : 0x8001);
  std::memcpy(bytes, &bits, 2);
  return read_number(kind, bytes);
}
double not_below(scalar_kind kind, double x) { return -not_above(kind, -x); }

// What a plain writer makes of numbers that share a step and a minimum. Each operation is one of floats, rounded once.
struct plain_codes {
  double step, minimum;
  std::vector<unsigned> codes;
};
plain_codes plainly_coded(const std::vector<double>& numbers, scalar_kind stored) {
  const auto [least, largest] = std::minmax_element(numbers.begin(), numbers.end());
  plain_codes p;
  const double margin = to_single(to_single(*largest - *least) / 30);
  p.minimum = not_above(stored, to_single(*least - margin));
  const double range = to_single(to_single(to_single(*largest + margin) - p.minimum) / 65535);
  p.step = stored == f32 ? range : not_below(stored, range);
  const double inverse = p.step > 0 ? to_single(1 / p.step) : 0;
  for (const double x : numbers) {
    p.codes.push_back(static_cast<unsigned>(std::min(65535.0, std::nearbyint(to_single(to_single(x - p.minimum) * inverse)))));
  }
  return p;
}

unsigned code_of(test_cache& cache, index_type slot, index_type head, index_type i) {
  const crestmax::tensor_view view = cache.view();
  const index_type key = slot % view.extents[1];
  return code_in_planes(row_at(view.data, view.kind, view.strides, slot / view.extents[1], key, head), view.extents[3], key % 64, i);
}
double minimum_of(test_cache& cache, index_type slot, index_type head, index_type group) {
  const cache_facts& f = cache.facts();
  return coding_number(cache.coding().offsets, {slot / f.page_size, slot % f.page_size / f.keys, head, group}, 0);
}

TEST(Planes, HoldTheNibblesOfACodeAndItsLowByteWhereTheLayoutHasThem) {
  // A step of 1 and a minimum of 0 are the caller's: numbers are their codes.
  constexpr index_type d = 6, row = 37;
  std::vector<std::uint8_t> block(64 * d * 2, 0);
  const float step = 1, minimum = 0;
  crestmax::append_options options;
  options.coding.scales = {&step, {}};
  options.coding.offsets = {&minimum, {}};
  options.coding.offset = crestmax::offset_kind::minimum;
  const float numbers[d] = {0x1234, 0x5678, 0x9abc, 0xdef0, 0xffff, 0x0001};
  const std::int64_t slot = row;
  const crestmax::status s = run_append({numbers, f32, {1, 1, d}, {d, d, 1}}, {block.data(), planes16, {1, 64, 1, d}, {64 * d * 2, 64 * d * 2, 64 * d * 2, 1}}, {&slot, 1}, options);
  ASSERT_TRUE(s.ok()) << s.message();
  const std::vector<std::uint8_t> top{0x51, 0xd9, 0x0f}, next{0x62, 0xea, 0x0f}, low{0x34, 0x78, 0xbc, 0xf0, 0xff, 0x01};
  const auto part = [&](index_type first, index_type count) { return std::vector<std::uint8_t>(block.begin() + first, block.begin() + first + count); };
  EXPECT_EQ(part(row * 3, 3), top);
  EXPECT_EQ(part(64 * 3 + row * 3, 3), next);
  EXPECT_EQ(part(2 * 64 * 3 + row * 6, 6), low);
  EXPECT_EQ(std::count(block.begin(), block.end(), 0), static_cast<std::ptrdiff_t>(block.size()) - 12);
}

TEST(Planes, OfTokensAreThoseOfAPlainWriter) {
  for (const scalar_kind stored : {f32, f16, bf16}) {
    for (const auto set : all_sets) {
      test_cache cache(by_token(stored));
      const test_rows rows(f32, 67, cache.facts());
      append_all(cache, rows, slots_from(5, 67), {.most = set});
      for (index_type t = 0; t < 67; ++t) {
        for (index_type head = 0; head < 3; ++head) {
          std::vector<double> numbers;
          for (index_type i = 0; i < 70; ++i) numbers.push_back(rows.at(t, head, i));
          const plain_codes plain = plainly_coded(numbers, stored);
          ASSERT_EQ(cache.scale(5 + t, head, 0), plain.step) << crestmax::name(stored) << t;
          ASSERT_EQ(minimum_of(cache, 5 + t, head, 0), plain.minimum) << crestmax::name(stored) << t;
          for (index_type i = 0; i < 70; ++i) ASSERT_EQ(code_of(cache, 5 + t, head, i), plain.codes[static_cast<std::size_t>(i)]) << t << " " << i;
        }
      }
    }
  }
}

TEST(Planes, OfChannelsAreThoseOfAPlainWriter) {
  for (const scalar_kind stored : {f32, f16, bf16}) {
    for (const auto set : all_sets) {
      test_cache cache(by_channel(stored));
      const test_rows rows(f32, 128, cache.facts());
      append_in_steps(cache, rows, {128}, 128, {.most = set});
      for (index_type first = 0; first < 128; first += 64) {
        for (index_type i = 0; i < 42; ++i) {
          std::vector<double> numbers;
          for (index_type t = first; t < first + 64; ++t) numbers.push_back(rounded_to(f16, rows.at(t, 1, i)));
          const plain_codes plain = plainly_coded(numbers, stored);
          ASSERT_EQ(cache.scale(128 + first, 1, i), plain.step) << crestmax::name(stored) << i;
          ASSERT_EQ(minimum_of(cache, 128 + first, 1, i), plain.minimum) << crestmax::name(stored) << i;
          for (index_type t = 0; t < 64; ++t) ASSERT_EQ(code_of(cache, 128 + first + t, 1, i), plain.codes[static_cast<std::size_t>(t)]) << t << " " << i;
        }
      }
    }
  }
}

// Ranges far from zero and close to it, tiny and huge.
double spread_number(random_source& random, index_type which) {
  constexpr double middles[] = {0, 1000, -3, 0, 0, -6e4}, sizes[] = {1, 1e-2, 1, 1e-6, 3e4, 10};
  return middles[which] + sizes[which] * random.uniform(-1, 1);
}

// Rows of such numbers, and what a code of one of several that share a step may be off by.
void spread_rows(test_rows& rows, index_type which) {
  random_source random(7);
  const auto [tokens, heads, d] = rows.view().extents;
  for (index_type t = 0; t < tokens; ++t) {
    for (index_type head = 0; head < heads; ++head) {
      for (index_type i = 0; i < d; ++i) rows.set(t, head, i, spread_number(random, which));
    }
  }
}
double most_error(double step, const std::vector<double>& numbers) {
  double largest = 0;
  for (const double x : numbers) largest = std::max(largest, std::fabs(x));
  return 0.52 * step + 0x1p-22 * largest;
}

TEST(Planes, HoldEachNumberToHalfAStepAndTheRoundingsOfFloat) {
  for (const scalar_kind stored : {f32, f16, bf16}) {
    for (index_type which = 0; which < 6; ++which) {
      test_cache values(by_token(stored)), keys(by_channel(stored));
      test_rows rows(f32, 64, values.facts()), others(f16, 64, keys.facts());
      spread_rows(rows, which);
      spread_rows(others, which);
      append_all(values, rows, slots_from(0, 64));
      append_in_steps(keys, others, {64});
      for (index_type t = 0; t < 64; ++t) {
        std::vector<double> row;
        for (index_type i = 0; i < 70; ++i) row.push_back(rows.at(t, 1, i));
        const double most = most_error(values.scale(t, 1, 0), row);
        const auto read = values.row(t, 1);
        for (std::size_t i = 0; i < row.size(); ++i) ASSERT_NEAR(read[i], row[i], most) << crestmax::name(stored) << " " << which;
      }
      for (index_type i = 0; i < 42; ++i) {
        std::vector<double> channel;
        for (index_type t = 0; t < 64; ++t) channel.push_back(others.at(t, 1, i));
        const double most = most_error(keys.scale(0, 1, i), channel);
        for (index_type t = 0; t < 64; ++t) ASSERT_NEAR(keys.row(t, 1)[static_cast<std::size_t>(i)], channel[static_cast<std::size_t>(t)], most) << crestmax::name(stored) << " " << which;
      }
    }
  }
}

// The range of these is more than a float holds.
TEST(CodesWithMinimums, OfFiniteNumbersStandForFiniteNumbers) {
  for (const scalar_kind kind : {planes16, scalar_kind::uint8, scalar_kind::uint4}) {
    for (const scalar_kind stored : {f32, f16, bf16}) {
      for (const auto set : all_sets) {
        cache_facts f = by_token(stored);
        f.kind = kind;
        test_cache cache(f);
        test_rows rows(f32, 20, f);
        random_source random(3);
        for (index_type t = 0; t < 20; ++t) {
          for (index_type i = 0; i < f.dim; ++i) rows.set(t, 1, i, 3.4e38 / 20 * static_cast<double>(t + 1) * random.uniform(-1, 1));
        }
        append_all(cache, rows, slots_from(0, 20), {.most = set});
        for (index_type t = 0; t < 20; ++t) {
          for (const double x : cache.row(t, 1)) ASSERT_TRUE(std::isfinite(x)) << crestmax::name(kind) << " " << crestmax::name(stored) << " " << t;
        }
      }
    }
  }
}

TEST(Planes, OfChannelsAreTheSameInHoweverManyCallsTheirTokensCome) {
  for (const scalar_kind kind : {f32, f16, bf16}) {
    const test_rows rows(kind, 150, by_channel());
    test_cache at_once(by_channel());
    append_in_steps(at_once, rows, {150}, 128);
    for (const auto& steps : {std::vector<index_type>{3, 60, 1, 86}, std::vector<index_type>(150, 1), std::vector<index_type>{64, 64, 22}, std::vector<index_type>{63, 87}}) {
      test_cache cache(by_channel());
      append_in_steps(cache, rows, steps, 128);
      for (index_type key = 0; key < 128; ++key) ASSERT_EQ(cache.row(128 + key, 1), at_once.row(128 + key, 1));
      for (index_type key = 128; key < 150; ++key) ASSERT_EQ(cache.open_row(2, key, 0), at_once.open_row(2, key, 0));
    }
  }
}

TEST(Planes, AreTheSameByAnyNumberOfWorkersInAnyOrder) {
  for (const bool channels : {true, false}) {
    cache_facts f = channels ? by_channel() : by_token();
    f.pages = 8;
    const test_rows rows(f32, 500, f);
    const std::vector<std::int32_t> sequence(500, 1);
    test_cache serially(f);
    append_all(serially, rows, slots_from(0, 500), {.sequence_of = sequence});
    for (const int threads : {2, 5}) {
      test_cache cache(f);
      append_all(cache, rows, slots_from(0, 500), {.sequence_of = sequence}, {executor_kind::shuffled_threads, threads, 3});
      EXPECT_EQ(cache.memory(), serially.memory());
    }
  }
}

// A cache of numbers becomes planes by one call: its keys are the tokens, wherever heads lie.
TEST(Planes, OfAFloatCacheAreThoseOfItsTokensOneByOne) {
  for (const bool channels : {true, false}) {
    const cache_facts f = channels ? by_channel() : by_token();
    const test_rows rows(f16, 100, f, memory_layout::heads_first);
    test_cache at_once(f), one_by_one(f);
    append_in_steps(at_once, rows, {100});
    append_in_steps(one_by_one, rows, std::vector<index_type>(100, 1));
    for (index_type key = 0; key < (channels ? 64 : 100); ++key) ASSERT_EQ(at_once.row(key, 1), one_by_one.row(key, 1));
  }
}

TEST(Planes, OfATokenThatIsNotFiniteReadAsNaNAndNoOthersDo) {
  for (const double poison : {not_a_number, infinity, -infinity}) {
    test_cache cache(by_token());
    test_rows rows(f32, 3, cache.facts());
    rows.set(1, 2, 33, poison);
    append_all(cache, rows, slots_from(62, 3));
    for (index_type t = 0; t < 3; ++t) {
      for (index_type head = 0; head < 3; ++head) {
        for (const double x : cache.row(62 + t, head)) ASSERT_EQ(std::isnan(x), t == 1 && head == 2);
      }
    }
  }
}

TEST(Planes, OfChannelsRefuseWhatIsNotFiniteAndNothingIsWritten) {
  for (const double poison : {not_a_number, infinity, -infinity, 65536.0}) {
    test_cache cache(by_channel());
    test_rows rows(f32, 64, cache.facts());
    rows.set(11, 1, 40, poison);
    const auto before = cache.memory();
    const std::vector<std::int32_t> sequence(64, 2);
    std::vector<std::int64_t> slots = slots_from(0, 64);
    const crestmax::append_options options{.coding = cache.coding(), .sequence_of = sequence, .sequences = test_cache::sequences};
    const crestmax::status s = run_append(rows.view(), cache.view(), slots, options);
    EXPECT_EQ(s.code, crestmax::status_code::bad_option);
    EXPECT_NE(std::string(s.message()).find("rows, token 11, head 1"), std::string::npos) << s.message();
    EXPECT_EQ(cache.memory(), before);
    for (std::size_t t = 0; t < 64; ++t) slots[t] = t == 11 ? -1 : slots[t];
    slots.resize(12);
    crestmax::token_rows some = rows.view();
    some.extents[0] = 12;
    crestmax::append_options fewer = options;
    fewer.sequence_of = std::span(sequence).first(12);
    EXPECT_TRUE(run_append(some, cache.view(), slots, fewer).ok()) << "a token that is left out";
  }
}

TEST(Planes, OpenAgainWithTheNumbersOfTheirCodes) {
  test_cache cache(by_channel());
  const test_rows rows(f32, 140, cache.facts());
  append_in_steps(cache, rows, {140}, 128);
  std::vector<std::vector<double>> read;
  for (index_type key = 64; key < 101; ++key) read.push_back(cache.row(128 + key, 1));
  const crestmax::append_options options{.coding = cache.coding(), .sequences = test_cache::sequences};
  const crestmax::status s = run_truncate(cache.view(), {.sequence = 2, .from = 140, .to = 101, .slot = 128 + 101}, options);
  ASSERT_TRUE(s.ok()) << s.message();
  for (index_type key = 64; key < 101; ++key) {
    const auto open = cache.open_row(2, key, 1);
    for (std::size_t i = 0; i < open.size(); ++i) ASSERT_EQ(open[i], rounded_to(f16, read[static_cast<std::size_t>(key - 64)][i]));
  }
}

TEST(Planes, GoOnInACopyOfTheirPage) {
  test_cache cache(by_channel());
  append_in_steps(cache, test_rows(f32, 100, cache.facts()), {100}, 128);
  const crestmax::append_options options{.coding = cache.coding(), .sequences = test_cache::sequences};
  const crestmax::page_copy copy{1, 3};
  ASSERT_TRUE(run_copy_pages(cache.view(), {&copy, 1}, options).ok());
  for (index_type key = 0; key < 64; ++key) {
    for (index_type head = 0; head < 2; ++head) ASSERT_EQ(cache.row(3 * 128 + key, head), cache.row(128 + key, head));
  }
}

// What a cache is refused for.
class BadPlanes : public ::testing::Test {
 protected:
  test_cache cache{by_channel()};
  test_rows rows{f32, 2, cache.facts()};
  crestmax::tensor_view view = cache.view();
  std::vector<std::int32_t> sequence = std::vector<std::int32_t>(2, 0);
  crestmax::append_options options{.coding = cache.coding(), .sequence_of = sequence, .sequences = test_cache::sequences};

  void expect_error(crestmax::status_code code, const std::vector<std::string>& words) {
    const auto before = cache.memory();
    const crestmax::status s = run_append(rows.view(), view, slots_from(0, 2), options);
    EXPECT_EQ(s.code, code) << s.message();
    for (const std::string& word : words) EXPECT_NE(std::string(s.message()).find(word), std::string::npos) << "'" << word << "' is not in: " << s.message();
    EXPECT_EQ(cache.memory(), before) << "memory was written";
  }
};

TEST_F(BadPlanes, AreGoodBeforeTheyAreBroken) { EXPECT_TRUE(run_append(rows.view(), view, slots_from(0, 2), options).ok()); }

TEST_F(BadPlanes, RefuseAnOddHeadDim) {
  view.extents[3] = 41;
  expect_error(crestmax::status_code::bad_extent, {"cache", "a multiple of 2", "given 41"});
}
TEST_F(BadPlanes, RefuseBlocksOfOtherKeys) {
  options.coding.keys = 32;
  expect_error(crestmax::status_code::bad_option, {"coding", "64", "given 32"});
}
TEST_F(BadPlanes, RefuseGroupsOfAChannelOrATokenThatAreNone) {
  options.coding.keys = 1;
  options.coding.group = 2;
  expect_error(crestmax::status_code::bad_option, {"coding", "whole rows", "given 2"});
}
TEST_F(BadPlanes, RefuseZeroPoints) {
  options.coding.offset = crestmax::offset_kind::zero_point;
  expect_error(crestmax::status_code::bad_option, {"coding", "minimums"});
}
TEST_F(BadPlanes, RefuseStepsWithoutMinimums) {
  options.coding.offsets = {};
  expect_error(crestmax::status_code::bad_option, {"coding.offsets", "none"});
}
TEST_F(BadPlanes, RefuseOpenRowsThatThereAreNot) {
  options.coding.open.data = nullptr;
  expect_error(crestmax::status_code::null_pointer, {"coding.open"});
}
TEST_F(BadPlanes, RefuseHeadsWhoseBlocksShareBytes) {
  view.strides[2] = 64 * 42 * 2 - 1;
  expect_error(crestmax::status_code::bad_stride, {"cache", "5376", "5375"});
}

TEST_F(BadPlanes, RefuseANegativePageSize) {
  for (const index_type page_size : {-5, -64, -128}) {
    view.extents[1] = page_size;
    expect_error(crestmax::status_code::bad_extent, {"cache", "given " + std::to_string(page_size)});
    EXPECT_EQ(run_copy_pages(view, {}, options).code, crestmax::status_code::bad_extent);
  }
}
// 128 bytes of a block for each: some of these make a small number, or none, where it wraps.
TEST_F(BadPlanes, RefuseAHeadDimWhoseBytesNoNumberHas) {
  for (const index_type d : {index_type{1} << 57, (index_type{1} << 57) + 2, index_type{1} << 58, std::numeric_limits<index_type>::max() - 1, index_type{-2}}) {
    view.extents[3] = d;
    const crestmax::status s = run_copy_pages(view, {}, options);
    EXPECT_EQ(s.code, crestmax::status_code::bad_extent) << s.message();
    EXPECT_NE(std::string(s.message()).find(std::to_string(d)), std::string::npos) << s.message();
  }
}

TEST(PlanesOfNoNumbers, AreCutAndCopiedWithoutALookAtPointersAndStrides) {
  constexpr index_type far = std::numeric_limits<index_type>::max();
  for (const auto& [heads, d] : {std::pair<index_type, index_type>{1, 0}, {0, 8}}) {
    const crestmax::tensor_view none{nullptr, planes16, {2, 64, heads, d}, {far, far, far, 1}};
    crestmax::append_options options{.coding = test_cache(by_channel()).coding(), .sequences = 2};
    options.coding.open = {nullptr, f16, {far, far, far}};
    EXPECT_TRUE(run_truncate(none, {.sequence = 1, .from = 64, .to = 10, .slot = 74}, options).ok());
    EXPECT_TRUE(run_copy_open_rows(none, 0, 1, options).ok());
    EXPECT_TRUE(run_copy_open_rows(none, 1, 0, options).ok());
  }
}

// Strides wrap, as dense_strides() do: nothing that is constant may overflow.
static_assert(crestmax::coding_of_planes(crestmax::planes_by::channel, {1, 64, index_type{1} << 40, index_type{1} << 40}).open.strides ==
              std::array<index_type, 3>{0, 0, index_type{1} << 40});

TEST(BytesOfPlanes, HaveAStepForEachKeyWhateverTheStrideAlongASinglePage) {
  const float step = 1;
  crestmax::row_coding coding;
  coding.scales = {&step, {0, 2, 1, 0}};
  crestmax::cache_bytes bytes;
  ASSERT_TRUE(crestmax::count_cache_bytes(planes16, {1, 100, 2, 40}, coding, 0, bytes).ok());
  EXPECT_EQ(bytes.scales, 100 * 2 * 4);
  coding.scales.strides = {0, 0, 1, 0};
  ASSERT_TRUE(crestmax::count_cache_bytes(planes16, {1, 100, 2, 40}, coding, 0, bytes).ok());
  EXPECT_EQ(bytes.scales, 2 * 4) << "one for all keys";
}

TEST(BytesOfCaches, AreThoseOfKindsOfTheLibrary) {
  crestmax::cache_bytes bytes;
  for (const int kind : {-1, static_cast<int>(crestmax::scalar_kind::custom), 99}) {
    const crestmax::status s = crestmax::count_cache_bytes(static_cast<crestmax::scalar_kind>(kind), {1, 1, 1, 1}, {}, 0, bytes);
    EXPECT_EQ(s.code, crestmax::status_code::unsupported) << s.message();
  }
}

TEST(BytesOfPlanes, AreThoseThatACacheTakes) {
  const std::array<index_type, 4> extents{3, 128, 2, 40};
  crestmax::cache_bytes bytes;
  ASSERT_TRUE(crestmax::count_cache_bytes(planes16, extents, crestmax::coding_of_planes(crestmax::planes_by::channel, extents), 5, bytes).ok());
  EXPECT_EQ(bytes.rows, 3 * 128 * 2 * 40 * 2);
  EXPECT_EQ(bytes.scales, 3 * 2 * 2 * 40 * 2);
  EXPECT_EQ(bytes.offsets, bytes.scales);
  EXPECT_EQ(bytes.open, 5 * 63 * 2 * 40 * 2);
  EXPECT_EQ(bytes.total(), bytes.rows + 2 * bytes.scales + bytes.open);
  ASSERT_TRUE(crestmax::count_cache_bytes(planes16, {1, 100, 2, 40}, crestmax::coding_of_planes(crestmax::planes_by::token, {1, 100, 2, 40}, f32), 0, bytes).ok());
  EXPECT_EQ(bytes.rows, 2 * 64 * 2 * 40 * 2) << "the last block has the memory of a whole one";
  EXPECT_EQ(bytes.scales, 100 * 2 * 4);
  EXPECT_EQ(bytes.open, 0);
}

TEST(BytesOfPlanes, ThatNoMemoryHasAreRefused) {
  crestmax::cache_bytes bytes;
  const std::array<index_type, 4> huge{index_type{1} << 40, index_type{1} << 40, 8, 64};
  EXPECT_EQ(crestmax::count_cache_bytes(planes16, huge, {}, 0, bytes).code, crestmax::status_code::too_large);
  EXPECT_EQ(crestmax::count_cache_bytes(planes16, {1, 64, 1, 63}, {}, 0, bytes).code, crestmax::status_code::bad_extent);
  EXPECT_EQ(crestmax::count_cache_bytes(planes16, {1, -1, 1, 64}, {}, 0, bytes).code, crestmax::status_code::bad_extent);
}

// Memory of so many bytes each, a dense cache and its coding: what append() writes there and attention() reads.
TEST(BytesOfPlanes, AreEnoughForADenseCache) {
  const std::array<index_type, 4> extents{1, 192, 2, 40};
  for (const auto by : {crestmax::planes_by::channel, crestmax::planes_by::token}) {
    crestmax::row_coding coding = crestmax::coding_of_planes(by, extents);
    crestmax::cache_bytes bytes;
    ASSERT_TRUE(crestmax::count_cache_bytes(planes16, extents, coding, 1, bytes).ok());
    std::vector<std::byte> held(static_cast<std::size_t>(bytes.rows));
    std::vector<std::uint16_t> scales(static_cast<std::size_t>(bytes.scales) / 2), offsets(scales.size()), open(static_cast<std::size_t>(bytes.open) / 2);
    coding.scales.data = scales.data();
    coding.offsets.data = offsets.data();
    coding.open.data = open.data();
    const crestmax::tensor<crestmax::planes16> cache(reinterpret_cast<crestmax::planes16*>(held.data()), extents);
    const test_rows rows(f32, 192, {.heads = 2, .dim = 40});
    const std::vector<std::int32_t> sequence(192, 0);
    const crestmax::status s = run_append(rows.view(), cache, slots_from(0, 192), {.coding = coding, .sequence_of = sequence, .sequences = 1});
    ASSERT_TRUE(s.ok()) << s.message();
    EXPECT_NEAR(cached_number(cache, coding, 0, 191, 1, 39), rows.at(191, 1, 39), 1e-3);
  }
}

}  // namespace
}  // namespace crestmax_test
