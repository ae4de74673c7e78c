#include "machine.hpp"

#include <cstdio>
#include <cstring>
#include <set>
#include <thread>

namespace ascend_model {
namespace {

thread_local machine* current = nullptr;

std::string file_name(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

}  // namespace

const char* name_of(pipe_t pipe) {
  constexpr const char* names[] = {"S", "V", "M", "MTE1", "MTE2", "MTE3", "FIX", "ALL"};
  return names[pipe];
}

const char* name_of(memory kind) {
  constexpr const char* names[] = {"UB", "L1", "L0A", "L0B", "L0C", "GM"};
  return names[static_cast<int>(kind)];
}

const char* name_of_core(int index) {
  constexpr const char* names[] = {"AIC", "AIV0", "AIV1"};
  return names[index];
}

const char* lasting(const std::string& text) {
  static std::mutex guard;
  static std::set<std::string> names;
  const std::lock_guard lock(guard);
  return names.insert(text).first->c_str();
}

std::string hexadecimal(std::uint64_t x) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(x));
  return text;
}

machine::machine(target on, std::int64_t blocks, std::vector<memory_range> global, const mutation& change)
    : on_(on), blocks_(blocks), global_(std::move(global)), change_(change) {
  for (const memory_range& r : global_) global_history_.emplace_back(r.bytes, r.initialised);
  for (auto& log : issued_) log.push_back(0);
}

machine& machine::here() {
  if (current == nullptr) {
    std::fputs("an Ascend primitive was called outside of ascend_model::launch\n", stderr);
    std::abort();
  }
  return *current;
}

std::uint64_t machine::capacity(memory kind) const {
  const bool is_2201 = on_ == target::ascend_2201;
  switch (kind) {
    case memory::unified_buffer: return is_2201 ? 192 * 1024 - 256 - 8 * 1024 : 248 * 1024;
    case memory::l1: return 512 * 1024 - 256;
    case memory::l0a:
    case memory::l0b: return 64 * 1024;
    case memory::l0c: return is_2201 ? 128 * 1024 : 256 * 1024;
    default: return 0;
  }
}

std::uint32_t machine::add_site(const std::string& name, site where) {
  call_site s;
  s.file = file_name(where.file);
  s.line = where.line;
  s.name = name + " " + s.file + ":" + std::to_string(where.line);
  s.call = name.substr(0, name.find_first_of("<("));
  // The same text seen through another object file is the same site.
  for (std::uint32_t known = 0; known < result_.sites.size(); ++known) {
    if (result_.sites[known].name == s.name) return known;
  }
  const auto number = static_cast<std::uint32_t>(result_.sites.size());
  if (change_.what != action::none && s.name == change_.site) mutated_site_ = number;
  result_.sites.push_back(std::move(s));
  return number;
}

std::uint32_t machine::site_number(const char* name, site where) {
  const site_key key{name, where.file, where.line};
  const auto found = sites_.find(key);
  if (found != sites_.end()) return found->second;
  return sites_.emplace(key, add_site(name, where)).first->second;
}

// Counts a call of a site.
action machine::call_at(std::uint32_t number) {
  call_site& s = result_.sites[number];
  ++s.calls;
  if (number != mutated_site_ || (change_.call != 0 && change_.call != s.calls)) return action::none;
  ++result_.mutated_calls;
  return change_.what;
}

machine::started machine::start(pipe_t pipe, const char* name, site where) {
  const std::uint32_t number = site_number(name, where);
  self().has_started = true;
  const auto p = static_cast<std::size_t>(turn_ * pipes + pipe);
  issued_[p].push_back(number);
  ++instructions_[p];
  if (issued_[p].size() >= (1u << epoch::shift)) fail("more instructions than the model can count");
  return {epoch::of(static_cast<int>(p), static_cast<std::uint32_t>(issued_[p].size() - 1)), call_at(number)};
}

action machine::buffer(memory kind, std::uint64_t address, site where) {
  const std::uint64_t key = (static_cast<std::uint64_t>(kind) << 32) | address;
  auto found = buffers_.find(key);
  if (found == buffers_.end()) {
    const std::string name = std::string("LocalTensor(") + name_of(kind) + ", " + hexadecimal(address) + ")";
    found = buffers_.emplace(key, add_site(name, where)).first;
  }
  return call_at(found->second);
}

