#include "../include/ascend_model/synchronise.hpp"

#include "machine.hpp"

namespace ascend_model {
namespace {

// Ids 6 and 7 are left to the toolkit, 11..14 to SyncAll.
constexpr std::int32_t last_flag = 5;
constexpr std::uint32_t last_cross_core_flag = 10;
constexpr std::size_t most_signals = 15;

bool has_pipe(bool cube, pipe_t pipe) {
  switch (pipe) {
    case PIPE_S:
    case PIPE_MTE2:
    case PIPE_ALL: return true;
    case PIPE_V:
    case PIPE_MTE3: return !cube;
    default: return cube;
  }
}

void require_pipe(const char* name, pipe_t pipe, site where) {
  if (!has_pipe(is_cube(), pipe)) fail(name, where, std::string("this core has no pipe ") + name_of(pipe));
}

pipe_flag& flag_at(pipe_t from, pipe_t to, std::int32_t id) {
  return machine::here().self().flags[from][to][static_cast<std::size_t>(id)];
}

void set_once(const instruction& i, pipe_t from, pipe_t to, std::int32_t id, std::uint32_t epoch) {
  machine& m = machine::here();
  pipe_flag& f = flag_at(from, to, id);
  if (f.set) i.fail("a second Set before the Wait for " + m.describe(f.set_by));
  // In time, too: the pipe that sets must know that the other has seen the flag before.
  if (f.waited_by != 0 && !m.self().seen[from].knows(f.waited_by)) {
    i.fail("nothing orders this after " + m.describe(f.waited_by) + ", which may still wait for the Set before");
  }
  f = {true, m.complete(from), epoch, f.waited_by};
}

}  // namespace

const char* flag_site(const char* call, pipe_t from, pipe_t to, std::int32_t id) {
  return lasting(std::string(call) + "<" + name_of(from) + "_" + name_of(to) + ">(" + std::to_string(id) + ")");
}
const char* barrier_site(pipe_t pipe) { return lasting(std::string("PipeBarrier<") + name_of(pipe) + ">()"); }
const char* cross_core_site(const char* call, pipe_t pipe, std::uint32_t id) {
  return lasting(std::string(call) + "<" + name_of(pipe) + ">(" + std::to_string(id) + ")");
}

// The name of a call on a flag between two pipes that this core has.
static const char* checked_flag(const char* call, pipe_t from, pipe_t to, std::int32_t id, site where) {
  const char* name = flag_site(call, from, to, id);
  require_pipe(name, from, where);
  require_pipe(name, to, where);
  if (id < 0 || id > last_flag) fail(name, where, "flags have ids 0..5");
  return name;
}

void initialise(site where) {
  const bool first = !machine::here().self().has_started;
  const instruction i(PIPE_S, "InitSocState", where);
  i.require(first || i.dropped(), "stands behind other calls of this core");
}

void set_flag(pipe_t from, pipe_t to, std::int32_t id, site where) {
  const char* name = checked_flag("SetFlag", from, to, id, where);
  const instruction i(from, name, where);
  if (i.dropped()) return;
  if (i.mutated() == action::other_identifier) id = (id + 1) % (last_flag + 1);
  set_once(i, from, to, id, i.epoch());
  if (i.mutated() == action::twice) set_once(i, from, to, id, i.epoch());
}

void wait_flag(pipe_t from, pipe_t to, std::int32_t id, site where) {
  const char* name = checked_flag("WaitFlag", from, to, id, where);
  const instruction i(to, name, where);
  if (i.dropped()) return;
  if (i.mutated() == action::other_identifier) id = (id + 1) % (last_flag + 1);
  for (int times = i.mutated() == action::twice ? 2 : 1; times > 0; --times) {
    pipe_flag& f = flag_at(from, to, id);
    if (!f.set) i.fail("deadlock: no SetFlag stands before this wait");
    f.set = false;
    f.waited_by = i.epoch();
    core& c = machine::here().self();
    // The scalar unit starts the instructions of all pipes: where it waits, all that follow wait.
    if (to == PIPE_S) {
      for (clock& seen : c.seen) seen.join(f.seen);
    } else {
      c.seen[to].join(f.seen);
    }
  }
}

void pipe_barrier(pipe_t pipe, site where) {
  const char* name = barrier_site(pipe);
  require_pipe(name, pipe, where);
  machine& m = machine::here();
  const instruction i(pipe == PIPE_ALL ? PIPE_S : pipe, name, where);
  if (i.dropped()) return;
  core& c = m.self();
  clock all;
  for (int p = 0; p < pipes; ++p) {
    if (pipe != PIPE_ALL && p != pipe) continue;
    all.join(m.complete(static_cast<pipe_t>(p)));
    c.last_barrier[static_cast<std::size_t>(p)] = all.at[static_cast<std::size_t>(m.core_index() * pipes + p)];
  }
  if (pipe != PIPE_ALL) {
    c.seen[pipe] = all;
    return;
  }
  c.seen.fill(all);
}

void cross_core_set(int mode, pipe_t pipe, std::uint32_t id, site where) {
  const char* name = cross_core_site("CrossCoreSetFlag", pipe, id);
  require_pipe(name, pipe, where);
  if (mode != 2) fail(name, where, "the model knows mode 2 only");
  if (pipe == PIPE_ALL) fail(name, where, "a signal belongs to one pipe");
  if (id > last_cross_core_flag) fail(name, where, "cross-core flags have ids 0..10");
  machine& m = machine::here();
  const instruction i(pipe, name, where);
  if (i.dropped()) return;
  if (i.mutated() == action::other_identifier) id = (id + 1) % (last_cross_core_flag + 1);
  const int me = m.core_index();
  for (int times = i.mutated() == action::twice ? 2 : 1; times > 0; --times) {
    for (int to = me == 0 ? 1 : 0; to <= (me == 0 ? 2 : 0); ++to) {
      signals& s = m.core_at(to).incoming[static_cast<std::size_t>(me)][id];
      if (s.pending.size() >= most_signals) i.fail("more than 15 signals that nobody has waited for");
      s.pending.push_back(m.complete(pipe));
      s.set_by.push_back(i.epoch());
    }
  }
}

void cross_core_wait(pipe_t pipe, std::uint32_t id, site where) {
  const char* name = cross_core_site("CrossCoreWaitFlag", pipe, id);
  require_pipe(name, pipe, where);
  if (id > last_cross_core_flag) fail(name, where, "cross-core flags have ids 0..10");
  machine& m = machine::here();
  const instruction i(pipe == PIPE_ALL ? PIPE_S : pipe, name, where);
  if (i.dropped()) return;
  if (i.mutated() == action::other_identifier) id = (id + 1) % (last_cross_core_flag + 1);
  for (int times = i.mutated() == action::twice ? 2 : 1; times > 0; --times) {
    m.wait_until_signalled(static_cast<int>(id), where);
    core& c = m.self();
    for (int from = 0; from < cores; ++from) {
      if ((from == 0) == (m.core_index() == 0)) continue;
      signals& s = c.incoming[static_cast<std::size_t>(from)][id];
      if (pipe == PIPE_S || pipe == PIPE_ALL) {
        for (clock& seen : c.seen) seen.join(s.pending.front());
      } else {
        c.seen[pipe].join(s.pending.front());
      }
      s.pending.pop_front();
      s.set_by.pop_front();
    }
  }
}

}  // namespace ascend_model
