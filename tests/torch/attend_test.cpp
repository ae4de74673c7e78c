// Calls of PyTorch's operators, from described tensors to results, beside the definition.
#include <gtest/gtest.h>

#include "support.hpp"
#include "support/encodings.hpp"

namespace crestmax_test {
namespace {

using crestmax_torch::call;

double number(double x) { return x; }
double number(float x) { return static_cast<double>(x); }
double number(crestmax::float16 x) { return static_cast<double>(crestmax::convert<float>(x)); }
double number(crestmax::bfloat16 x) { return static_cast<double>(crestmax::convert<float>(x)); }

// Every item by another worker in turn.
struct in_turn {
  int count;
  template <class Body>
  void run(index_type items, Body&& body) const {
    for (index_type item = 0; item < items; ++item) body(item, static_cast<int>(item % count));
  }
};

void attend(const call& c, crestmax_torch::kept_state& kept, int threads = 1) {
  crestmax_torch::attend(c, kept, threads, [](int count) { return in_turn{count}; });
}

template <std::size_t Rank>
std::array<index_type, Rank> axes_of(const std::vector<index_type>& numbers) {
  std::array<index_type, Rank> axes{};
  std::copy(numbers.begin(), numbers.end(), axes.begin());
  return axes;
}

// (batch, heads, len, d) of any strides, and what of them a call is made of.
template <class T>
struct batch {
  stored<T> query, key, value;
  stored<T> output;  // (batch, len, heads, d)
  stored<float> lse; // (batch, heads, len)
  call c;

  batch(std::vector<index_type> q, std::vector<index_type> k, index_type d_v)
      : query(random_tensor<T>(q, 1)), key(random_tensor<T>(k, 2)), value(random_tensor<T>({k[0], k[1], k[2], d_v}, 3)),
        output({q[0], q[2], q[1], d_v}), lse({q[0], q[1], q[2]}) {}

  void run(crestmax_torch::kept_state& kept, int threads = 1) {
    const index_type keys = crestmax_torch::keys_in_reach(c.options, query.extents[2], key.extents[2]);
    c.query = crestmax_torch::batched_view(query.described("query"), query.extents[2]);
    c.key = crestmax_torch::batched_view(key.described("key"), keys);
    c.value = crestmax_torch::batched_view(value.described("value"), keys);
    c.output = crestmax::tensor<T>(output.numbers.get(), axes_of<4>(output.extents), axes_of<4>(output.strides));
    if constexpr (!std::is_same_v<T, double>) {
      c.lse = crestmax::row_tensor<float>(lse.numbers.get(), {lse.extents[0], lse.extents[2], lse.extents[1]},
                                          {lse.strides[0], lse.strides[2], lse.strides[1]});
    }
    attend(c, kept, threads);
  }

  // Scores of a row: sees(query, key), and what `score` makes of a product.
  template <class Sees, class Score>
  void expect_as_defined(const Sees& sees, const Score& score, double tolerance, double sink = -1e300) const {
    const index_type group = query.extents[1] / key.extents[1];
    for (index_type b = 0; b < query.extents[0]; ++b) {
      for (index_type h = 0; h < query.extents[1]; ++h) {
        for (index_type i = 0; i < query.extents[2]; ++i) {
          std::vector<double> sums(static_cast<std::size_t>(value.extents[3]));
          double weights = std::exp(sink);
          for (index_type j = 0; j < key.extents[2]; ++j) {
            if (!sees(h, i, j)) continue;
            double product = 0;
            for (index_type k = 0; k < query.extents[3]; ++k) product += number(query.at(b, h, i, k)) * number(key.at(b, h / group, j, k));
            const double weight = std::exp(score(product / std::sqrt(static_cast<double>(query.extents[3])), h, i, j));
            weights += weight;
            for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += weight * number(value.at(b, h / group, j, static_cast<index_type>(k)));
          }
          for (std::size_t k = 0; k < sums.size(); ++k) {
            ASSERT_NEAR(number(output.at(b, i, h, static_cast<index_type>(k))), weights > 0 ? sums[k] / weights : 0, tolerance);
          }
          if constexpr (!std::is_same_v<T, double>) {
            ASSERT_NEAR(static_cast<double>(lse.at(b, h, i)), std::log(weights), tolerance + 1e-4);
          }
        }
      }
    }
  }
};

constexpr auto all_keys = [](index_type, index_type, index_type) { return true; };
constexpr auto plain = [](double score, index_type, index_type, index_type) { return score; };

template <class T>
void expect_every_type(double tolerance) {
  crestmax_torch::kept_state kept;
  batch<T> b({2, 6, 5, 24}, {2, 2, 33, 24}, 16);
  b.run(kept);
  b.expect_as_defined(all_keys, plain, tolerance);
}

TEST(Calls, OfEveryTypeAreAsDefined) {
  expect_every_type<float>(1e-5);
  expect_every_type<double>(1e-12);
  expect_every_type<crestmax::float16>(4e-3);
  expect_every_type<crestmax::bfloat16>(3e-2);
}

// Codes of random numbers, (batch, heads, len, d), in `rows` of a call as the numbers that they stand for by scales of such extents, or by none.
template <class Code>
struct coded_rows {
  stored<Code> codes;
  stored<crestmax::float16> scales;
  bool has_scales;

