// Calls of real models, as shapes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <crestmax/plan.hpp>

namespace crestmax_simulator {

using crestmax::index_type;

struct heads_of_model {
  const char* model;
  index_type q_heads, kv_heads, d_qk, d_v;
  index_type window = 0;  // keys that a query sees, itself among them; 0: all before it
};

struct call_shape {
  std::string name;
  heads_of_model heads;
  bool causal = true;
  std::vector<std::int32_t> queries, keys;  // of each sequence
};

inline constexpr heads_of_model llama_8b{"Llama 8B", 32, 8, 128, 128}, llama_70b{"Llama 70B", 64, 8, 128, 128},
    qwen_7b{"Qwen 2.5 7B", 28, 4, 128, 128}, qwen_small{"Qwen 3 0.6B", 16, 8, 128, 128}, gemma_1b{"Gemma 3 1B", 4, 1, 256, 256},
    gemma_1b_local{"Gemma 3 1B, window", 4, 1, 256, 256, 512}, gemma_12b{"Gemma 3 12B", 16, 8, 256, 256},
    gemma_12b_local{"Gemma 3 12B, window", 16, 8, 256, 256, 1024}, gemma_first{"Gemma, 8 on 1", 8, 1, 256, 256},
    mla{"DeepSeek MLA", 128, 1, 576, 512}, gpt_oss{"GPT-OSS", 64, 8, 64, 64}, gpt_oss_local{"GPT-OSS, window", 64, 8, 64, 64, 128},
    whisper{"Whisper large", 20, 20, 64, 64}, bert{"BERT base", 12, 12, 64, 64}, one_head{"one head", 1, 1, 128, 128};

inline std::string short_number(index_type n) {
  if (n >= 1 << 20 && n % (1 << 20) == 0) return std::to_string(n >> 20) + "M";
  return n >= 1024 && n % 1024 == 0 ? std::to_string(n >> 10) + "k" : std::to_string(n);
}

inline call_shape decode(const heads_of_model& heads, index_type kv_len, index_type batch = 1, index_type q_len = 1) {
  call_shape s;
  s.name = std::string(heads.model) + (q_len == 1 ? ", decode " : ", " + std::to_string(q_len) + " queries on ") + short_number(kv_len) +
           (batch > 1 ? " x " + std::to_string(batch) : "");
  s.heads = heads;
  s.queries.assign(static_cast<std::size_t>(batch), static_cast<std::int32_t>(q_len));
  s.keys.assign(static_cast<std::size_t>(batch), static_cast<std::int32_t>(kv_len));
  return s;
}

inline call_shape prefill(const heads_of_model& heads, index_type length, index_type batch = 1, bool causal = true) {
  call_shape s = decode(heads, length, batch, length);
  s.name = std::string(heads.model) + (causal ? ", prefill " : ", encode ") + short_number(length) + (batch > 1 ? " x " + std::to_string(batch) : "");
  s.causal = causal;
  return s;
}

inline call_shape ragged(const char* name, const heads_of_model& heads, std::vector<std::int32_t> queries, std::vector<std::int32_t> keys) {
  return {std::string(heads.model) + ", " + name, heads, true, std::move(queries), std::move(keys)};
}

inline std::vector<call_shape> every_shape() {
  std::vector<call_shape> all;
  for (const index_type n : {512, 1024, 4096, 16384, 131072, 1 << 20}) all.push_back(decode(llama_8b, n));
  for (const index_type n : {4096, 32768, 131072}) all.push_back(decode(llama_70b, n));
  for (const index_type n : {4096, 32768, 131072}) all.push_back(decode(qwen_7b, n));
  for (const index_type n : {4096, 32768}) all.push_back(decode(qwen_small, n));
  for (const index_type n : {4096, 32768, 131072}) all.push_back(decode(gemma_first, n));
  for (const index_type n : {4096, 16384, 131072}) all.push_back(decode(mla, n));
  for (const auto& of : {gemma_12b, gemma_12b_local, gpt_oss, gpt_oss_local}) all.push_back(decode(of, 32768));
  all.push_back(decode(gpt_oss, 131072));
  all.push_back(decode(whisper, 1500));
  all.back().causal = false;
  for (const index_type batch : {8, 64, 256}) all.push_back(decode(llama_8b, 4096, batch));
  all.push_back(decode(qwen_7b, 2048, 32));
  all.push_back(decode(mla, 4096, 64));
  all.push_back(decode(gpt_oss_local, 8192, 64));
  for (const index_type q_len : {4, 8}) all.push_back(decode(llama_8b, 32768, 1, q_len));
  for (const index_type q_len : {17, 64}) all.push_back(decode(one_head, 131072, 1, q_len));
  for (const index_type q_len : {64, 512}) all.push_back(decode(llama_8b, 32768, 1, q_len));
  for (const index_type n : {17, 128, 512, 2048, 8192, 32768, 131072}) all.push_back(prefill(llama_8b, n));
  for (const index_type n : {512, 4096}) all.push_back(prefill(gemma_1b, n));
  for (const auto& of : {gemma_1b_local, gemma_12b_local, gpt_oss, gpt_oss_local, qwen_7b}) all.push_back(prefill(of, 4096));
  all.push_back(prefill(mla, 2048));
  all.push_back(prefill(whisper, 1500, 1, false));
  for (const index_type batch : {1, 32}) all.push_back(prefill(bert, 512, batch, false));
  all.push_back(prefill(bert, 128, 32, false));

  std::vector<std::int32_t> ones(256, 1), lengths(256, 100);
  lengths[100] = 100000;
  all.push_back(ragged("decode of 255 x 100 and 100,000", llama_8b, ones, lengths));
  lengths.clear();
  for (std::int32_t i = 0; i < 64; ++i) lengths.push_back(200 + 997 * i % 16001);
  all.push_back(ragged("decode of 64 lengths to 16,000", llama_8b, std::vector<std::int32_t>(64, 1), lengths));
  all.push_back(ragged("decode of 64 lengths to 16,000", llama_70b, std::vector<std::int32_t>(64, 1), lengths));
  std::vector<std::int32_t> queries(33, 1), keys(33, 4096);
  queries[32] = 512;
  keys[32] = 8192;
  all.push_back(ragged("a chunk of 512 on 8k with 32 decodes", llama_8b, queries, keys));
  queries.assign({17, 200, 3000, 60, 900, 1500, 30, 400});
  all.push_back(ragged("prefill of 8 lengths", llama_8b, queries, queries));
  queries.insert(queries.begin() + 3, 20000);
  all.push_back(ragged("prefill of 8 lengths and 20,000", llama_8b, queries, queries));
  return all;
}

}  // namespace crestmax_simulator
