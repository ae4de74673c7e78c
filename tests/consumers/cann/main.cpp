// A call on a device that is asked for, found, compiled for and launched on: by the fake that stands in for CANN.
#include <crestmax/attention.hpp>
#include <cstdio>
#include <vector>

int main() {
  std::vector<std::byte> memory(std::size_t{1} << 20);
  std::byte* const start = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64);
  const auto tensor = [&](std::size_t place) {
    return crestmax::tensor<crestmax::bfloat16>(reinterpret_cast<crestmax::bfloat16*>(start + place), {1, 1, 1, 64});
  };
  crestmax::cann::kernel_cache cache;
  int stream = 0;
  const crestmax::backend::ascend device{{.stream = &stream, .cache = &cache}};
  const crestmax::status s =
      crestmax::attention(tensor(0), tensor(128), tensor(256), tensor(384), {.workspace = {start + 512, std::size_t{1} << 19}},
                          crestmax::causal{}, device);
  std::puts(s.message());
  return s.ok() && cache.size() == 1 ? 0 : 1;
}
