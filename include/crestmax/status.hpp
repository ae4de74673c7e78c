// What a call says when it cannot do what it was asked: a code, and one sentence that names the
// argument, what was expected and what was given. Nothing has been written when a status is not ok (but see
// device_error and source_failed).
#pragma once

#include <cstddef>
#include <cstdint>

#include "version.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_VERSION

enum class status_code : int {
  ok = 0,
  null_pointer,         // a required pointer is null
  bad_extent,           // an extent is negative or overflows
  bad_stride,           // strides overflow, or the innermost dimension is not contiguous
  mismatch,             // two arguments disagree on an extent
  overlap,              // an output shares memory with an input or another output
  bad_option,           // an option is outside of its range
  bad_index,            // a block table entry, offset or length points outside
  workspace_too_small,  // the caller's memory is too small
  misaligned,           // the caller's memory is not aligned as asked
  unsupported,          // a valid request that this backend does not serve
  unavailable,          // the backend is not part of this build or machine
  out_of_memory,        // only from the overloads that own their workspace
  not_compiled,         // a kernel that is compiled at run time did not compile: the message has its log's beginning
  device_error,         // a device refused or failed; work that it had begun may have written outputs
  too_large,            // the call's memory would pass what the machine can address
  source_failed,        // while the call ran, a source had no rows where there are keys: see kv_source.hpp for what was written
  bad_struct,           // only from the C interface: a struct of another version
};

// Trivially copyable, no allocation: the message lives inside.
struct [[nodiscard]] status {
  status_code code = status_code::ok;
  char text[244] = {};

  constexpr bool ok() const { return code == status_code::ok; }
  constexpr explicit operator bool() const { return ok(); }
  // "ok", or a sentence such as "key: expected head_dim 64 (that of query), given 32".
  constexpr const char* message() const { return ok() ? "ok" : text; }
};

CRESTMAX_END_VERSION

#include "names_back.inc"
