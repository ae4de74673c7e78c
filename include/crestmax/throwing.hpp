// A thin layer for those who prefer exceptions.
#pragma once

#include "attention.hpp"

#if defined(__cpp_exceptions)

#include <stdexcept>

#include "names_aside.inc"

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

struct throw_status {
  using result = void;
  static void of(const status& s) { throw_if_failed(s); }
};

// attention(), with the same arguments, but a status that is not ok is thrown as attention_error.
inline constexpr attention_function<throw_status> attention_or_throw{};

CRESTMAX_END_NAMESPACE

#include "names_back.inc"

#endif
