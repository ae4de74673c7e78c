// Which shapes are measured.
#pragma once

#include <vector>

#include "race.hpp"

namespace crestmax_bench {

enum class extent { brief, usual, bars, all };  // --short, none of them, --bars, --all

struct grid_entry {
  shape of;
  race_settings settings;
};

std::vector<grid_entry> make_grid(extent e);

}  // namespace crestmax_bench
