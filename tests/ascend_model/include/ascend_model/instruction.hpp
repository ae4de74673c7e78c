// What the primitives of the model share: call sites, pipes, memories, and one instruction's view of the machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

enum pipe_t : std::uint8_t { PIPE_S, PIPE_V, PIPE_M, PIPE_MTE1, PIPE_MTE2, PIPE_MTE3, PIPE_FIX, PIPE_ALL };

namespace ascend_model {

// Where a call stands in the kernel's text: the last parameter of every primitive, as `site where = {}`.
struct site {
  const char* file;
  int line;
  constexpr site(const char* in = __builtin_FILE(), int at = __builtin_LINE()) : file(in), line(at) {}
};

enum class memory : std::uint8_t { unified_buffer, l1, l0a, l0b, l0c, global };

// What a mutation does to the calls of one site; see run.hpp.
enum class action : std::uint8_t {
  none,
  drop,                  // the call is not made
  twice,                 // signals: made twice
  move_destination,      // 32 B further (L0: one fractal); like the next two also for buffers (LocalTensor)
  misalign_destination,  // 2 B further
  overflow_destination,  // so far that its last bytes lie outside of the memory
  overlap_source,        // vector calls: 32 B behind the first source
  too_many_repeats,      // 256 more
  transpose,             // LoadData: the flag is turned
  fractal_order,         // LoadData: the next source fractal instead of the one srcStride away
  initial_value,         // Mmad: cmatrixInitVal is turned
  scalar_lost,           // Adds adds 0, Muls multiplies by 1, Duplicate writes 0
  other_identifier,      // flags: the next id
  overlap_previous,      // buffers (LocalTensor): 32 B nearer to the start of the memory (L0: one fractal)
};

// A tensor's bytes: accesses past its end are errors even where the memory goes on.
struct local_place {
  memory kind;
  std::uint64_t address;
  std::uint64_t bytes;
};
struct global_place {
  std::byte* base;
  std::uint64_t bytes;
};

// One call of a primitive. It ticks its pipe at birth; read and write check bounds, initialised bytes and order,
// and end the kernel with an error where they fail (by an exception that never leaves launch()).
class instruction {
 public:
  instruction(pipe_t pipe, const char* name, site where);

  bool waits_for_barriers() const { return after_barriers_; }
  action mutated() const { return mutated_; }
  bool dropped() const { return mutated_ == action::drop; }
  std::uint32_t epoch() const { return epoch_; }

  // `offset` in bytes from the tensor's start.
  const std::byte* read(const local_place& from, std::uint64_t offset, std::uint64_t bytes) const;
  std::byte* write(const local_place& to, std::uint64_t offset, std::uint64_t bytes) const;
  // Into the memory of another core of the block: 0 is AIC, 1 and 2 are AIV0 and AIV1.
  std::byte* write_at(int core, const local_place& to, std::uint64_t offset, std::uint64_t bytes) const;
  const std::byte* read(const global_place& from, std::uint64_t offset, std::uint64_t bytes) const;
  std::byte* write(const global_place& to, std::uint64_t offset, std::uint64_t bytes) const;
  // Scalar reads of global memory: a line that was written in this launch must have been dropped since.
  const std::byte* read_cached(const global_place& from, std::uint64_t offset, std::uint64_t bytes) const;
  void drop_cached(const global_place& at, bool all) const;
  // Bytes without meaning from now on: to read them is an error.
  void forget(const local_place& to, std::uint64_t offset, std::uint64_t bytes) const;
  // Neither checked nor remembered, only inside the memory: for bytes that read or write has seen.
  std::byte* bytes(const local_place& at, std::uint64_t offset, std::uint64_t bytes) const;
  // From here on, what this pipe has written counts as written: the pipe keeps the order itself.
  void in_order() { in_order_ = true; }
  // The other way round: what the own pipe has written counts as written after a barrier of this pipe only, whatever flags
  // have been round.
  void after_barriers() { after_barriers_ = true; }

  [[noreturn]] void fail(const std::string& what) const;
  void require(bool holds, const char* rule) const {
    if (!holds) fail(rule);
  }
  // "name is given, allowed are low..high".
  void range(const char* name, std::uint64_t given, std::uint64_t low, std::uint64_t high) const;
  void aligned(const char* name, std::uint64_t address, std::uint64_t to) const;
  // Applies the mutations of a destination; `bytes` is what the call will write there.
  void displace(local_place& to, std::uint64_t bytes) const;
  void displace(global_place& to) const;

 private:
  std::byte* bytes_at(int core, const local_place& at, std::uint64_t offset, std::uint64_t bytes) const;

  const char* name_;
  site where_;
  pipe_t pipe_;
  action mutated_ = action::none;
  bool in_order_ = false;
  bool after_barriers_ = false;
  std::uint32_t epoch_ = 0;
};

[[noreturn]] void fail(const char* name, site where, const std::string& what);
bool is_cube();
bool is_3510();
std::int64_t block_index();
std::int64_t block_count();
std::int64_t sub_block_index();
std::uint64_t capacity(memory kind);
// The same text as long as the program runs: for names of calls.
const char* lasting(const std::string& text);
// Where a buffer of the kernel's map begins: as given, unless a mutation moves it.
std::uint64_t buffer_address(memory kind, std::uint64_t address, std::uint64_t bytes, site where);
void count(const char* what, std::uint64_t amount);

}  // namespace ascend_model
