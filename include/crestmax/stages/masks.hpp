// What masks leave of a tile: the panels of keys that each group of rows sees, scores of those it does not, and each row's
// maximum over the others.
#pragma once

#include "operands.hpp"

#include "../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

// Groups of rows that see the same panels of keys: those that are multiplied together.
template <class T, class F>
void for_each_seeing_group(const block<T>& b, index_type rows, F&& f) {
  for (index_type r = 0; r < rows;) {
    const index_type group = b.operands.packed->next_group(rows - r);
    f(r, group);
    r += group;
  }
}

// Sets, for every group of a strip, the range of panels that masks leave reachable. A tile that is read in
// place is read once for all rows, and whole.
template <class T>
void see_panels(block<T>& b, row_span strip, const tile_keys& tile) {
  const index_type panels = planner::divide_up(tile.count, b.kernels->panel);
  for_each_seeing_group(b, strip.count, [&](index_type within, index_type group) {
    const index_type row = strip.first + within;
    index_type from = 0;
    index_type to = panels;
    if (tile.seen != visibility::all && !b.operands.way->multiplies_whole_tiles) {
      const key_interval keys = reachable_keys(b, hull_of(b, row, group), tile.first, tile.count, tile.step);
      // Number of the tile's keys below a position.
      const auto below = [&](index_type position) {
        return std::clamp<index_type>(planner::divide_up(std::max<index_type>(0, position - tile.first), tile.step), 0, tile.count);
      };
      from = below(keys.begin) / b.kernels->panel;
      to = std::max(from, planner::divide_up(below(keys.end), b.kernels->panel));
    }
    for (index_type i = 0; i < group; ++i) {
      b.scratch.first_panel[row + i] = from;
      b.scratch.last_panel[row + i] = to;
    }
  });
}

// What modifiers are left to multiply raw scores by.
template <class T>
T scale_left(const block<T>& b) {
  return !b.weighing.raw && b.call->modifiers.takes_scale ? static_cast<T>(b.plan->scale) : T(1);
}

// What a group of rows sees of a panel of a tile.
template <class T>
visibility classify_panel(const block<T>& b, const row_span& group, const row_hull& hull, const tile_keys& tile, index_type panel) {
  if (panel < b.scratch.first_panel[group.first] || panel >= b.scratch.last_panel[group.first]) return visibility::none;
  const index_type j = panel * b.kernels->panel;
  return classify(b, hull, tile.first + j * tile.step, std::min<index_type>(b.kernels->panel, tile.count - j), tile.step);
}

// Score modifiers and masks of a group of rows in panels [from, to), which it sees alike.
template <class T>
void modify_panels(block<T>& b, const row_span& group, T* scores, const tile_keys& tile, index_type from, index_type to, visibility seen) {
  const modifier_view<T>& m = b.call->modifiers;
  const index_type panel = b.kernels->panel;
  const index_type j = from * panel;
  const score_block<T> part{scores + j, score_stride, b.view.rows_at + group.first, group.count, b.view.sequence_number, tile.first + j * tile.step,
                            tile.step, std::min(to * panel, tile.count) - j, b.loss.sizes_of(group.first), &b.kernels->rows, scale_left(b)};
  if (seen == visibility::none) {
    for (index_type i = from; i < to; ++i) b.kernels->hide_panel(scores + i * panel, group.count);
  } else if (seen == visibility::all) {
    if (m.changes_scores()) m.modify(m.context, part);
  } else {
    if (m.changes_scores()) m.modify_visible(m.context, part);
    m.mask(m.context, part);
  }
}

// Score modifiers and masks of a strip that sees a tile in part: modifiers are called for what a group sees, in panels that
// it sees in part pair by pair; panels that it does not see at all are hidden, and hold anything until then.
template <class T>
void modify_and_mask(block<T>& b, row_span strip, const tile_keys& tile) {
  const index_type panels = planner::divide_up(tile.count, b.kernels->panel);
  for_each_seeing_group(b, strip.count, [&](index_type within, index_type count) {
    const row_span group{strip.first + within, count};
    const row_hull hull = hull_of(b, group.first, count);
    visibility seen = classify_panel(b, group, hull, tile, 0);
    for (index_type from = 0; from < panels;) {
      index_type to = from + 1;
      visibility next = visibility::none;
      while (to < panels && (next = classify_panel(b, group, hull, tile, to)) == seen) ++to;
      modify_panels(b, group, score_row(b, strip, group.first), tile, from, to, seen);
      from = to;
      seen = next;
    }
  });
}

// The raw scores of a strip become scores: scaled, modified, masked.
template <class T>
void modify_strip(block<T>& b, row_span strip, const tile_keys& tile) {
  const modifier_view<T>& m = b.call->modifiers;
  if (!b.weighing.raw && !m.takes_scale) b.kernels->scale_scores(view_of(b, strip), static_cast<T>(b.plan->scale));
  if (tile.seen != visibility::all) {
    modify_and_mask(b, strip, tile);
  } else if (m.changes_scores()) {
    m.modify(m.context, {b.scratch.scores, score_stride, b.view.rows_at + strip.first, strip.count, b.view.sequence_number, tile.first, tile.step,
                         tile.count, b.loss.sizes_of(strip.first), &b.kernels->rows, scale_left(b)});
  }
}

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../names_back.inc"
