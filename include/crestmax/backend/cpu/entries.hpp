// Where calls enter code that a program may compile once for all its files: the tables of sets, and the method over one of them.
#pragma once

#include "../../call.hpp"
#include "kernels.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

#if CRESTMAX_X86_SETS
namespace avx2 {
inline constexpr instruction_set this_set = instruction_set::avx2;
#include "text/set.inc"
}  // namespace avx2
namespace avx512 {
inline constexpr instruction_set this_set = instruction_set::avx512;
#include "text/set.inc"
}  // namespace avx512
#endif
#if CRESTMAX_ARM_SETS
namespace neon {
inline constexpr instruction_set this_set = instruction_set::neon;
#include "text/set.inc"
}  // namespace neon
#endif
namespace generic {
inline constexpr instruction_set this_set = instruction_set::generic;
#include "text/set.inc"
}  // namespace generic
namespace portable {
inline constexpr instruction_set this_set = instruction_set::portable;
#include "text/set.inc"
}  // namespace portable

// One item of one stage of a plan, by these kernels.
template <class T>
void run_item(const kernel_table<T>& kernels, const call_data<T>& call, index_type stage, index_type item, int worker);

// Bytes of a worker's memory, and of what workers share.
template <class T>
std::size_t worker_bytes(const plan_header& h);
template <class T>
std::size_t shared_bytes(const plan_header& h, index_type partials);

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
