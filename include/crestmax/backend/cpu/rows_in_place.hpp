// Where rows lie that are read in place, and in which order: memory's own, a row after the other, a run of `direct_run`
// keys at a time. The first group of a block's rows takes it from memory, and the others find it in the first cache. What
// follows is asked for meanwhile.
#pragma once

#include "code_runs.hpp"
#include "numbers.hpp"
#include "rows_ahead.hpp"
#include "runs.hpp"
#include "strip.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cpu {

template <class T>
struct in_place_kernels;

// One block of few rows, and where its keys and values lie.
template <class T>
struct rows_in_place {
  index_type rows;
  const T* query;  // [rows][query_stride], or pairs in the same memory, [rows][d_qk / 2]
  index_type query_stride;
  T* scores;  // [rows][score_stride]: scores, then weights
  T* output;  // [rows][output_stride]
  index_type output_stride;
  const source_rows* keys;
  const source_rows* values;
  T* key_run;  // room for direct_run rows of either
  T* value_run;
  bool finite_only;  // values that are no finite numbers count as 0
  T* integers = nullptr;  // queries as integers, see integer_query
  const in_place_kernels<T>* exact = nullptr;  // of what cannot be read as integers
};

// Blocks that are swept together. A tile of several is multiplied run by run, each run for all of them in turn: so lie the
// heads of a token, or of a small page.
template <class T>
struct side_by_side {
  const rows_in_place<T>* blocks;
  index_type count;
};

// Rows go in groups of Group, two or three that are left of a group of four together, or single. Calls f(first_row, group).
template <int Group, class F>
inline void for_each_direct_group(index_type rows, F&& f) {
  index_type r = 0;
  if constexpr (Group > 1) {
    for (; r + Group <= rows; r += Group) f(r, std::integral_constant<int, Group>{});
  }
  if constexpr (Group == 4) {
    if (rows - r == 3) return f(r, std::integral_constant<int, 3>{});
    if (rows - r == 2) return f(r, std::integral_constant<int, 2>{});
  }
  for (; r < rows; ++r) f(r, std::integral_constant<int, 1>{});
}

// How many groups that makes.
template <int Group>
inline index_type direct_groups(index_type rows) {
  index_type groups = 0;
  for_each_direct_group<Group>(rows, [&](index_type, auto) { ++groups; });
  return groups;
}

// Keys or values of a block as bytes.
template <class T>
class row_finder {
 public:
  row_finder() = default;
  row_finder(const rows_in_place<T>& of, bool of_keys)
      : of_(of_keys ? of.keys : of.values), copies_(reinterpret_cast<char*>(of_keys ? of.key_run : of.value_run)),
        only_finite_(of.finite_only && !of_keys), size_(size_of(of_->stored)), bytes_(of_->row_bytes()), copied_(of_->copied_bytes()) {}

  index_type bytes() const { return bytes_; }  // of a row

  // The row at a position, and how many follow it at equal distances; none if the source has none. It is asked once for each
  // of its runs.
  plain_run at_if_any(index_type position) {
    if (!holds(position)) ask_source(position);
    return from(position);
  }
  // The same of a row that is to be read.
  plain_run at(index_type position) {
    if (!holds(position)) ask_to_read(position);
    return from(position);
  }

  // Rows first, first + step, ..., `count` of them, as they lie where they can be read so.
  row_run find(index_type first, index_type step, index_type count, bool whole, row_finder& following) {
    const plain_run run = at(first);
    const bool as_they_lie = run.rows > (count - 1) * step && (count == direct_run || !whole) && !is_copied();
    if (!as_they_lie) return copy(first, step, count, whole, following);
    return {run.data, count > 1 ? step * run.row_stride * size_ : 0};
  }

