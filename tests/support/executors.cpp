#include "executors.hpp"

namespace crestmax_test {

#if defined(_OPENMP)
void test_executor::run_openmp(index_type count, const std::function<void(index_type, int)>& body) const {
  crestmax::openmp{threads}.run(count, body);
}
#else
void test_executor::run_openmp(index_type count, const std::function<void(index_type, int)>& body) const {
  crestmax::serial{}.run(count, body);
}
#endif

}  // namespace crestmax_test
