// Queries, keys and values captured from models, on both backends.
#include "both_backends.hpp"
#include "captures/captures.hpp"

namespace crestmax_test {
namespace {

class RealRows : public OnBothBackends {
 protected:
  // The first capture whose name begins so; its heads' dimension must be one that the device serves.
  static const capture* find(const std::string& name) {
    for (const capture& c : captures()) {
      if (c.name.rfind(name, 0) == 0) return &c;
    }
    return nullptr;
  }
  void expect_exact(const std::string& name, index_type queries) {
    const capture* from = find(name);
    ASSERT_NE(from, nullptr) << name << " is not in " << capture_folder();
    const attention_case c = served(case_of(*from, queries, GetParam().element));
    const attention_result result = result_of(c);
    EXPECT_TRUE(is_exact(c, result, 48)) << from->name;
    std::printf("%s on %s: %lld rows corrected of %lld, %lld bytes of keys and values\n", from->name.c_str(),
                GetParam().name, static_cast<long long>(result.report.rows_corrected),
                static_cast<long long>(result.report.rows), static_cast<long long>(result.report.bytes_read));
  }
};

TEST_P(RealRows, OfATextDecoderAreExact) { expect_exact("tinyllama_code_L11", 64); }
TEST_P(RealRows, OfAnotherTextDecoderAreExact) { expect_exact("minimind2_zh_L01", 64); }

CRESTMAX_ON_BOTH_BACKENDS(RealRows);

}  // namespace
}  // namespace crestmax_test