  coded_rows(const stored<float>& rows, std::vector<index_type> of_scales, unsigned seed)
      : codes(rows.extents), scales(of_scales), has_scales(!of_scales.empty()) {
    std::mt19937 random(seed);
    for (std::size_t i = 0; i < scales.count; ++i) {
      scales.numbers[i] = crestmax::convert<crestmax::float16>(has_scales ? std::uniform_real_distribution<float>(0.01f, 0.03f)(random) : 1.0f);
    }
    for (std::size_t i = 0; i < codes.count; ++i) {
      const bool is_int8 = std::is_same_v<Code, std::int8_t>;
      const auto code = static_cast<std::byte>(is_int8 ? random() % 256 : random() % 0x48 | (random() % 2) << 7);  // of fp8 no more than 8
      std::memcpy(&codes.numbers[i], &code, 1);
    }
    for_each(rows, [&](index_type b, index_type h, index_type j, index_type k) {
      const auto* const code = reinterpret_cast<const std::byte*>(&codes.at(b, h, j, k));
      const double scale = number(scales.numbers[scale_at(b, h, j)]);
      rows.at(b, h, j, k) = static_cast<float>(decode_number(crestmax::kind_of<Code>, code, 0) * scale);
    });
  }
  template <class F>
  static void for_each(const stored<float>& rows, const F& f) {
    for (index_type b = 0; b < rows.extents[0]; ++b) {
      for (index_type h = 0; h < rows.extents[1]; ++h) {
        for (index_type j = 0; j < rows.extents[2]; ++j) {
          for (index_type k = 0; k < rows.extents[3]; ++k) f(b, h, j, k);
        }
      }
    }
  }
  std::size_t scale_at(index_type b, index_type h, index_type j) const {
    const std::vector<index_type>& e = scales.extents;
    if (e.size() < 2) return scales.count == 1 ? 0 : static_cast<std::size_t>(h);
    const index_type at[] = {b, h, j};
    index_type place = 0;
    for (std::size_t i = 0; i < 3; ++i) place += e[i] == 1 ? 0 : at[i] * scales.strides[i];
    return static_cast<std::size_t>(place);
  }
  array described(const char* name) const {
    array a = scales.described(name);
    a.given = has_scales;
    return a;
  }
};

template <class Key, class Value>
void expect_codes_as_defined(const std::vector<index_type>& key_scales, const std::vector<index_type>& value_scales) {
  crestmax_torch::kept_state kept;
  batch<float> b({2, 4, 5, 24}, {2, 2, 33, 24}, 16);
  const coded_rows<Key> key(b.key, key_scales, 11);
  const coded_rows<Value> value(b.value, value_scales, 12);
  b.run(kept);  // for the views of what is not coded
  b.c.key = crestmax_torch::batched_view(key.codes.described("key"), 33);
  b.c.value = crestmax_torch::batched_view(value.codes.described("value"), 33);
  b.c.key_coding = crestmax_torch::batched_coding(key.described("k_scale"));
  b.c.value_coding = crestmax_torch::batched_coding(value.described("v_scale"));
  attend(b.c, kept);
  b.expect_as_defined(all_keys, plain, 2e-5);
}

TEST(Calls, OnCodesAreThoseOfTheirNumbers) {
  expect_codes_as_defined<std::int8_t, std::int8_t>({1}, {2});
  expect_codes_as_defined<std::int8_t, crestmax::float8_e4m3>({2}, {2, 2, 33});
  expect_codes_as_defined<crestmax::float8_e4m3, crestmax::float8_e5m2>({2, 2, 33}, {});
  expect_codes_as_defined<crestmax::float8_e5m2, std::int8_t>({2, 1, 33}, {1, 2, 1});
}

TEST(Calls, OnScalesThatAreNoneAreRefused) {
  for (const float wrong : {0.0f, -1.0f, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    crestmax_torch::kept_state kept;
    batch<float> b({1, 2, 5, 24}, {1, 2, 33, 24}, 16);
    const coded_rows<std::int8_t> value(b.value, {2}, 12);
    value.scales.at(1) = crestmax::convert<crestmax::float16>(wrong);
    b.run(kept);
    b.c.value = crestmax_torch::batched_view(value.codes.described("value"), 33);
    b.c.value_coding = crestmax_torch::batched_coding(value.described("v_scale"));
    try {
      attend(b.c, kept);
      ADD_FAILURE() << wrong;
    } catch (const crestmax_torch::bad_argument& e) {
      EXPECT_NE(std::string(e.what()).find("v_scale: expected finite scales above 0"), std::string::npos) << e.what();
    }
  }
}

TEST(Calls, ReadTensorsOfAnyOrderOfAxes) {
  crestmax_torch::kept_state kept;
  batch<float> b({2, 6, 5, 24}, {2, 2, 33, 24}, 16);
  // Token-major memory: (batch, len, heads, d), exchanged.
  b.query = random_tensor<float>({2, 5, 6, 24}, 4);
  b.query.exchange(1, 2);
  b.key = random_tensor<float>({2, 33, 2, 24}, 5);
  b.key.exchange(1, 2);
  b.run(kept);
  b.expect_as_defined(all_keys, plain, 1e-5);
}

TEST(Calls, CutKeysThatNoQuerySees) {
  crestmax_torch::kept_state kept;
  batch<float> b({1, 2, 5, 24}, {1, 2, 33, 24}, 16);
  b.c.options.causal = 1;
  for (index_type j = 5; j < 33; ++j) b.value.at(0, 0, j, 0) = std::nanf("");
  b.run(kept);
  b.expect_as_defined([](index_type, index_type i, index_type j) { return j <= i; }, plain, 1e-5);
}

TEST(Calls, AddMasksBehindTheSoftCap) {
  crestmax_torch::kept_state kept;
  batch<float> b({1, 4, 5, 24}, {1, 2, 33, 24}, 16);
  const stored<float> mask = random_tensor<float>({4, 5, 33}, 7);
  mask.at(1, 2, 3) = -std::numeric_limits<float>::infinity();
  b.c.mask = mask.described("mask");
  b.c.options.softcap = 1.5;
  b.run(kept);
  b.expect_as_defined([](index_type h, index_type i, index_type j) { return h != 1 || i != 2 || j != 3; },
                      [&](double score, index_type h, index_type i, index_type j) {
                        return 1.5 * std::tanh(score / 1.5) + static_cast<double>(mask.at(h, i, j));
                      },
                      1e-5);
}

TEST(Calls, HideWhatABoolMaskHidesByAnyNumberOfWorkers) {
  for (const int workers : {1, 3}) {
    crestmax_torch::kept_state kept;
    batch<float> b({1, 4, 65, 24}, {1, 2, 1100, 24}, 16);
    const stored<bool> mask({65, 1100});
    for (index_type i = 0; i < 65; ++i) {
      for (index_type j = 0; j < 1100; ++j) mask.at(i, j) = (i * 7 + j * j) % 5 != 0;
    }
    b.c.mask = mask.described("mask");
    b.run(kept, workers);
    b.expect_as_defined([&](index_type, index_type i, index_type j) { return mask.at(i, j); }, plain, 1e-5);
  }
}

TEST(Calls, SeeAMaskThatHasChangedInItsPlace) {
  crestmax_torch::kept_state kept;
  batch<float> b({1, 2, 5, 24}, {1, 2, 33, 24}, 16);
  const stored<float> mask({5, 33});
  b.c.mask = mask.described("mask");
  for (const index_type hidden : {3, 20}) {
    for (index_type j = 0; j < 33; ++j) mask.at(4, j) = j == hidden ? -std::numeric_limits<float>::infinity() : 0.0f;
    b.run(kept);
    b.expect_as_defined([&](index_type, index_type i, index_type j) { return i != 4 || j != hidden; }, plain, 1e-5);
  }
}

TEST(Calls, TakeSinksOfAnyTypeAndStride) {
  crestmax_torch::kept_state kept;
  batch<float> b({1, 2, 5, 24}, {1, 2, 33, 24}, 16);
  stored<crestmax::bfloat16> sinks({2, 3});
  for (index_type h = 0; h < 2; ++h) sinks.at(h, 0) = crestmax::convert<crestmax::bfloat16>(1.5f);
  sinks.exchange(0, 1);
  array given = sinks.described("sinks");
  given.extents = given.extents.last(1);
  given.strides = given.strides.last(1);
  b.c.options.sinks = given;
  b.run(kept);
  b.expect_as_defined(all_keys, plain, 1e-5, 1.5);
}

TEST(Calls, HaveTheSameBitsByAnyNumberOfWorkers) {
  std::vector<std::vector<float>> found;
  for (const int threads : {1, 2, 5}) {
    crestmax_torch::kept_state kept;
    batch<float> b({2, 6, 50, 24}, {2, 2, 700, 24}, 16);
    b.run(kept, threads);
    found.emplace_back(b.output.numbers.get(), b.output.numbers.get() + b.output.count);
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

TEST(Calls, OfLittleWorkStayOnOneThread) {
  crestmax_torch::kept_state kept;
  int most = 0;
  batch<float> small({1, 2, 1, 16}, {1, 2, 16, 16}, 16), large({1, 2, 64, 64}, {1, 2, 512, 64}, 64);
  small.run(kept);
  large.run(kept);
  for (const auto& [b, expected] : {std::pair{&small, 1}, std::pair{&large, 4}}) {
    crestmax_torch::attend(b->c, kept, 4, [&](int count) {
      most = count;
      return in_turn{count};
    });
    EXPECT_EQ(most, expected);
  }
}

TEST(Calls, OfPagesThatThereAreNotAreRefused) {
  crestmax_torch::kept_state kept;
  const auto query = random_tensor<float>({1, 2, 16}, 1), cache = random_tensor<float>({3, 4, 2, 16}, 2);
  const std::int32_t pages[] = {0, 3};
  const std::int32_t lengths[] = {8};
  stored<float> output({1, 2, 16});
  call c;
  c.is_paged = true;
  c.query = crestmax_torch::packed_view(query.described("query"));
  c.key = c.value = crestmax_torch::paged_view(cache.described("key_cache"));
  c.pages = {pages, 2, lengths};
  c.output = crestmax::tensor<float>(output.numbers.get(), {1, 1, 2, 16});
  EXPECT_THROW(attend(c, kept), crestmax_torch::bad_argument);
  EXPECT_EQ(output.at(0, 0, 0), 0.0f);
}

TEST(OneEach, IsAQueryOfEachSequence) {
  const auto query = random_tensor<float>({7, 2, 16}, 1);
  const crestmax::tensor_view rows = crestmax_torch::one_each(crestmax_torch::packed_view(query.described("query")));
  EXPECT_EQ(rows.extents, (std::array<index_type, 4>{7, 1, 2, 16}));
  EXPECT_EQ(rows.strides, (std::array<index_type, 4>{32, 0, 16, 1}));
}

}  // namespace
}  // namespace crestmax_test
