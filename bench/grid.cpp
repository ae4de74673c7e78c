#include "grid.hpp"

#include <algorithm>

namespace crestmax_bench {

namespace {

shape prefill(scalar_kind kind, index_type head_dim, index_type n, bool causal) {
  shape s;
  s.query_kind = s.kv_kind = kind;
  s.q_len = s.kv_len = n;
  s.head_dim = head_dim;
  s.causal = causal;
  return s;
}

// The last queries of a long prompt, as engines prefill it in pieces.
shape last_queries(shape s, index_type queries) {
  s.q_len = queries;
  return s;
}

// One query per sequence, fp32, over a cache of the given type: 32 heads on 8.
shape decode(scalar_kind kind, index_type kv_len, bool paged) {
  shape s;
  s.phase = "decode";
  s.kv_kind = kind;
  s.q_len = 1;
  s.kv_len = kv_len;
  s.q_heads = 32;
  s.kv_heads = 8;
  s.paged = paged;
  return s;
}

shape token_major(shape s) {
  s.token_major = true;
  return s;
}

// Without grouped heads: 8 on 8.
shape plain_heads(shape s) {
  s.q_heads = s.kv_heads;
  return s;
}

shape on_all_cores(shape s) {
  s.all_cores = true;
  return s;
}

// A capture, and random data of the same shape.
void add_capture(std::vector<grid_entry>& grid, const std::string& name, const race_settings& settings) {
  shape s = capture_shape(name);
  grid.push_back({s, settings});
  s.data = "random";
  grid.push_back({s, settings});
}

constexpr scalar_kind kinds[] = {scalar_kind::float32, scalar_kind::bfloat16, scalar_kind::float16};

std::vector<grid_entry> brief_grid() {
  const race_settings usual{.seconds = 2.5, .least_rounds = 5};
  const race_settings longer{.seconds = 4, .least_rounds = 5};
  return {
      {prefill(scalar_kind::float32, 128, 1024, false), usual},
      {prefill(scalar_kind::float32, 128, 1024, true), usual},
      {prefill(scalar_kind::float32, 128, 4096, false), longer},
      {prefill(scalar_kind::float32, 128, 4096, true), longer},
      {last_queries(prefill(scalar_kind::float32, 128, 16384, false), 192), usual},
      {decode(scalar_kind::float32, 16384, false), longer},
  };
}

std::vector<grid_entry> usual_grid() {
  const race_settings usual{.seconds = 4, .least_rounds = 5};
  std::vector<grid_entry> grid;
  for (const index_type head_dim : {64, 128}) {
    for (const index_type n : {512, 1024, 4096}) {
      for (const bool causal : {false, true})
        grid.push_back({prefill(scalar_kind::float32, head_dim, n, causal), usual});
    }
  }
  for (const scalar_kind kind : {scalar_kind::bfloat16, scalar_kind::float16}) {
    for (const bool causal : {false, true}) grid.push_back({prefill(kind, 128, 4096, causal), usual});
  }
  for (const bool causal : {false, true}) {
    grid.push_back({last_queries(prefill(scalar_kind::float32, 128, 16384, causal), 1536), usual});
  }
  for (const scalar_kind kind : kinds) {
    for (const index_type kv_len : {4096, 16384, 65536}) grid.push_back({decode(kind, kv_len, false), usual});
    grid.push_back({token_major(decode(kind, 16384, false)), usual});
    grid.push_back({decode(kind, 16384, true), usual});
    grid.push_back({plain_heads(decode(kind, 16384, false)), usual});
  }
  for (const index_type kv_len : {4096, 65536}) {
    grid.push_back({token_major(decode(scalar_kind::float32, kv_len, false)), usual});
  }
  grid.push_back({on_all_cores(prefill(scalar_kind::float32, 128, 4096, true)), usual});
  grid.push_back({on_all_cores(decode(scalar_kind::float32, 16384, false)), usual});
  const std::vector<std::string> captures = capture_names();
  for (const char* wanted : {"tinyllama_handbook_L05", "moonshine_enc_speech_L01", "stories15m_L03"}) {
    if (std::find(captures.begin(), captures.end(), wanted) != captures.end())
      add_capture(grid, wanted, usual);
  }
  return grid;
}

shape up_to(shape s, crestmax::instruction_set most) {
  s.most = most;
  return s;
}

shape with_heads(shape s, index_type heads) {
  s.q_heads = s.kv_heads = heads;
  return s;
}

// The shapes that targets.cpp holds to a bar, and no others.
std::vector<grid_entry> bars_grid() {
  using crestmax::instruction_set;
  const race_settings usual{.seconds = 2.5, .least_rounds = 5};
  std::vector<grid_entry> grid;
  for (const index_type n : {1024, 4096}) {
    for (const index_type head_dim : {64, 128}) {
      for (const bool causal : {false, true}) {
        for (const scalar_kind kind : kinds) grid.push_back({prefill(kind, head_dim, n, causal), usual});
        if (crestmax::cpu::machine_set() > instruction_set::avx2) {
          grid.push_back({up_to(prefill(scalar_kind::float32, head_dim, n, causal), instruction_set::avx2), usual});
        }
      }
    }
    for (const bool causal : {false, true}) {
      const shape eight = with_heads(prefill(scalar_kind::float32, 128, n, causal), 8);
      grid.push_back({eight, usual});
      grid.push_back({on_all_cores(eight), usual});
    }
  }
  grid.push_back({last_queries(prefill(scalar_kind::float32, 128, 8192, true), 512), usual});
  grid.push_back({last_queries(prefill(scalar_kind::float32, 128, 16384, false), 192), usual});
  for (const bool all_cores : {false, true}) {
    for (const scalar_kind kind : kinds) {
      for (const index_type kv_len : {4096, 16384, 65536}) {
        for (shape s : {decode(kind, kv_len, false), token_major(decode(kind, kv_len, false)), decode(kind, kv_len, true)}) {
          s.all_cores = all_cores;
          grid.push_back({s, usual});
        }
      }
      shape plain = plain_heads(decode(kind, 16384, false));
      plain.all_cores = all_cores;
      grid.push_back({plain, usual});
    }
  }
  return grid;
}

std::vector<grid_entry> whole_grid() {
  const race_settings usual{.seconds = 4, .least_rounds = 5};
  const race_settings slow{.seconds = 4, .least_rounds = 3};
  std::vector<grid_entry> grid;
  for (const bool all_cores : {false, true}) {
    const auto add = [&](shape s, const race_settings& settings) {
      s.all_cores = all_cores;
      grid.push_back({s, settings});
    };
    for (const scalar_kind kind : kinds) {
      for (const index_type head_dim : {64, 128}) {
        for (const bool causal : {false, true}) {
          for (const index_type n : {512, 1024, 2048, 4096}) add(prefill(kind, head_dim, n, causal), usual);
          for (const index_type n : {8192, 16384}) add(prefill(kind, head_dim, n, causal), slow);
          add(last_queries(prefill(kind, head_dim, 65536, causal), 1536), slow);
        }
      }
      for (const index_type head_dim : {80, 96, 256}) {
        for (const bool causal : {false, true}) add(prefill(kind, head_dim, 2048, causal), usual);
      }
      for (const index_type kv_len : {4096, 16384, 65536}) {
        for (const bool paged : {false, true}) add(decode(kind, kv_len, paged), usual);
        add(token_major(decode(kind, kv_len, false)), usual);
        add(plain_heads(decode(kind, kv_len, false)), usual);
      }
    }
  }
  for (const std::string& name : capture_names()) add_capture(grid, name, usual);
  return grid;
}

}  // namespace

std::vector<grid_entry> make_grid(extent e) {
  switch (e) {
    case extent::brief: return brief_grid();
    case extent::usual: return usual_grid();
    case extent::bars: return bars_grid();
    case extent::all: break;
  }
  return whole_grid();
}

}  // namespace crestmax_bench
