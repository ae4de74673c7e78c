// encodings_beside: blocks that crestmax writes beside those of ggml's reference functions, and what both read in them.
// encodings_beside --bytes: ggml's bytes of some blocks, as tests/append/ggml_bytes.inc has them.
#include <ggml.h>

#include <append/block_numbers.hpp>
#include <crestmax/append.hpp>
#include <cstdio>
#include <cstring>
#include <random>
#include <support/encodings.hpp>
#include <vector>

namespace {

using crestmax::scalar_kind;

struct known_kind {
  scalar_kind kind;
  ggml_type type;
};
constexpr known_kind kinds[] = {{scalar_kind::q8_0, GGML_TYPE_Q8_0}, {scalar_kind::q4_0, GGML_TYPE_Q4_0}, {scalar_kind::q4_1, GGML_TYPE_Q4_1},
                                {scalar_kind::q5_0, GGML_TYPE_Q5_0}, {scalar_kind::q5_1, GGML_TYPE_Q5_1}, {scalar_kind::iq4_nl, GGML_TYPE_IQ4_NL}};

using numbers = std::vector<float>;
using bytes = std::vector<std::uint8_t>;

bytes by_ggml(const known_kind& k, const numbers& x) {
  bytes coded(crestmax::bound(crestmax::row_bytes_of(k.kind, static_cast<std::int64_t>(x.size()))));
  ggml_get_type_traits(k.type)->from_float_ref(x.data(), coded.data(), static_cast<std::int64_t>(x.size()));
  return coded;
}
bytes by_crestmax(const known_kind& k, const numbers& x, crestmax::instruction_set most) {
  const auto length = static_cast<std::int64_t>(x.size());
  bytes coded(crestmax::bound(crestmax::row_bytes_of(k.kind, length)));
  const std::int64_t slot = 0, row = static_cast<std::int64_t>(coded.size());
  const crestmax::token_rows rows(x.data(), scalar_kind::float32, {1, 1, length}, {length, length, 1});
  const crestmax::tensor_view cache(coded.data(), k.kind, {1, 1, 1, length}, {row, row, row, 1});
  if (const crestmax::status s = crestmax::append(rows, cache, {&slot, 1}, {.most = most}); !s) {
    std::printf("%s\n", s.message());
    std::exit(1);
  }
  return coded;
}

// Numbers of many sorts: of every magnitude, rounded, with ties, zeros of both signs, all alike.
numbers some_blocks(int seed, int blocks) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::normal_distribution<float> normal;
  numbers x;
  for (int b = 0; b < blocks; ++b) {
    const float scale = std::ldexp(1.0f, static_cast<int>(random() % 40) - 20);
    const unsigned sort = random() % 8;
    for (int i = 0; i < 32; ++i) {
      const float n = normal(random) * scale;
      x.push_back(sort == 0   ? crestmax::to_float(crestmax::to_bfloat16(n))
                  : sort == 1 ? std::round(n / scale * 2)
                  : sort == 2 ? (random() % 3 == 0 ? n : random() % 2 == 0 ? 0.0f : -0.0f)
                  : sort == 3 ? std::fabs(n)
                  : sort == 4 ? static_cast<float>(static_cast<int>(random() % 17) - 8) * 0.5f * scale
                  : sort == 5 ? scale
                              : n);
    }
  }
  return x;
}

double squared_error(const known_kind& k, const numbers& x, const bytes& coded, std::size_t block) {
  const auto* from = reinterpret_cast<const std::byte*>(coded.data()) + block * crestmax::bound(crestmax::bytes_of_block(k.kind));
  double error = 0;
  for (int i = 0; i < 32; ++i) {
    const double difference = static_cast<double>(x[block * 32 + static_cast<std::size_t>(i)]) - crestmax_test::decode_in_block(k.kind, from, i);
    error += difference * difference;
  }
  return error;
}

// ggml's reading of ggml's blocks, and the plain one of the tests: numbers that differ.
long read_otherwise(const known_kind& k, const bytes& coded, std::size_t count) {
  numbers read(count);
  ggml_get_type_traits(k.type)->to_float(coded.data(), read.data(), static_cast<std::int64_t>(count));
  long differ = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double plain = crestmax_test::decode_number(k.kind, reinterpret_cast<const std::byte*>(coded.data()), static_cast<std::int64_t>(i));
    const bool both_none = std::isnan(plain) && std::isnan(read[i]);  // an infinite scale times 0
    differ += !(both_none || plain == static_cast<double>(read[i]));
  }
  return differ;
}

// Blocks that are not as they should be: of other bytes, of iq4_nl of a larger error.
long wrong_blocks(const known_kind& k, const numbers& x, const bytes& theirs, const bytes& ours) {
  const auto size = crestmax::bound(crestmax::bytes_of_block(k.kind));
  long wrong = 0;
  for (std::size_t b = 0; b < x.size() / 32; ++b) {
    if (k.kind == scalar_kind::iq4_nl) wrong += squared_error(k, x, ours, b) > squared_error(k, x, theirs, b);
    else wrong += std::memcmp(theirs.data() + b * size, ours.data() + b * size, size) != 0;
  }
  return wrong;
}

int compare() {
  constexpr int blocks = 1 << 16;
  long all_wrong = 0;
  for (const known_kind& k : kinds) {
    const numbers x = some_blocks(1, blocks);
    const bytes theirs = by_ggml(k, x);
    long wrong = 0;
    for (const auto set : {crestmax::instruction_set::generic, crestmax::instruction_set::avx2, crestmax::instruction_set::widest}) {
      wrong += wrong_blocks(k, x, theirs, by_crestmax(k, x, set));
    }
    const long read = read_otherwise(k, theirs, x.size());
    std::printf("%s: %ld of %d blocks, each by three sets, %s ggml's; %ld of its numbers are read otherwise\n", crestmax::name(k.kind), wrong, blocks,
                k.kind == scalar_kind::iq4_nl ? "err more than" : "differ from", read);
    all_wrong += wrong + read;
  }
  return all_wrong == 0 ? 0 : 1;
}

void print_bytes() {
  for (const known_kind& k : kinds) {
    std::printf("// %s\n{\n", crestmax::name(k.kind));
    for (int b = 0; b < crestmax_test::number_of_blocks; ++b) {
      const auto x = crestmax_test::numbers_of_block(b);
      std::printf("  {");
      for (const std::uint8_t byte : by_ggml(k, numbers(x.begin(), x.end()))) std::printf("%d,", static_cast<int>(byte));
      std::printf("},\n");
    }
    std::printf("},\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--bytes") == 0) return print_bytes(), 0;
  return compare();
}
