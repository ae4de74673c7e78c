// A case's arguments in memory of their own, each between guard pages: what the library gets, and what it left there.
#pragma once

#include <cstring>
#include <list>

#include "fuzz_case.hpp"

namespace crestmax_test {

class placed_call {
 public:
  explicit placed_call(const fuzz_case& f);
  placed_call(const placed_call&) = delete;
  placed_call& operator=(const placed_call&) = delete;

  raw_call& raw() { return raw_; }
  // A workspace of exactly these bytes, aligned and dirty.
  void give_workspace(std::size_t bytes);

  // Nothing was written to an output, nor to the report.
  bool outputs_are_untouched() const;
  // Nothing beside the outputs' memory was written.
  bool outside_is_untouched() const;
  // Fills the outputs with what they held at first.
  void reset_outputs();
  // What the call left in the outputs.
  attention_result result(const crestmax::status& s) const;
  index_type strays() const { return witness_.strays; }

 private:
  struct output_buffer {
    output_buffer(std::size_t size, std::size_t alignment, placing where, const test_tensor* t)
        : memory(size, alignment, where), like(t) {}
    guarded_memory memory;
    const test_tensor* like;
  };

  std::byte* place_input(const test_tensor& t, placing where);
  std::byte* place_output(const test_tensor& t, placing where);
  crestmax::row_output place_rows(test_tensor& rows, placing where);
  void read(const guarded_memory& from, test_tensor& to) const;

  const fuzz_case& from_;
  raw_call raw_;
  witness::state witness_;
  std::list<guarded_memory> inputs_;
  std::list<output_buffer> outputs_;
  std::list<guarded_memory> workspaces_;
  test_tensor lse_, row_max_, dropped_mass_;
  crestmax::report report_, untouched_report_;
};

}  // namespace crestmax_test
