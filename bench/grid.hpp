// Which shapes are measured.
#pragma once

#include <vector>

#include "race.hpp"

namespace crestmax_bench {

enum class extent { brief, usual, all };  // --short, neither, --all

struct grid_entry {
  shape of;
  race_settings settings;
};

std::vector<grid_entry> make_grid(extent e);

}  // namespace crestmax_bench
