
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
  alignas(8) std::byte plan_memory[4096];
  const crestmax::problem shape{.q_len = 300, .kv_len = 300, .q_heads = 2, .kv_heads = 2, .d_qk = 16, .d_v = 16};
  crestmax::plan plan;
  if (!crestmax::make_plan(shape, plan_memory, plan)) return 2;
  const std::size_t bytes = plan.workspace().total(1);
  auto* workspace = static_cast<std::byte*>(std::aligned_alloc(64, bytes));
  crestmax::options options;
  options.workspace = {workspace, bytes};
  pool_of_one pool;
  crestmax::report report;
  const auto tensors = crestmax::tensors(input, input, input, output);
  const crestmax::status status = run_layer(plan, tensors, options, pool, report);
  std::free(workspace);
  return status.ok() && out.front() == 1.0f && out.back() == 1.0f ? 0 : 1;
}
