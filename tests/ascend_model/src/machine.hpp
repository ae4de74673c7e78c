// One launch: its memories, clocks, flags, threads and call sites. Only one core runs at a time; it gives its turn
// away where it waits for another core.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "../run.hpp"
#include "shadow.hpp"

namespace ascend_model {

struct stopped {};  // thrown to leave a kernel after an error, in this core or another

struct local_memory {
  std::vector<std::byte> bytes;
  shadow history;
};

struct pipe_flag {
  bool set = false;
  clock seen;
  std::uint32_t set_by = 0;
  std::uint32_t waited_by = 0;
};

// Signals on their way to one core, from one other core.
struct signals {
  std::deque<clock> pending;
  std::deque<std::uint32_t> set_by;
};

struct core {
  std::array<clock, pipes> seen;  // what each pipe's next instruction comes after
  std::array<std::uint32_t, pipes> last_barrier{};  // each pipe's last instruction before its last barrier
  std::array<local_memory, 5> memories;
  std::array<std::array<std::array<pipe_flag, 8>, pipes>, pipes> flags;  // [from][to][id]
  std::array<std::array<signals, 16>, cores> incoming;                   // [from][id]
  // When lines were last dropped from the scalar unit's cache, as what was known then.
  std::unordered_map<std::uintptr_t, clock> dropped_lines;
  clock all_lines_dropped;
  bool has_started = false;
  bool done = false;
  int waits_for = -1;  // id of a cross-core flag
  site waits_at;
};

class machine {
 public:
  machine(target on, std::int64_t blocks, std::vector<memory_range> global, const mutation& change);

  outcome run(const std::function<void()>& kernel);

  // All of these are called on the thread of the core that has its turn.
  static machine& here();
  int core_index() const { return turn_; }
  core& self() { return cores_[static_cast<std::size_t>(turn_)]; }
  core& core_at(int index) { return cores_[static_cast<std::size_t>(index)]; }
  std::int64_t block() const { return block_; }
  std::int64_t blocks() const { return blocks_; }
  target on() const { return on_; }
  std::uint64_t capacity(memory kind) const;

  struct started {
    std::uint32_t epoch;
    action mutated;
  };
  started start(pipe_t pipe, const char* name, site where);
  action buffer(memory kind, std::uint64_t address, site where);  // the mutation of a buffer
  clock complete(pipe_t pipe);  // the pipe's clock once all its instructions are complete
  void count(const std::string& what, std::uint64_t amount) { result_.counters[what] += amount; }

  shadow& history(memory kind);
  struct place {
    shadow* history;
    std::uint64_t offset;
    const memory_range* range;
  };
  place find_global(const void* address, std::uint64_t bytes);  // history is null where no range holds all bytes

  void wait_until_signalled(int id, site where);
  bool signalled(int core, int id) const;
  std::string describe(std::uint32_t epoch) const;
  std::string describe_here() const;
  [[noreturn]] void fail(const std::string& report);

 private:
  struct site_key {
    const char* name;
    const char* file;
    int line;
    bool operator==(const site_key&) const = default;
  };
  struct site_hash {
    std::size_t operator()(const site_key& k) const {
      return std::hash<const void*>()(k.name) * 31 + std::hash<const void*>()(k.file) * 17 +
             static_cast<std::size_t>(k.line) * 7919;
    }
  };
  std::uint32_t site_number(const char* name, site where);
  std::uint32_t add_site(const std::string& name, site where);
  action call_at(std::uint32_t site);
  void run_block(const std::function<void()>& kernel);
  void core_main(int index, const std::function<void()>& kernel);
  bool runnable(int index) const;
  bool pass_turn(int from);  // false: nobody can run
  void check_end_of_block();
  std::string deadlock() const;

  target on_;
  std::int64_t blocks_;
  std::int64_t block_ = 0;
  std::vector<memory_range> global_;
  std::vector<shadow> global_history_;
  std::array<core, cores> cores_;
  std::array<std::vector<std::uint32_t>, cores * pipes> issued_;  // sites of all instructions, the first is not used
  std::array<std::uint64_t, cores * pipes> instructions_{};

  mutation change_;
  std::uint32_t mutated_site_ = ~0u;
  std::unordered_map<site_key, std::uint32_t, site_hash> sites_;
  std::unordered_map<std::uint64_t, std::uint32_t> buffers_;  // sites of kinds and addresses
  outcome result_;

  std::mutex mutex_;
  std::array<std::condition_variable, cores> woken_;
  int turn_ = 0;
  bool failed_ = false;
};

const char* name_of(pipe_t pipe);
const char* name_of(memory kind);
const char* name_of_core(int index);
std::string hexadecimal(std::uint64_t x);

}  // namespace ascend_model
