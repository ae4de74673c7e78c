#include "machine.hpp"

namespace ascend_model {
namespace {

constexpr std::uintptr_t cache_line = 64;

const char* explain(trouble what) {
  switch (what) {
    case trouble::uninitialised: return "which nothing has written";
    case trouble::unordered_write: return "written by ";
    case trouble::unordered_read: return "still read by ";
    case trouble::twice: return "which it has itself written already";
    default: return "";
  }
}

}  // namespace

instruction::instruction(pipe_t pipe, const char* name, site where) : name_(name), where_(where), pipe_(pipe) {
  const machine::started s = machine::here().start(pipe, name, where);
  epoch_ = s.epoch;
  mutated_ = s.mutated;
  if (pipe == PIPE_S) in_order_ = true;
}

void fail(const char* name, site where, const std::string& what) {
  machine& m = machine::here();
  const std::string file = where.file;
  m.fail(m.describe_here() + ": " + name + " " + file.substr(file.rfind('/') + 1) + ":" + std::to_string(where.line) +
         ": " + what);
}

void instruction::fail(const std::string& what) const {
  machine& m = machine::here();
  m.fail(m.describe_here() + ": " + m.describe(epoch_) + ": " + what);
}

void instruction::range(const char* name, std::uint64_t given, std::uint64_t low, std::uint64_t high) const {
  if (given >= low && given <= high) return;
  fail(std::string(name) + " is " + std::to_string(given) + ", allowed are " + std::to_string(low) + ".." +
       std::to_string(high));
}

void instruction::aligned(const char* name, std::uint64_t address, std::uint64_t to) const {
  if (address % to != 0) {
    fail(std::string("the address of the ") + name + ", " + hexadecimal(address) + ", is no multiple of " +
         std::to_string(to) + " B");
  }
}

std::byte* instruction::bytes_at(int core, const local_place& at, std::uint64_t offset, std::uint64_t n) const {
  machine& m = machine::here();
  const std::uint64_t capacity = m.capacity(at.kind);
  local_memory& local = m.core_at(core).memories[static_cast<std::size_t>(at.kind)];
  if (local.bytes.empty()) fail(std::string("this core has no ") + name_of(at.kind));
  const std::uint64_t end = at.address + offset + n;
  if (end > capacity) {
    fail(std::string(name_of(at.kind)) + " ends at " + hexadecimal(capacity) + ", the access at " + hexadecimal(end));
  }
  if (offset + n > at.bytes) {
    fail("the tensor has " + std::to_string(at.bytes) + " B, the access ends at byte " + std::to_string(offset + n));
  }
  return local.bytes.data() + at.address + offset;
}

std::byte* instruction::bytes(const local_place& at, std::uint64_t offset, std::uint64_t n) const {
  return bytes_at(machine::here().core_index(), at, offset, n);
}

namespace {

void report(const instruction& i, const verdict& v, const char* verb, const std::string& where) {
  std::string text = std::string(verb) + " " + where + ", " + explain(v.what);
  if (v.what == trouble::unordered_write || v.what == trouble::unordered_read) {
    text += machine::here().describe(v.other) + ": no " + (i.waits_for_barriers() ? "barrier of this pipe" : "flag or barrier") +
            " orders the two";
  }
  i.fail(text);
}

machine::place find(const instruction& i, const global_place& at, std::uint64_t offset, std::uint64_t n, const char* verb) {
  if (offset + n > at.bytes) {
    i.fail(std::string(verb) + " past the end of a GlobalTensor of " + std::to_string(at.bytes) + " B");
  }
  const machine::place p = machine::here().find_global(at.base + offset, n);
  if (p.range == nullptr) i.fail(std::string(verb) + " outside of all global memory that the kernel was given");
  if (p.history == nullptr) i.fail(std::string(verb) + " past the end of " + p.range->name);
  return p;
}

}  // namespace

const std::byte* instruction::read(const local_place& from, std::uint64_t offset, std::uint64_t n) const {
  machine& m = machine::here();
  const std::byte* data = bytes(from, offset, n);
  clock seen = m.self().seen[pipe_];
  if (after_barriers_) seen.at[static_cast<std::size_t>(epoch::pipe(epoch_))] = m.self().last_barrier[pipe_];
  const verdict v = m.history(from.kind).read(from.address + offset, n, {epoch_, &seen, in_order_});
  if (v.what != trouble::none) report(*this, v, "reads", std::string(name_of(from.kind)) + " at " + hexadecimal(v.offset));
  return data;
}

std::byte* instruction::write_at(int core, const local_place& to, std::uint64_t offset, std::uint64_t n) const {
  machine& m = machine::here();
  std::byte* data = bytes_at(core, to, offset, n);
  shadow& history = m.core_at(core).memories[static_cast<std::size_t>(to.kind)].history;
  const verdict v = history.write(to.address + offset, n, {epoch_, &m.self().seen[pipe_], in_order_});
  if (v.what != trouble::none) {
    const std::string owner = core == m.core_index() ? "" : std::string(name_of_core(core)) + "'s ";
    report(*this, v, "writes", owner + name_of(to.kind) + " at " + hexadecimal(v.offset));
  }
  return data;
}

std::byte* instruction::write(const local_place& to, std::uint64_t offset, std::uint64_t n) const {
  return write_at(machine::here().core_index(), to, offset, n);
}

const std::byte* instruction::read(const global_place& from, std::uint64_t offset, std::uint64_t n) const {
  const machine::place p = find(*this, from, offset, n, "reads");
  const verdict v = p.history->read(p.offset, n, {epoch_, &machine::here().self().seen[pipe_], in_order_});
  if (v.what != trouble::none) report(*this, v, "reads", std::string(p.range->name) + " at byte " + std::to_string(v.offset));
  return from.base + offset;
}

std::byte* instruction::write(const global_place& to, std::uint64_t offset, std::uint64_t n) const {
  const machine::place p = find(*this, to, offset, n, "writes");
  if (!p.range->writable) fail(std::string("writes to ") + p.range->name + ", which is read-only");
  const verdict v = p.history->write(p.offset, n, {epoch_, &machine::here().self().seen[pipe_], in_order_});
  if (v.what != trouble::none) report(*this, v, "writes", std::string(p.range->name) + " at byte " + std::to_string(v.offset));
  return to.base + offset;
}

const std::byte* instruction::read_cached(const global_place& from, std::uint64_t offset, std::uint64_t n) const {
  const std::byte* data = read(from, offset, n);
  machine& m = machine::here();
  const machine::place p = m.find_global(data, n);
  const std::uint32_t writer = p.history->writer(p.offset);
  if (writer == 0) return data;
  const core& c = m.self();
  const auto line = c.dropped_lines.find(reinterpret_cast<std::uintptr_t>(data) / cache_line);
  const bool dropped = c.all_lines_dropped.knows(writer) ||
                       (line != c.dropped_lines.end() && line->second.knows(writer));
  if (!dropped) {
    fail(std::string("reads ") + p.range->name + ", written by " + m.describe(writer) +
         ": no DataCacheCleanAndInvalid of the line since");
  }
  return data;
}

void instruction::drop_cached(const global_place& at, bool all) const {
  core& c = machine::here().self();
  if (all) {
    c.all_lines_dropped = c.seen[PIPE_S];
  } else {
    c.dropped_lines[reinterpret_cast<std::uintptr_t>(at.base) / cache_line] = c.seen[PIPE_S];
  }
}

void instruction::forget(const local_place& to, std::uint64_t offset, std::uint64_t n) const {
  bytes(to, offset, n);
  machine::here().history(to.kind).forget(to.address + offset, n);
}

void instruction::displace(local_place& to, std::uint64_t n) const {
  const std::uint64_t step = to.kind == memory::l0c ? 1024 : (to.kind == memory::l0a || to.kind == memory::l0b) ? 512 : 32;
  if (mutated_ == action::move_destination) to.address += step;
  if (mutated_ == action::misalign_destination) to.address += 2;
  if (mutated_ == action::overflow_destination) {
    const std::uint64_t end = machine::here().capacity(to.kind);
    to.address = (n >= end ? 0 : (end - n) / step * step) + step;
    to.bytes = n;
  }
}

void instruction::displace(global_place& to) const {
  if (mutated_ == action::move_destination) to.base += 32;
  if (mutated_ == action::overflow_destination) to.base += to.bytes;
}

}  // namespace ascend_model
