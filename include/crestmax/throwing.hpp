// A thin layer for those who prefer exceptions.
#pragma once

#include "attention.hpp"

#if defined(__cpp_exceptions)

#include <stdexcept>

CRESTMAX_BEGIN_NAMESPACE

class attention_error : public std::invalid_argument {
 public:
  explicit attention_error(const status& s) : std::invalid_argument(s.message()), status_(s) {}
  const crestmax::status& what_failed() const { return status_; }

 private:
  crestmax::status status_;
};

inline void throw_if_failed(const status& s) {
  if (!s.ok()) throw attention_error(s);
}

// attention(), but a status that is not ok is thrown as attention_error.
template <class... Arguments>
void attention_or_throw(Arguments&&... arguments) {
  throw_if_failed(attention(std::forward<Arguments>(arguments)...));
}

CRESTMAX_END_NAMESPACE

#endif