clock machine::complete(pipe_t pipe) {
  clock c = self().seen[pipe];
  const auto p = static_cast<std::size_t>(turn_ * pipes + pipe);
  c.at[p] = static_cast<std::uint32_t>(issued_[p].size() - 1);
  return c;
}

shadow& machine::history(memory kind) { return self().memories[static_cast<std::size_t>(kind)].history; }

machine::place machine::find_global(const void* address, std::uint64_t bytes) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  for (std::size_t i = 0; i < global_.size(); ++i) {
    const auto base = reinterpret_cast<std::uintptr_t>(global_[i].base);
    if (at >= base && at - base < global_[i].bytes) {
      const bool inside = at - base + bytes <= global_[i].bytes;
      return {inside ? &global_history_[i] : nullptr, at - base, &global_[i]};
    }
  }
  return {nullptr, 0, nullptr};
}

std::string machine::describe(std::uint32_t e) const {
  const auto p = static_cast<std::size_t>(epoch::pipe(e));
  const call_site& s = result_.sites[issued_[p][epoch::count(e)]];
  return s.name + " (" + name_of_core(static_cast<int>(p) / pipes) + ", pipe " +
         name_of(static_cast<pipe_t>(p % pipes)) + ")";
}

std::string machine::describe_here() const {
  return std::string(name_of_core(turn_)) + " of block " + std::to_string(block_);
}

void machine::fail(const std::string& report) {
  {
    const std::lock_guard lock(mutex_);
    if (!failed_) {
      failed_ = true;
      result_.ok = false;
      result_.report = report;
    }
  }
  throw stopped{};
}

bool machine::signalled(int core, int id) const {
  const auto& incoming = cores_[static_cast<std::size_t>(core)].incoming;
  const auto from = [&](std::size_t c) { return !incoming[c][static_cast<std::size_t>(id)].pending.empty(); };
  return core == 0 ? from(1) && from(2) : from(0);
}

bool machine::runnable(int index) const {
  const core& c = cores_[static_cast<std::size_t>(index)];
  return !c.done && (failed_ || c.waits_for < 0 || signalled(index, c.waits_for));
}

bool machine::pass_turn(int from) {
  const auto give_to = [this](int next) {
    turn_ = next;
    woken_[static_cast<std::size_t>(next)].notify_one();
    return true;
  };
  for (int step = 1; step <= cores; ++step) {
    const int next = (from + step) % cores;
    if (next != change_.slowest && runnable(next)) return give_to(next);
  }
  return change_.slowest >= 0 && runnable(change_.slowest) && give_to(change_.slowest);
}

std::string machine::deadlock() const {
  std::string text = "deadlock in block " + std::to_string(block_) + ":";
  for (int i = 0; i < cores; ++i) {
    const core& c = cores_[static_cast<std::size_t>(i)];
    text += std::string("\n  ") + name_of_core(i);
    if (c.done) {
      text += " has returned";
      continue;
    }
    text += " waits in CrossCoreWaitFlag(" + std::to_string(c.waits_for) + ") at " + file_name(c.waits_at.file) + ":" +
            std::to_string(c.waits_at.line) + ", pipe S; signals there:";
    for (int from = 0; from < cores; ++from) {
      if ((i == 0) == (from == 0)) continue;
      const auto& queue = c.incoming[static_cast<std::size_t>(from)][static_cast<std::size_t>(c.waits_for)];
      text += " " + std::to_string(queue.pending.size()) + " of " + name_of_core(from);
    }
  }
  return text;
}

void machine::wait_until_signalled(int id, site where) {
  std::unique_lock lock(mutex_);
  const int me = turn_;
  if (signalled(me, id)) return;
  core& c = cores_[static_cast<std::size_t>(me)];
  c.waits_for = id;
  c.waits_at = where;
  if (!pass_turn(me)) {
    failed_ = true;
    result_.ok = false;
    result_.report = deadlock();
    pass_turn(me);
  }
  woken_[static_cast<std::size_t>(me)].wait(lock, [&] { return turn_ == me; });
  if (failed_) throw stopped{};
  c.waits_for = -1;
}

