// The call that tests of single stages run in.
#pragma once

#include <crestmax/stages/pipeline.hpp>
#include <memory>
#include <tuple>
#include <vector>

#include "support/attached.hpp"
#include "tables.hpp"

namespace crestmax_test {

using crestmax::index_type;

// One head of `kv_len` keys whose scores are given: query = (1, 0, ...), key j = (score j, 0, ...).
class Stages : public OnTables {
 protected:
  static constexpr index_type head_dim = 3;

  void prepare(const std::vector<float>& scores, crestmax::options options = {}, index_type q_len = 1) {
    const index_type kv_len = static_cast<index_type>(scores.size());
    options.scale = 1.0;
    query_.assign(static_cast<std::size_t>(q_len * head_dim), 0.0f);
    for (index_type i = 0; i < q_len; ++i) query_[static_cast<std::size_t>(i * head_dim)] = 1.0f;
    key_.assign(static_cast<std::size_t>(kv_len * head_dim), 0.0f);
    value_.assign(static_cast<std::size_t>(kv_len), 1.0f);
    output_.assign(static_cast<std::size_t>(q_len), -1.0f);
    for (index_type j = 0; j < kv_len; ++j) {
      key_[static_cast<std::size_t>(j * head_dim)] = scores[static_cast<std::size_t>(j)];
    }
    call_ = std::make_unique<call_type>(
        crestmax::tensors(crestmax::tensor<float>(query_.data(), {1, q_len, 1, head_dim}),
                          crestmax::tensor<float>(key_.data(), {1, kv_len, 1, head_dim}),
                          crestmax::tensor<float>(value_.data(), {1, kv_len, 1, 1}),
                          crestmax::tensor<float>(output_.data(), {1, q_len, 1, 1})),
        options, chain_type{std::tuple(crestmax::causal{.enabled = false})}, backend_);
    data_ = (*call_)->data();
    backend_.begin(data_, 0);
    block_ = crestmax::cpu::make_block(*GetParam().table, data_, 0);
    crestmax::cpu::start_block(block_, 0);
  }

  using chain_type = crestmax::modifier_chain<crestmax::causal>;
  using backend_type = table_backend;
  using tensors_type = crestmax::call_tensors<float, crestmax::contiguous_source<float, float>, float>;
  using call_type = attached_call<tensors_type, chain_type, backend_type>;

  table_backend backend_{GetParam()};
  std::vector<float> query_, key_, value_, output_;
  std::unique_ptr<call_type> call_;
  crestmax::call_data<float> data_{};
  crestmax::cpu::block<float> block_{};
};

inline bool is_read_in_place(const crestmax::cpu::block<float>& b) {
  return b.operands.way == &crestmax::cpu::operands_in_place<float>::way;
}

inline std::vector<float> flat(index_type n, float level = 0.0f) {
  return std::vector<float>(static_cast<std::size_t>(n), level);
}

constexpr crestmax::softmax_method sampling(index_type stride, index_type radius, index_type windows) {
  return crestmax::sampled_max{.stride = stride, .radius = radius, .windows = windows,
                               .coarse = crestmax::choice::on, .first_keys = 0, .nearest_keys = 0};
}

}  // namespace crestmax_test
