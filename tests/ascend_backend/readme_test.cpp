// The backend's page shows what its tiling prints.
#include <gtest/gtest.h>

#include <crestmax/backend/ascend/tiling_map.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace crestmax_test {
namespace {

using crestmax::ascend::device;

crestmax::ascend::tiling tiled(device on, std::int64_t length) {
  crestmax::ascend::tiling_request r;
  r.on = on;
  r.q_len = r.kv_len = length;
  r.d_qk = r.d_v = 128;
  r.query = r.key = r.value = r.output = {0, 0, 128, 0};
  crestmax::ascend::tiling made{};
  const crestmax::ascend::refusal refused = make_tiling(r, made);
  EXPECT_FALSE(refused) << refused.text();
  return made;
}

// Without the blanks at the ends of lines.
std::string trimmed(const std::string& text) {
  std::istringstream lines(text);
  std::string line, result;
  while (std::getline(lines, line)) {
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + "\n";
  }
  return result;
}

const std::string& page() {
  static const std::string text = [] {
    const auto project = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
    std::ifstream file(project / "include/crestmax/backend/ascend/README.md");
    std::ostringstream all;
    all << file.rdbuf();
    return all.str();
  }();
  return text;
}

void expect_on_page(const std::string& printed) {
  const std::string block = "```text\n" + trimmed(printed) + "```\n";
  EXPECT_NE(page().find(block), std::string::npos) << "the page should have:\n" << block;
}

TEST(TheAscendReadme, HasTheBufferMapOf2201) { expect_on_page(buffer_map(tiled(device::atlas_2201, 4096))); }
TEST(TheAscendReadme, HasTheBufferMapOf3510) { expect_on_page(buffer_map(tiled(device::atlas_3510, 4096))); }
TEST(TheAscendReadme, ShowsWhenSampleAndCrestOfTheNextTileTakeTheScoreBuffers) {
  expect_on_page(score_turns(tiled(device::atlas_2201, 1024), 0, 34, 27));
}
TEST(TheAscendReadme, HasTheBytesTable) { expect_on_page(traffic_table(tiled(device::atlas_2201, 16384))); }

TEST(TheAscendReadme, SaysWhatWasChecked) {
  EXPECT_NE(page().find("Checked on a model of the documented rules; not validated on hardware."), std::string::npos);
}

}  // namespace
}  // namespace crestmax_test
