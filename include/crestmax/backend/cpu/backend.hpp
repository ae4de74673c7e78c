// The CPU path: picks, when a call is planned, the instruction set whose kernels run. An instruction set is
// a struct of kernels over its own primitives (avx2.hpp, avx512.hpp, neon.hpp; generic.hpp, as wide as the compiler was told, for any machine).
#pragma once

#include "policy.hpp"

// And that of the sets.
#if !defined(CRESTMAX_EXTERN_KERNELS) || defined(CRESTMAX_INSTANTIATE_KERNELS)
#include "avx2.hpp"
#include "avx512.hpp"
#include "generic.hpp"
#include "neon.hpp"
#include "portable.hpp"
#endif

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace backend {

// backend::cpu{} takes the widest set of the machine.
struct cpu : crestmax::cpu::policy_base {
  using narrows = cpu;
  crestmax::instruction_set most = crestmax::instruction_set::widest;    // never wider than this
  crestmax::instruction_set least = crestmax::instruction_set::generic;  // a call without it is refused

  constexpr cpu() = default;
  constexpr explicit cpu(crestmax::instruction_set at_most,
                         crestmax::instruction_set at_least = crestmax::instruction_set::generic)
      : most(at_most), least(at_least) {}

  // The set that plans made here will use.
  crestmax::instruction_set chosen() const {
    const auto set = std::min(most, crestmax::cpu::machine_set());
    return crestmax::cpu::machine_has(set) ? set : crestmax::instruction_set::generic;
  }

  const char* instruction_set(const plan_header& h) const {
    return crestmax::name(static_cast<crestmax::instruction_set>(h.tiles.kernels));
  }
  status available(const problem&, const options&) const {
    if (least == crestmax::instruction_set::widest || (least <= chosen() && crestmax::cpu::machine_has(least))) return success();
    return error_text(status_code::unavailable, "instruction_set", crestmax::name(least),
                      most < least ? crestmax::name(most) : crestmax::name(crestmax::cpu::machine_set()));
  }
  template <class T>
  tile_geometry geometry(const head_shape& p) const {
    const crestmax::instruction_set set = chosen();
    return crestmax::cpu::geometry_of(sizes_of<T>(set), p, set);
  }
  // Runs the kernels that the plan was made for.
  template <class T>
  void run(const call_data<T>& call, index_type stage, index_type item, int worker) const {
    const crestmax::instruction_set set = static_cast<crestmax::instruction_set>(call.plan->tiles.kernels);
    crestmax::cpu::run_item_with(table_of<T, call_needs{}>(set), call, stage, item, worker);
  }
  template <class T, call_needs Needs>
  static const crestmax::cpu::kernel_table<T>& table_of(crestmax::instruction_set set) {
    return of_set(set, [](auto kernels) -> const auto& { return decltype(kernels)::template table<T, Needs>(); });
  }

 private:
  template <class T>
  static const crestmax::cpu::kernel_sizes<T>& sizes_of(crestmax::instruction_set set) {
    return of_set(set, [](auto kernels) -> const auto& { return decltype(kernels)::template sizes<T>(); });
  }
  // f of the kernels of a set.
  template <class F>
  static decltype(auto) of_set(crestmax::instruction_set set, const F& f) {
#if CRESTMAX_X86_SETS
    if (set >= crestmax::instruction_set::avx512) return f(crestmax::cpu::avx512::kernels{});
    if (set == crestmax::instruction_set::avx2) return f(crestmax::cpu::avx2::kernels{});
#endif
#if CRESTMAX_ARM_SETS
    using crestmax::instruction_set;
    if (set == instruction_set::neon || set == instruction_set::neon_bf16) return f(crestmax::cpu::neon::kernels{});
#endif
    static_cast<void>(set);
    return f(crestmax::cpu::generic::kernels{});
  }
};

using generic = crestmax::cpu::policy<crestmax::cpu::generic::kernels>;
using portable = crestmax::cpu::policy<crestmax::cpu::portable::kernels>;

}  // namespace backend

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
