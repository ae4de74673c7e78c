// The device's headers as text: what they include, and that every primitive they call has a rule in the model's table.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace {

const std::filesystem::path project = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
const std::filesystem::path device = project / "include/crestmax/backend/ascend";

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  EXPECT_FALSE(text.str().empty()) << file;
  return text.str();
}

// What `pattern` captures, wherever it matches.
std::set<std::string> all_of(const std::string& text, const char* pattern) {
  const std::regex expression(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) found.insert((*at)[1]);
  return found;
}

// kernel.hpp and all that it includes of this folder; `others`: what it includes beside.
std::set<std::string> device_headers(std::set<std::string>& others) {
  std::set<std::string> seen, open = {"kernel.hpp"};
  while (!open.empty()) {
    const std::string name = *open.begin();
    open.erase(open.begin());
    if (!seen.insert(name).second) continue;
    for (const std::string& included : all_of(text_of(device / name), "#\\s*include\\s*[<\"]([^>\"]+)[>\"]")) {
      if (included.find('/') == std::string::npos && std::filesystem::exists(device / included)) {
        open.insert(included);
      } else {
        others.insert(included);
      }
    }
  }
  return seen;
}

TEST(TheKernelHeaders, IncludeKernelOperatorEachOtherAndTheVersionOnly) {
  std::set<std::string> others;
  EXPECT_GE(device_headers(others).size(), 9u);
  // <cstdint> comes with what the host shares: arguments.hpp and target.hpp. Their namespace is that of the version.
  EXPECT_EQ(others, (std::set<std::string>{"kernel_operator.h", "cstdint", "../../version.hpp"}));
}

TEST(TheKernelHeaders, CallNothingThatHasNoRule) {
  std::set<std::string> others, calls;
  for (const std::string& name : device_headers(others)) {
    calls.merge(all_of(text_of(device / name), "AscendC::(\\w+)(?:<[^;()]*>)?\\("));
    calls.merge(all_of(text_of(device / name), "\\.(SetValue|GetValue|SetGlobalBuffer|ReinterpretCast|GetPhyAddr|GetSize)\\b"));
  }
  EXPECT_GE(calls.size(), 30u);
  std::istringstream readme(text_of(project / "tests/ascend_model/README.md"));
  std::set<std::string> ruled;
  for (std::string line; std::getline(readme, line);) {
    if (line.rfind("| ", 0) == 0) ruled.merge(all_of(line.substr(0, line.rfind('|', line.size() - 2)), "(\\w+)"));
  }
  for (const std::string& call : calls) EXPECT_TRUE(ruled.count(call)) << call << " is in no row of the rule table";
}

}  // namespace
