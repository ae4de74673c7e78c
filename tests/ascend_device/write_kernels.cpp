// write_kernels FOLDER: the sources that the runtime compiles, one file per kernel, for compilers other than aclrtc.
#include <crestmax/backend/ascend/source.hpp>
#include <cstdio>
#include <fstream>
#include <string>

int main(int count, char** arguments) {
  using crestmax::scalar_kind;
  using crestmax::npu::generation;
  if (count != 2) {
    std::fprintf(stderr, "write_kernels FOLDER\n");
    return 2;
  }
  constexpr std::size_t words = sizeof(crestmax::ascend::kernel_arguments) / sizeof(std::uint64_t);
  constexpr std::pair<int, int> dims[] = {{64, 64}, {128, 128}, {192, 128}, {256, 256}};
  for (const generation on : {generation::atlas_2201, generation::atlas_3510}) {
    for (const scalar_kind element : {scalar_kind::float16, scalar_kind::bfloat16}) {
      for (const auto& [d_qk, d_v] : dims) {
        for (const bool causal : {false, true}) {
          const crestmax::npu::kernel_key key{on, element, d_qk, d_v, causal};
          char name[64], source[4096];
          crestmax::npu::write_name(key, name);
          if (crestmax::npu::write_source(key, words, source) >= sizeof source) return 1;
          std::ofstream file(std::string(arguments[1]) + "/" + name + ".asc");
          if (!(file << source)) {
            std::fprintf(stderr, "write_kernels: cannot write to %s\n", arguments[1]);
            return 1;
          }
        }
      }
    }
  }
  return 0;
}
