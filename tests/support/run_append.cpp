#include "run_append.hpp"

#include <crestmax/append.hpp>

namespace crestmax_test {

crestmax::status run_append(const crestmax::token_rows& rows, const crestmax::tensor_view& cache, std::span<const std::int64_t> slots,
                            const crestmax::append_options& options, const test_executor& run_on) {
  return crestmax::append(rows, cache, slots, options, run_on);
}
crestmax::status run_copy_pages(const crestmax::tensor_view& cache, std::span<const crestmax::page_copy> copies,
                                const crestmax::append_options& options, const test_executor& run_on) {
  return crestmax::copy_pages(cache, copies, options, run_on);
}
crestmax::status run_copy_open_rows(const crestmax::tensor_view& cache, index_type from, index_type to, const crestmax::append_options& options) {
  return crestmax::copy_open_rows(cache, from, to, options);
}
crestmax::status run_truncate(const crestmax::tensor_view& cache, const crestmax::truncation& cut, const crestmax::append_options& options) {
  return crestmax::truncate(cache, cut, options);
}

}  // namespace crestmax_test