  // The same of encoded rows that are read as codes; false if they cannot be. What is short of a chunk is copied.
  bool find_codes(index_type first, index_type step, index_type count, bool whole, row_finder& following, code_run& to) {
    const plain_run run = at(first);
    const code_form form = form_of(of_->stored);
    const bool as_they_lie = run.rows > (count - 1) * step && (count == direct_run || !whole);
    to.copied = form.made || !as_they_lie || of_->length % codes_in_chunk != 0;
    to.by_channel = false;
    if (!to.copied) to.rows = {run.data + form.first, count > 1 ? step * run.row_stride : 0};
    else to.rows = {to.copies + (form.made ? 0 : form.first), to.copy_distance};
    for (index_type j = 0; j < count;) {
      const kv_run part = coded_at(first + j * step);
      const index_type in_run = std::min(count - j, (part.rows + step - 1) / step);
      if (!of_->codes(*of_, part, step, j, in_run, to)) return false;
      to.source = part;
      for (index_type i = 0; part.rows < direct_run && i < in_run; ++i) following.ask(first + (direct_run + j + i) * step);
      j += in_run;
    }
    for (index_type j = count; whole && j < direct_run; ++j) repeat_codes(count - 1, j, to);
    return true;
  }
  // A run of codes that lies so many rows behind the one in hand, as that does.
  bool find_codes_alike(index_type step, code_run& to) const {
    kv_run& run = to.source;
    run.data = static_cast<const char*>(run.data) + direct_run * step * run.row_stride;
    run.beside = with_rows_skipped(run.beside, direct_run * step);
    to.rows.first += direct_run * to.rows.distance;
    return of_->codes(*of_, run, step, 0, direct_run, to);
  }

  // Of rows position, position + step, ... how many lie at equal distances and are read there; position is that of a run in hand.
  index_type rows_as_they_lie(index_type position, index_type step, bool as_codes) const {
    return (is_copied() && !as_codes) || !holds(position) ? 0 : (from(position).rows + step - 1) / step;
  }

  // What to ask for while another run is in hand: that of `position`, if there is one. Of pages smaller than a run
  // only the first is asked for, and memory behind it; of samples that lie on several pages none.
  row_run ahead(index_type position, index_type step) {
    if (position >= of_->kv_len) return {nullptr, 0};
    const plain_run run = at_if_any(position);
    if (run.rows < 1 || (step > 1 && run.rows <= (direct_run - 1) * step)) return {nullptr, 0};
    return {run.data, position + step < of_->kv_len ? step * run.row_stride * size_ : 0};
  }

 private:
  // Whether rows are never read where they lie.
  bool is_copied() const { return only_finite_ || of_->decode != nullptr; }

  // Row `from` of a copied run once more, as row `to`.
  void repeat_codes(index_type from, index_type to, code_run& run) const {
    std::memcpy(run.copies + to * run.copy_distance, run.copies + from * run.copy_distance, static_cast<std::size_t>(run.copy_distance));
    const index_type numbers = run.by_channel ? 0 : form_of(of_->stored).by_chunk ? integer_query::chunks(of_->length) : 1;
    for (index_type c = 0; c < numbers; ++c) {
      run.scales[c * direct_run + to] = run.scales[c * direct_run + from];
      if (run.has_offsets) run.offsets[c * direct_run + to] = run.offsets[c * direct_run + from];
    }
  }

