
// Follows the block that defines run_layer, a template: a call that fills it.
#include <cstdlib>
#include <vector>

struct pool_of_one {
  int workers() const { return 1; }
  template <class Body>
  void run(crestmax::index_type items, Body&& body) const {
    for (crestmax::index_type item = 0; item < items; ++item) body(item, 0);
  }
};

int main() {
  // Every value is 1, so every output is.
  std::vector<float> ones(2 * 300 * 16, 1.0f), out(ones.size());
  const crestmax::tensor<const float> input(ones.data(), {1, 300, 2, 16});
  const crestmax::tensor<float> output(out.data(), {1, 300, 2, 16});
  auto call = crestmax::bind(input, crestmax::make_source(input, input), output, {}, crestmax::causal{});
  alignas(64) std::byte plan_memory[4096];
  const std::size_t bytes = std::size_t{1} << 22;
  auto* workspace = static_cast<std::byte*>(std::aligned_alloc(64, bytes));
  pool_of_one pool;
  const crestmax::status status = run_layer(call, plan_memory, {workspace, bytes}, pool);
  std::free(workspace);
  return status.ok() && out.front() == 1.0f && out.back() == 1.0f ? 0 : 1;
}