void machine::core_main(int index, const std::function<void()>& kernel) {
  std::unique_lock lock(mutex_);
  woken_[static_cast<std::size_t>(index)].wait(lock, [&] { return turn_ == index; });
  if (!failed_) {
    current = this;
    lock.unlock();
    std::string escaped;
    try {
      kernel();
    } catch (const stopped&) {
    } catch (const std::exception& e) {
      escaped = std::string("the kernel threw: ") + e.what();
    } catch (...) {
      escaped = "the kernel threw";
    }
    lock.lock();
    current = nullptr;
    if (!escaped.empty() && !failed_) {
      failed_ = true;
      result_.ok = false;
      result_.report = escaped;
    }
  }
  cores_[static_cast<std::size_t>(index)].done = true;
  const bool all_done = cores_[0].done && cores_[1].done && cores_[2].done;
  if (!all_done && !pass_turn(index)) {
    failed_ = true;
    result_.ok = false;
    result_.report = deadlock();
    pass_turn(index);
  }
}

void machine::check_end_of_block() {
  for (int i = 0; i < cores && result_.ok; ++i) {
    const core& c = cores_[static_cast<std::size_t>(i)];
    const std::string where = std::string(name_of_core(i)) + " of block " + std::to_string(block_) + ": ";
    for (const auto& from : c.flags) {
      for (const auto& to : from) {
        for (const pipe_flag& f : to) {
          if (!f.set || !result_.ok) continue;
          result_.ok = false;
          result_.report = where + describe(f.set_by) + " was never waited for";
        }
      }
    }
    for (const auto& from : c.incoming) {
      for (const signals& s : from) {
        if (s.pending.empty() || !result_.ok) continue;
        result_.ok = false;
        result_.report = where + "never waited for the signal of " + describe(s.set_by.front());
      }
    }
  }
}

void machine::run_block(const std::function<void()>& kernel) {
  for (core& c : cores_) c = core{};
  for (int i = 0; i < cores; ++i) {
    for (int k = 0; k < 5; ++k) {
      // The cube core has no UB, the vector cores have nothing else.
      if ((i == 0) == (static_cast<memory>(k) == memory::unified_buffer)) continue;
      local_memory& m = cores_[static_cast<std::size_t>(i)].memories[static_cast<std::size_t>(k)];
      const std::uint64_t bytes = capacity(static_cast<memory>(k));
      m.bytes.assign(bytes, std::byte{0xee});
      m.history = shadow(bytes, false);
    }
  }
  turn_ = change_.slowest == 0 ? 1 : 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < cores; ++i) {
    threads.emplace_back([this, i, &kernel] { core_main(i, kernel); });
  }
  for (std::thread& t : threads) t.join();
  if (result_.ok) check_end_of_block();
}

outcome machine::run(const std::function<void()>& kernel) {
  for (block_ = 0; block_ < blocks_ && result_.ok; ++block_) run_block(kernel);
  for (int p = 0; p < cores * pipes; ++p) {
    const std::uint64_t n = instructions_[static_cast<std::size_t>(p)];
    if (n == 0) continue;
    result_.counters[std::string("instructions ") + name_of_core(p / pipes) + " " +
                     name_of(static_cast<pipe_t>(p % pipes))] = n;
  }
  return result_;
}

outcome launch(target on, std::int64_t blocks, const std::function<void()>& kernel, std::vector<memory_range> global,
               const mutation& change) {
  const auto m = std::make_unique<machine>(on, blocks, std::move(global), change);
  return m->run(kernel);
}

bool is_cube() { return machine::here().core_index() == 0; }
bool is_3510() { return machine::here().on() == target::ascend_3510; }
std::int64_t sub_block_index() { return is_cube() ? 0 : machine::here().core_index() - 1; }
std::int64_t block_index() {
  const machine& m = machine::here();
  return is_cube() ? m.block() : m.block() * 2 + m.core_index() - 1;
}
std::int64_t block_count() { return machine::here().blocks(); }
std::uint64_t buffer_address(memory kind, std::uint64_t address, std::uint64_t bytes, site where) {
  const std::uint64_t step = kind == memory::l0c ? 1024 : kind == memory::l0a || kind == memory::l0b ? 512 : 32;
  const std::uint64_t end = capacity(kind);
  switch (machine::here().buffer(kind, address, where)) {
    case action::move_destination: return address + step;
    case action::misalign_destination: return address + 2;
    case action::overflow_destination: return (bytes >= end ? 0 : (end - bytes) / step * step) + step;
    case action::overlap_previous: return address < step ? address : address - step;
    default: return address;
  }
}
std::uint64_t capacity(memory kind) { return machine::here().capacity(kind); }
void count(const char* what, std::uint64_t amount) { machine::here().count(what, amount); }

}  // namespace ascend_model
