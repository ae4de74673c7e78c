// Captures whose keys and values append() has written into caches of fewer bits: calls on them are held to the numbers that the codes stand for, read
// one at a time.
#include <crestmax/backend/cpu/backend.hpp>

#include "append/test_cache.hpp"
#include "captures.hpp"
#include "support/encoded_case.hpp"

namespace crestmax_test {
namespace {

constexpr index_type most_keys = 200;  // no whole number of blocks of 64

// Keys, or values, as a cache of one page; its numbers go to `decoded`.
class written_rows {
 public:
  written_rows(test_tensor& decoded, cache_facts facts) : cache_(with_shape(facts, decoded)) {
    const auto [one, keys, heads, dim] = decoded.extents();
    const auto& s = decoded.strides();
    std::vector<std::int64_t> slots(static_cast<std::size_t>(keys));
    std::iota(slots.begin(), slots.end(), 0);
    const std::vector<std::int32_t> sequence_of(slots.size(), 0);
    crestmax::append_options options;
    options.coding = coding();
    options.sequence_of = sequence_of;
    options.sequences = 1;
    const crestmax::token_rows rows(decoded.view<float>().data, scalar_kind::float32, {keys, heads, dim}, {s[1], s[2], 1});
    status = run_append(rows, view(), slots, options);
    const index_type coded = keys / facts.keys * facts.keys;
    for (index_type j = 0; j < keys; ++j) {
      for (index_type h = 0; h < heads; ++h) {
        const std::vector<double> row = j < coded ? cache_.row(j, h) : cache_.open_row(0, j, h);
        for (index_type i = 0; i < dim; ++i) decoded.set(0, j, h, i, row[static_cast<std::size_t>(i)]);
      }
    }
  }
  crestmax::tensor_view view() { return cache_.view(); }
  crestmax::row_coding coding() { return cache_.coding(); }
  crestmax::status status;

 private:
  static cache_facts with_shape(cache_facts f, const test_tensor& rows) {
    f.pages = 1;
    f.page_size = rows.extent(1);
    f.heads = rows.extent(2);
    f.dim = rows.extent(3);
    return f;
  }
  test_cache cache_;
};

struct store {
  cache_facts key, value;
};
std::vector<store> stores_of(index_type dim) {
  std::vector<store> all;
  const auto both = [&](const cache_facts& f) { all.push_back({f, f}); };
  if (dim % 32 == 0) {
    for (const scalar_kind kind : blocks) both({.kind = kind});
  }
  both({.kind = scalar_kind::int8, .what = beside::scales});
  both({.kind = scalar_kind::uint8, .what = beside::zero_points});
  both({.kind = scalar_kind::uint4, .what = beside::minimums, .stored = scalar_kind::float16});
  both({.kind = scalar_kind::float8_e4m3, .what = beside::scales});
  both({.kind = scalar_kind::float8_e5m2, .what = beside::scales});
  all.push_back({{.kind = scalar_kind::uint4, .what = beside::minimums, .group = 1, .keys = 64}, {.kind = scalar_kind::uint8, .what = beside::minimums}});
  return all;
}

// The capture's last queries of its first keys.
attention_case shortened(const capture& from, index_type queries) {
  const index_type keys = std::min(from.key.shape[1], most_keys);
  attention_case c;
  c.query = tensor_of(from.query, scalar_kind::float32, keys - queries, queries);
  c.key = tensor_of(from.key, scalar_kind::float32, 0, keys);
  c.value = tensor_of(from.value, scalar_kind::float32, 0, keys);
  c.output = test_tensor(scalar_kind::float32, {1, queries, from.query.shape[0], from.value.shape[2]}, memory_layout::dense);
  c.row_kind = scalar_kind::float64;
  c.modifiers.causal.enabled = from.causal;
  return c;
}

// A case of the numbers that a store keeps of a capture, and calls on what it keeps.
struct stored_capture {
  stored_capture(const capture& from, const store& how, index_type queries)
      : numbers(shortened(from, queries)), key(numbers.key, how.key), value(numbers.value, how.value),
        name(from.name + ", keys of " + crestmax::name(how.key.kind) + ", values of " + crestmax::name(how.value.kind)) {}

  attention_result run(crestmax::products products) {
    crestmax::options options = numbers.options;
    options.key_coding = key.coding();
    options.value_coding = value.coding();
    options.products = products;
    attention_result r;
    bool untouched = true;
    {
      call_memory memory(placing::as_it_is, untouched);
      r = run_rows(numbers, key.view(), value.view(), options, crestmax::backend::cpu(), {}, memory);
    }
    return r;
  }

  attention_case numbers;
  written_rows key, value;
  std::string name;
};

template <class Check>
void for_each_store(index_type queries, Check&& check) {
  ASSERT_FALSE(captures().empty()) << "no captures in " << capture_folder();
  for (const capture& from : captures()) {
    for (const store& how : stores_of(from.key.shape[2])) {
      stored_capture stored(from, how, queries);
      ASSERT_TRUE(stored.key.status.ok()) << stored.name << ": " << stored.key.status.message();
      ASSERT_TRUE(stored.value.status.ok()) << stored.name << ": " << stored.value.status.message();
      check(stored);
    }
  }
}

TEST(EncodedCaptures, AreExactForTheirNumbersWhereRowsAreReadInPlace) {
  for_each_store(2, [](stored_capture& stored) {
    EXPECT_TRUE(is_exact(stored.numbers, stored.run(crestmax::products::exact), 16)) << stored.name;
  });
}

TEST(EncodedCaptures, AreExactForTheirNumbersWhereRowsArePacked) {
  for_each_store(40, [](stored_capture& stored) {
    EXPECT_TRUE(is_exact(stored.numbers, stored.run(crestmax::products::exact), 16)) << stored.name;
  });
}

TEST(EncodedCaptures, AreWithinATenThousandthOfTheLargestValueInIntegers) {
  for_each_store(2, [](stored_capture& stored) {
    const test_tensor exact = stored.run(crestmax::products::exact).output, integer = stored.run(crestmax::products::integer).output;
    double apart = 0, most = 0;
    exact.for_each([&](index_type i, index_type j, index_type k, index_type l) {
      apart = std::max(apart, std::fabs(exact.at(i, j, k, l) - integer.at(i, j, k, l)));
    });
    const test_tensor& values = stored.numbers.value;
    values.for_each([&](index_type i, index_type j, index_type k, index_type l) { most = std::max(most, std::fabs(values.at(i, j, k, l))); });
    EXPECT_LE(apart, 1e-4 * most) << stored.name;
    const scalar_kind kind = stored.value.view().kind;
    const bool has_integers = kind != scalar_kind::float8_e4m3 && kind != scalar_kind::float8_e5m2;
    EXPECT_EQ(apart > 0, has_integers) << stored.name;
  });
}

}  // namespace
}  // namespace crestmax_test