  // Where rows do not lie at equal distances (small pages), or a whole run is asked for and the tile has less, or some of
  // their numbers are to count as 0, or rows are encoded, they are copied, and the last one stands for what is missing. With each copied row its
  // like in the next run is asked for, which `following` finds: reads of rows far apart take long, one by one.
  row_run copy(index_type first, index_type step, index_type count, bool whole, row_finder& following) {
    for (index_type j = 0; j < count;) {
      const plain_run run = at(first + j * step);
      // Samples may be farther apart than a run is long.
      const index_type distance = count > 1 && run.rows > step ? step * run.row_stride * size_ : 0;
      const index_type in_run = std::min(count - j, (run.rows + step - 1) / step);
      if (of_->decode != nullptr) of_->decode(*of_, coded_at(first + j * step), 0, step, in_run, copies_ + j * copied_);
      for (index_type i = 0; i < in_run; ++i, ++j) {
        if (of_->decode != nullptr && run.rows >= direct_run) continue;  // asked for with the others of its run
        following.ask(first + (direct_run + j) * step);
        if (of_->decode == nullptr) std::memcpy(copies_ + j * copied_, run.data + i * distance, static_cast<std::size_t>(copied_));
      }
    }
    for (index_type j = count; whole && j < direct_run; ++j) {
      std::memcpy(copies_ + j * copied_, copies_ + (count - 1) * copied_, static_cast<std::size_t>(copied_));
    }
    if (only_finite_) {
      visit_input_kind<T>(of_->kind, [&](auto* kind) {
        for (index_type j = 0; j < count; ++j) keep_finite(pointer_to<std::remove_pointer_t<decltype(kind)>>(copies_ + j * copied_), of_->length);
      });
    }
    return {copies_, copied_};
  }
  bool holds(index_type position) const { return position >= first_ && position < first_ + run_.rows; }
  plain_run from(index_type position) const {
    const index_type past = position - first_;
    return {run_.data + past * run_.row_stride * size_, run_.row_stride, run_.rows - past};
  }
  // An encoded row, with what stands beside it.
  kv_run coded_at(index_type position) {
    const plain_run run = at(position);
    return {run.data, run.row_stride, run.rows, with_rows_skipped(beside_, position - first_)};
  }
  // Once a run, where all else is done for every run in hand: not among it.
  [[gnu::noinline]] void ask_source(index_type position) {
    run_ = run_if_any(*of_, position, beside_);
    first_ = position;
  }
  [[gnu::noinline]] void ask_to_read(index_type position) {
    run_ = run_to_read(*of_, position, beside_);
    first_ = position;
  }
  void ask(index_type position) {
    if (position >= of_->kv_len) return;
    const plain_run run = at_if_any(position);
    for (index_type line = 0; run.rows > 0 && line < bytes_; line += 64) CRESTMAX_PREFETCH(run.data + line, 2);
  }

  const source_rows* of_ = nullptr;
  char* copies_ = nullptr;
  bool only_finite_ = false;
  index_type size_ = 0;  // of a number
  index_type bytes_ = 0;   // of a row in memory
  index_type copied_ = 0;  // of a copy
  plain_run run_{};
  index_type first_ = 0;
  run_coding beside_;  // of encoded rows, of the run's first
};

// True if the keys of two blocks lie so close that memory is read in its own order if they take turns run by run.
template <class T>
inline bool are_neighbours(const rows_in_place<T>& one, const rows_in_place<T>& other, index_type position) {
  if (position >= one.keys->kv_len) return false;
  row_finder<T> of_one(one, true), of_other(other, true);
  const plain_run first = of_one.at_if_any(position), second = of_other.at_if_any(position);
  if (first.rows < 1 || second.rows < 1) return false;
  const auto begin = reinterpret_cast<std::uintptr_t>(first.data);
  const auto end = reinterpret_cast<std::uintptr_t>(second.data);
  return end - begin <= static_cast<std::uintptr_t>(direct_run * of_one.bytes());
}

// Goes through the runs of a tile, each of them for every block, in the order of memory. After the tile come `then`, keys
// or values. A block's rows take so many passes over a run. The same code for every type and shape: it is called once per run.
// AsCodes: encoded rows are read as codes, where they can be.
template <class T, bool AsCodes = false>
class run_walk {
 public:
  CRESTMAX_KERNEL run_walk(side_by_side<T> team, bool of_keys, const tile_keys& tile, index_type padded, key_interval then, bool then_of_keys, index_type passes)
      : team_(team), tile_(tile), of_keys_(of_keys), padded_(padded), then_(then), passes_(passes) {
    for (index_type i = 0; i < team.count; ++i) {
      finders_[i] = later_[i] = row_finder<T>(team.blocks[i], of_keys);
      following_[i] = row_finder<T>(team.blocks[i], then_of_keys);
    }
    share_ = row_asker::share_of(finders_[0].bytes(), passes);
  }

