// Compiled by flags that lose NaN or infinities: a call says so and writes nothing.
#include "check_attention.hpp"

#include <cstring>

int main() {
  const std::vector<float> q = consumer::fill(1), k = consumer::fill(2), v = consumer::fill(3);
  std::vector<float> out(consumer::numbers, 7.0f);
  const crestmax::status s = crestmax::attention(consumer::view(q.data()), consumer::view(k.data()), consumer::view(v.data()),
                                                 consumer::view(out.data()), {}, crestmax::backend::portable{});
  std::printf("%s\n", s.message());
  if (s.code != crestmax::status_code::unsupported || std::strstr(s.message(), "compiler flags") == nullptr) return 1;
  return out == std::vector<float>(consumer::numbers, 7.0f) ? 0 : 1;
}
