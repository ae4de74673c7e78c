// The whole adapter but its glue, beside float64.
#include "attention_server.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "made_operator.hpp"
#include "reference.hpp"

namespace {

using adapter::attention_server;
using adapter::index_type;
using ggml_tests::hidden;
using ggml_tests::made_mask;
using ggml_tests::made_operator;
using ggml_tests::scalar_kind;
using ggml_tests::shape;

void expect_right(attention_server& server, const adapter::attention_operator& o, const std::string& what = {}) {
  ASSERT_EQ(adapter::refusal(o), nullptr) << what;
  const crestmax::status status = server.serve(o);
  ASSERT_TRUE(status.ok()) << what << ": " << status.message();
  const adapter::reference wanted(o, ggml_tests::quantised_number);
  double largest = 0;
  for (index_type s = 0; s < o.sequences(); ++s) {
    for (index_type h = 0; h < o.q_heads(); ++h) {
      for (index_type q = 0; q < o.q_len(); ++q) {
        const std::vector<double> row = wanted.row(s, h, q);
        for (index_type c = 0; c < o.d_v(); ++c) {
          largest = std::max(largest, std::fabs(wanted.given(s, h, q, c) - row[static_cast<std::size_t>(c)]));
        }
      }
    }
  }
  const bool rounds = crestmax::is_encoded(*o.key.kind) || crestmax::is_encoded(*o.value.kind);
  EXPECT_LT(largest, rounds ? 1e-4 : 1e-5) << what;
}

TEST(AttentionServer, IsRightForEveryPairOfCacheTypes) {
  attention_server server;
  for (const scalar_kind key : {scalar_kind::float32, scalar_kind::float16, scalar_kind::bfloat16}) {
    for (const scalar_kind value : {scalar_kind::float32, scalar_kind::float16, scalar_kind::bfloat16}) {
      for (const index_type q_len : {1, 20}) {
        made_operator made({.q_len = q_len, .kv_len = 77, .key_kind = key, .value_kind = value});
        expect_right(server, made.o, std::string(name(key)) + " " + name(value));
      }
    }
  }
}

constexpr scalar_kind quantised[] = {scalar_kind::q8_0, scalar_kind::q4_0, scalar_kind::q4_1, scalar_kind::q5_0, scalar_kind::q5_1, scalar_kind::iq4_nl};

TEST(AttentionServer, IsRightForEveryQuantisedCache) {
  attention_server server;
  for (const scalar_kind kind : quantised) {
    for (const index_type q_len : {1, 3, 40}) {
      made_operator made({.q_len = q_len, .kv_len = 77, .d_qk = 96, .key_kind = kind, .value_kind = kind});
      expect_right(server, made.o, name(kind));
    }
  }
}

TEST(AttentionServer, IsRightForKeysAndValuesOfDifferentQuantisedTypes) {
  attention_server server;
  for (const scalar_kind key : quantised) {
    for (const scalar_kind value : {scalar_kind::q4_0, scalar_kind::q5_1, scalar_kind::float16, scalar_kind::float32}) {
      made_operator made({.q_len = 2, .kv_len = 50, .d_v = 32, .key_kind = key, .value_kind = value});
      expect_right(server, made.o, std::string(name(key)) + " " + name(value));
      made_operator turned({.q_len = 2, .kv_len = 50, .d_v = 32, .key_kind = value, .value_kind = key});
      expect_right(server, turned.o, std::string(name(value)) + " " + name(key));
    }
  }
}

TEST(AttentionServer, IsRightForTypesThatTheAdapterDecodes) {
  attention_server server;
  for (const adapter::block_format* const format : {&adapter::q1_0, &adapter::q2_0}) {
    for (const index_type q_len : {1, 33}) {
      shape s{.q_len = q_len, .kv_len = 150, .d_qk = 128, .d_v = 128, .key_kind = scalar_kind::custom, .value_kind = scalar_kind::custom};
      s.key_format = s.value_format = format;
      made_operator both(s);
      expect_right(server, both.o);
      s.key_kind = scalar_kind::q4_0;
      s.key_format = nullptr;
      made_operator of_values(s);
      expect_right(server, of_values.o);
      std::swap(s.key_kind, s.value_kind);
      std::swap(s.key_format, s.value_format);
      made_operator of_keys(s);
      expect_right(server, of_keys.o);
    }
  }
}

TEST(AttentionServer, IsRightForAPromptAndATokenOverAQuantisedCacheBehindAMask) {
  attention_server server;
  for (const index_type q_len : {1, 70}) {
    made_operator made({.q_len = q_len, .kv_len = 512, .q_heads = 9, .kv_heads = 3, .key_kind = scalar_kind::q8_0, .value_kind = scalar_kind::q4_1});
    made_mask window = made_mask{512, q_len}.be_causal(300);
    for (index_type q = 0; q < q_len; ++q) window.set_keys(q, 0, 100, hidden);
    made.set_mask(window);
    expect_right(server, made.o, std::to_string(q_len));
  }
}

TEST(AttentionServer, ReadsQuantisedHeadsThatLieApart) {
  attention_server server;
  for (const index_type q_len : {1, 20}) {
    made_operator made({.q_len = q_len, .kv_len = 60, .sequences = 2, .key_kind = scalar_kind::q5_0, .value_kind = scalar_kind::iq4_nl});
    for (adapter::operand* const t : {&made.o.key, &made.o.value}) *t = ggml_tests::operand_of(t->data, *t->kind, t->extents, {0, 1, 2, 3});
    expect_right(server, made.o);
  }
}

TEST(AttentionServer, ReadsQuantisedValuesThatAreAViewOfTheKeys) {
  attention_server server;
  made_operator made({.q_len = 4, .kv_len = 60, .kv_heads = 1, .d_qk = 96, .d_v = 64, .key_kind = scalar_kind::q8_0, .value_kind = scalar_kind::q8_0});
  made.o.value = made.o.key;
  made.o.value.extents[0] = 64;
  expect_right(server, made.o);
}

TEST(AttentionServer, IsRightForHeadDimsThatDiffer) {
  attention_server server;
  for (const auto& [d_qk, d_v] : {std::pair<index_type, index_type>{192, 128}, {40, 40}, {65, 67}, {72, 64}}) {
    made_operator made({.q_len = 5, .kv_len = 130, .d_qk = d_qk, .d_v = d_v});
    expect_right(server, made.o, std::to_string(d_qk));
  }
}

TEST(AttentionServer, IsRightForAPromptAndForATokenBehindIt) {
  attention_server server;
  made_operator prompt({.q_len = 70, .kv_len = 512, .q_heads = 9, .kv_heads = 3});
  made_mask causal = made_mask{512, 70}.be_causal(200);
  prompt.set_mask(causal);
  expect_right(server, prompt.o);
  made_operator token({.q_len = 1, .kv_len = 512, .q_heads = 9, .kv_heads = 3});
  made_mask of_token = made_mask{512, 1}.be_causal(270);
  token.set_mask(of_token);
  expect_right(server, token.o);
}

TEST(AttentionServer, IsRightForWindows) {
  attention_server server;
  made_operator made({.q_len = 60, .kv_len = 400});
  made_mask window = made_mask{400, 60}.be_causal(300);
  for (index_type q = 0; q < 60; ++q) window.set_keys(q, 0, 300 + q - 90, hidden);
  made.set_mask(window);
  expect_right(server, made.o);
}

TEST(AttentionServer, IsRightForNumbersThatAreAdded) {
  attention_server server;
  made_operator made({.q_len = 33, .kv_len = 150});
  made_mask m{150, 33};
  for (index_type q = 0; q < 33; ++q) {
    for (index_type k = 0; k < 150; ++k) m.set(0, 0, q, k, k % 7 == 3 ? hidden : static_cast<float>((q * 31 + k * 17) % 13) / 4 - 2);
  }
  made.set_mask(m);
  expect_right(server, made.o);
}

TEST(AttentionServer, IsRightForSlopesOfHeadsThatAreNoPowerOfTwo) {
  attention_server server;
  for (const index_type heads : {1, 4, 12}) {
    made_operator made({.q_len = 9, .kv_len = 80, .q_heads = heads, .kv_heads = 1});
    made_mask distances{80, 9};
    for (index_type q = 0; q < 9; ++q) {
      for (index_type k = 0; k < 80; ++k) distances.set(0, 0, q, k, k > 71 + q ? hidden : -static_cast<float>(71 + q - k));
    }
    made.set_mask(distances);
    made.o.max_bias = 8;
    expect_right(server, made.o, std::to_string(heads));
  }
}

TEST(AttentionServer, IsRightForSoftCapsOfEitherSignAndForSinks) {
  attention_server server;
  std::vector<float> sinks{-3, 0, 2, 9};
  for (const float cap : {0.0f, 5.0f, -5.0f}) {
    made_operator made({.q_len = 3, .kv_len = 90});
    made.set_sinks(sinks);
    made.o.scale = 1;
    made.o.soft_cap = cap;
    expect_right(server, made.o, std::to_string(cap));
  }
}

TEST(AttentionServer, TakesASinkOfMinusInfinityForNone) {
  attention_server server;
  std::vector<float> sinks{hidden, 1, hidden, 0};
  made_operator made({.q_len = 2, .kv_len = 40});
  made.set_sinks(sinks);
  expect_right(server, made.o);
}

TEST(AttentionServer, GivesZerosToRowsThatSeeNothing) {
  attention_server server;
  std::vector<float> sinks{0, 1, 2, 3};
  for (const bool with_sinks : {false, true}) {
    made_operator made({.q_len = 20, .kv_len = 64});
    made_mask m{64, 20};
    for (index_type q = 0; q < 20; q += 3) m.set_keys(q, 0, 64, hidden);
    made.set_mask(m);
    if (with_sinks) made.set_sinks(sinks);
    expect_right(server, made.o);
    for (index_type q = 1; q < 20; ++q) m.set_keys(q, 0, 64, hidden);
    expect_right(server, made.o);
  }
}

TEST(AttentionServer, IsRightForSequencesOfDifferentLengthsAndMasksOfHeads) {
  attention_server server;
  for (const index_type q_len : {1, 18}) {
    made_operator made({.q_len = q_len, .kv_len = 256, .sequences = 4});
    made_mask m{256, q_len, 2, 2};
    m.be_causal(100);
    for (index_type q = 0; q < q_len; ++q) m.set_keys(q, 60, 256, hidden, 1, 1);
    made.set_mask(m);
    expect_right(server, made.o, std::to_string(q_len));
  }
}

// Sequences that share a cache: each token sees the cells of its own.
TEST(AttentionServer, IsRightForSequencesThatShareACache) {
  attention_server server;
  made_operator made({.q_len = 12, .kv_len = 300});
  made_mask m{300, 12};
  for (index_type q = 0; q < 12; ++q) {
    for (index_type k = 0; k < 300; ++k) {
      const index_type owner = k < 200 ? k / 50 : k % 4;
      if (owner != q % 4) m.set(0, 0, q, k, hidden);
    }
  }
  made.set_mask(m);
  expect_right(server, made.o);
}

TEST(AttentionServer, ReadsValuesThatAreAViewOfTheKeys) {
  attention_server server;
  made_operator made({.q_len = 4, .kv_len = 60, .kv_heads = 1, .d_qk = 96, .d_v = 64});
  made.o.value = made.o.key;
  made.o.value.extents[0] = 64;
  expect_right(server, made.o);
}

TEST(AttentionServer, ReadsHeadsThatLieApart) {
  attention_server server;
  made_operator made({.q_len = 4, .kv_len = 60});
  made.o.key = ggml_tests::operand_of(made.o.key.data, *made.o.key.kind, made.o.key.extents, {0, 1, 2, 3});
  expect_right(server, made.o);
}

TEST(AttentionServer, ReadsAMaskAgainThatChangesAtTheSameAddress) {
  attention_server server;
  made_operator made({.q_len = 1, .kv_len = 256});
  made_mask m = made_mask{256, 1}.be_causal(99);
  made.set_mask(m);
  for (index_type key = 100; key < 104; ++key) {
    for (int layer = 0; layer < 3; ++layer) expect_right(server, made.o);
    m.set(0, 0, 0, key, 0.0f);
  }
  EXPECT_EQ(server.masks().readings(), 4);
  EXPECT_EQ(server.plans().made(), 4);
}

// 4,352 keys of three heads would make three pieces.
TEST(AttentionServer, IsRightForKeysCutIntoAnOddNumberOfPieces) {
  attention_server server;
  made_operator made({.q_len = 1, .kv_len = 4352, .q_heads = 9, .kv_heads = 3});
  expect_right(server, made.o);
  EXPECT_EQ(server.plans().made(), 2) << "the one that is not taken, and that of four pieces";
}

TEST(AttentionServer, OfTwoThreadsGivesTheBitsOfOne) {
  for (const index_type q_len : {1, 100}) {
    made_operator made({.q_len = q_len, .kv_len = 3000, .q_heads = 9, .kv_heads = 3});
    attention_server one, two;
    two.set_threads(2);
    const auto numbers = [&] {
      const auto* first = static_cast<const float*>(made.o.output.data);
      return std::vector<float>(first, first + q_len * 9 * 64);
    };
    ASSERT_TRUE(one.serve(made.o).ok());
    const std::vector<float> of_one = numbers();
    ASSERT_TRUE(two.serve(made.o).ok());
    EXPECT_EQ(of_one, numbers());
  }
}

TEST(AttentionServer, HasNothingToDoForNoQueries) {
  attention_server server;
  made_operator made({.q_len = 0});
  EXPECT_TRUE(server.serve(made.o).ok());
}

}  // namespace
