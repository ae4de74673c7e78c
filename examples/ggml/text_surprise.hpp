// How surprising a text is to a model: what perplexities are made of.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include <llama.h>

namespace programs {

// The negative logarithm of the next token's probability, in nats.
inline double surprise(std::span<const float> logits, llama_token next) {
  const double top = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - top);
  return top + std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(next)]);
}

}  // namespace programs
