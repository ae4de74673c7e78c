// Any shape, any type, any source, any modifiers, any method: exact within the contract.
#include "support/contract.hpp"
#include "support/random_case.hpp"

namespace crestmax_test {
namespace {

void hold_to_the_contract(std::uint64_t first_seed, index_type count, backend_kind backend,
                          const random_limits& limits = {}, index_type rows = 24,
                          crestmax::instruction_set most = crestmax::instruction_set::widest) {
  for (std::uint64_t seed = first_seed; seed < first_seed + static_cast<std::uint64_t>(cases(count));
       ++seed) {
    const attention_case c = random_case(seed, limits);
    ASSERT_TRUE(is_exact(c, {.backend = backend, .most = most}, rows)) << "seed " << seed;
  }
}

TEST(RandomCalls, AreExactOnTheWidestInstructionSet) { hold_to_the_contract(1000, 1600, backend_kind::cpu); }

TEST(RandomCalls, AreExactOnEveryNarrowerInstructionSet) {
  for (const auto set : {crestmax::instruction_set::generic, crestmax::instruction_set::avx2}) {
    if (set < crestmax::cpu::machine_set()) hold_to_the_contract(1000, 600, backend_kind::cpu, {}, 24, set);
  }
}

TEST(RandomCalls, AreExactOnThePortableBackend) { hold_to_the_contract(5000, 800, backend_kind::portable); }

TEST(RandomCalls, AreExactWithFewQueriesOverLongContexts) {
  hold_to_the_contract(20000, 120, backend_kind::cpu,
                       {.most_queries = 6, .most_keys = 20000, .most_products = 4e7});
}

TEST(RandomCalls, AreExactWithoutModifiers) {
  hold_to_the_contract(30000, 400, backend_kind::cpu, {.allow_modifiers = false});
}

TEST(RandomCalls, AreExactUnderMaskTensors) {
  hold_to_the_contract(60000, 500, backend_kind::cpu, {.mask_tensors = true});
  hold_to_the_contract(61000, 150, backend_kind::portable, {.mask_tensors = true});
  hold_to_the_contract(62000, 60, backend_kind::cpu, {.most_queries = 6, .most_keys = 20000, .most_products = 4e7, .mask_tensors = true});
}

TEST(RandomCalls, AreExactForTinyShapes) {
  hold_to_the_contract(40000, 3000, backend_kind::cpu,
                       {.most_queries = 5, .most_keys = 40, .most_products = 1e5});
}

TEST(RandomCalls, AreExactWithNarrowWeights) {
  hold_to_the_contract(50000, 150, backend_kind::cpu,
                       {.most_products = 1e7, .allow_packed = false, .narrow_weights = true}, 200);
}

}  // namespace
}  // namespace crestmax_test
