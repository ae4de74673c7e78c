// Products of pairs of bfloat16 in tiles (AMX_BF16). Weights are taken with AVX-512.
#pragma once

#include "avx512_bf16.hpp"

#if CRESTMAX_X86_SETS

CRESTMAX_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16")

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu::avx512::amx {

using avx512_bf16::primitives;
using avx512_bf16::register_pairs;

#if CRESTMAX_TILE_INTRINSICS
// The hardware's tiles. g++ pastes the number of a tile into assembly: it has to be a literal. Its instructions do not say
// which memory they read or write, so that what is about them must not move past them.
struct hardware_tiles {
  static void fence() { asm volatile("" : : : "memory"); }
  template <class Layout>
  static void configure(const Layout& layout) {
    fence();
    _tile_loadconfig(&layout);
  }
  static void release() { _tile_release(); }
  template <int Tile>
  static void zero() {
    static_assert(Tile >= 0 && Tile < 4);
    if constexpr (Tile == 0) _tile_zero(0);
    else if constexpr (Tile == 1) _tile_zero(1);
    else if constexpr (Tile == 2) _tile_zero(2);
    else _tile_zero(3);
  }
  template <int Tile>
  static void load(const void* from, index_type distance) {
    static_assert(Tile >= 4 && Tile < 8);
    fence();
    if constexpr (Tile == 4) _tile_loadd(4, from, distance);
    else if constexpr (Tile == 5) _tile_loadd(5, from, distance);
    else if constexpr (Tile == 6) _tile_loadd(6, from, distance);
    else _tile_loadd(7, from, distance);
  }
  template <int Tile>
  static void store(void* to, index_type distance) {
    static_assert(Tile >= 0 && Tile < 4);
    if constexpr (Tile == 0) _tile_stored(0, to, distance);
    else if constexpr (Tile == 1) _tile_stored(1, to, distance);
    else if constexpr (Tile == 2) _tile_stored(2, to, distance);
    else _tile_stored(3, to, distance);
    fence();
  }
  template <int Sums, int Rows, int Columns>
  static void product() {
    static_assert((Sums == 0 && Rows == 4 && Columns == 6) || (Sums == 1 && Rows == 4 && Columns == 7) ||
                  (Sums == 2 && Rows == 5 && Columns == 6) || (Sums == 3 && Rows == 5 && Columns == 7));
    if constexpr (Sums == 0) _tile_dpbf16ps(0, 4, 6);
    else if constexpr (Sums == 1) _tile_dpbf16ps(1, 4, 7);
    else if constexpr (Sums == 2) _tile_dpbf16ps(2, 5, 6);
    else _tile_dpbf16ps(3, 5, 7);
  }
};
#else
// Off Linux nobody asks for tiles (may_use_tiles() in features.hpp): this is compiled, and never called.
struct hardware_tiles {
  template <class Layout>
  static void configure(const Layout&) {}
  static void release() {}
  template <int>
  static void zero() {}
  template <int>
  static void load(const void*, index_type) {}
  template <int>
  static void store(void*, index_type) {}
  template <int, int, int>
  static void product() {}
};
#endif

#include "text/tiles.inc"

}  // namespace cpu::avx512::amx

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

CRESTMAX_END_TARGET

#endif
