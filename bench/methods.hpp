// The lines of a race: ways to compute the same attention.
#pragma once

#include <crestmax/options.hpp>
#include <memory>
#include <string>
#include <vector>

#include "machine.hpp"
#include "workload.hpp"

namespace crestmax_bench {

struct method {
  std::string name;
  crestmax::options options;
  bool exact = true;  // promised to agree with exact softmax
};

// Exact softmax of the textbook lives under this name; it is not one of the library's methods.
inline const std::string materialised_name = "materialised";
std::vector<method> library_methods();

// One line, ready to run: memory is allocated here, not when it runs.
class runner {
 public:
  virtual ~runner() = default;
  virtual void run(int copy) = 0;
  virtual std::string plan() const = 0;  // one line
  virtual crestmax::report report() { return {}; }
};

std::unique_ptr<runner> make_runner(const workload& w, const method& m, team& workers);
std::unique_ptr<runner> make_materialised(const workload& w, team& workers);

}  // namespace crestmax_bench