  // To the next run; false if there is none.
  CRESTMAX_KERNEL bool next() {
    if (alike_ > 0) {
      to_one_alike();
      return true;
    }
    now_ = after(1);
    if (now_.first >= padded_) return false;
    // The last run of keys may have none of the tile: its scores are hidden afterwards.
    const index_type within = std::min(now_.first, tile_.count - 1);
    const index_type first = tile_.first + within * tile_.step, count = std::min(direct_run, tile_.count - within);
    row_finder<T>& finder = finders_[now_.member];
    if constexpr (AsCodes) find_codes(finder, first, count);
    else rows_ = finder.find(first, tile_.step, count, of_keys_, later_[now_.member]);
    ahead_ = {find_ahead(finders_, after(1)), find_ahead(later_, after(later_runs))};
    if (team_.count == 1 && may_be_alike()) alike_ = runs_alike();
    return true;
  }

  // Of the run in hand.
  const rows_in_place<T>& of() const { return team_.blocks[now_.member]; }
  index_type first() const { return now_.first; }  // row of the tile
  index_type count() const { return std::min(direct_run, padded_ - now_.first); }
  row_run rows() const { return rows_; }
  // Of encoded rows, whether the run has been read as codes; and these.
  bool has_codes() const { return has_codes_; }
  code_run& codes() { return codes_; }
  // The run alone, and its block, for kernels that do not read it as codes.
  tile_keys tile_of_run() const {
    const index_type within = std::min(now_.first, tile_.count - 1);
    return {tile_.first + within * tile_.step, tile_.step, std::min(direct_run, tile_.count - within), tile_.seen};
  }
  rows_in_place<T> block_of_run() const {
    rows_in_place<T> b = of();
    b.scores += now_.first;
    return b;
  }

  // What the passes over the run ask for, all of them in turn.
  row_asker asker() const { return {ahead_, share_, passes_}; }

 private:
  struct turn {
    index_type member;  // of the team
    index_type first;   // row of the tile
  };
  turn after(index_type turns) const {
    turn t{now_.member + turns, now_.first};
    for (; t.member >= team_.count; t.member -= team_.count) t.first += direct_run;
    return t;
  }
  // Whether runs that follow can be read as the one in hand is.
  bool may_be_alike() const {
    if constexpr (AsCodes) return has_codes_ && !codes_.copied && !codes_.by_channel;
    else return true;
  }
  // How many runs follow of which all that is to be known is a step in memory away from what is known of this one, of a block alone.
  index_type runs_alike() const {
    if (ahead_.soon.first == nullptr || ahead_.later.first == nullptr) return 0;
    const index_type left = std::min(tile_.count - now_.first, finders_[0].rows_as_they_lie(tile_.first + now_.first * tile_.step, tile_.step, AsCodes));
    return left / direct_run - 1 - later_runs;
  }
  void find_codes(row_finder<T>& finder, index_type first, index_type count) {
    const rows_in_place<T>& b = of();
    const source_rows& from = of_keys_ ? *b.keys : *b.values;
    codes_ = code_run_in(of_keys_ ? b.key_run : b.value_run, form_of(from.stored), from.length);
    has_codes_ = finder.find_codes(first, tile_.step, count, of_keys_, later_[now_.member], codes_);
    rows_ = codes_.rows;
  }
  void to_one_alike() {
    --alike_;
    now_.first += direct_run;
    if constexpr (AsCodes) has_codes_ = finders_[0].find_codes_alike(tile_.step, codes_);
    const index_type step = direct_run * rows_.distance;
    rows_.first += step;
    ahead_.soon.first += step;
    ahead_.later.first += step;
  }
  row_run find_ahead(row_finder<T>* of_tile, turn t) {
    if (t.first < padded_) return of_tile[t.member].ahead(tile_.first + t.first * tile_.step, tile_.step);
    const index_type following = then_.begin + t.first - planner::round_up(padded_, direct_run);
    return following < then_.end ? following_[t.member].ahead(following, 1) : row_run{nullptr, 0};
  }

  static constexpr index_type most = planner::most_joined_blocks;
  side_by_side<T> team_;
  tile_keys tile_;
  bool of_keys_;
  index_type padded_;
  key_interval then_;
  index_type passes_;
  index_type share_ = 0;  // of a row that is asked for, bytes
  row_finder<T> finders_[most], later_[most], following_[most];
  turn now_{-1, 0};
  row_run rows_{};
  rows_ahead ahead_{};
  index_type alike_ = 0;
  bool has_codes_ = false;
  code_run codes_;
};

}  // namespace cpu

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"
