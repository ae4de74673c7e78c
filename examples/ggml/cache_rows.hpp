// An operator's keys and values as a source of crestmax's: rows where they lie, of any type that is served.
#pragma once

#include "attention_operator.hpp"
#include "visible_keys.hpp"

namespace adapter {

class cache_rows {
 public:
  cache_rows(const attention_operator& o, const visible_keys& keys)
      : key_(view_of(o.key)), value_(view_of(o.value)), key_format_(o.key.format), value_format_(o.value.format), first_(keys.first_key),
        kv_len_(keys.kv_len) {}

  crestmax::kv_run key_run(index_type sequence, index_type head, index_type position) const {
    return run(key_, key_format_, sequence, head, position);
  }
  crestmax::kv_run value_run(index_type sequence, index_type head, index_type position) const {
    return run(value_, value_format_, sequence, head, position);
  }
  crestmax::source_shape shape() const { return {key_.extents[0], kv_len_, key_.extents[2], key_.extents[3], value_.extents[3]}; }
  scalar_kind key_kind() const { return key_.kind; }
  scalar_kind value_kind() const { return value_.kind; }

 private:
  crestmax::kv_run run(const crestmax::tensor_view& rows, const block_format* format, index_type sequence, index_type head, index_type position) const {
    crestmax::kv_run run = crestmax::run_of_rows(rows, {}, sequence, head, first_ + position);
    if (format != nullptr) run.beside.decode = format->decode;
    return run;
  }

  crestmax::tensor_view key_;
  crestmax::tensor_view value_;
  const block_format* key_format_;
  const block_format* value_format_;
  index_type first_;   // of the keys that are visible at all
  index_type kv_len_;  // of them
};

}  // namespace adapter
