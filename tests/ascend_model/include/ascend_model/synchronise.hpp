// Flags between the pipes of a core, barriers, and signals between the cores of a block.
#pragma once

#include <array>

#include "instruction.hpp"

namespace ascend_model {

constexpr int hard_event(pipe_t from, pipe_t to) { return from * 8 + to; }
constexpr pipe_t event_from(int event) { return static_cast<pipe_t>(event / 8); }
constexpr pipe_t event_to(int event) { return static_cast<pipe_t>(event % 8); }

// Names of call sites: they live as long as the program.
const char* flag_site(const char* call, pipe_t from, pipe_t to, std::int32_t id);
const char* barrier_site(pipe_t pipe);
const char* cross_core_site(const char* call, pipe_t pipe, std::uint32_t id);

void initialise(site where);
void set_flag(pipe_t from, pipe_t to, std::int32_t id, site where);
void wait_flag(pipe_t from, pipe_t to, std::int32_t id, site where);
void pipe_barrier(pipe_t pipe, site where);
void cross_core_set(int mode, pipe_t pipe, std::uint32_t id, site where);
void cross_core_wait(pipe_t pipe, std::uint32_t id, site where);

}  // namespace ascend_model

namespace AscendC {

using TEventID = std::int8_t;

#define ASCEND_MODEL_EVENT(from, to) from##_##to = ::ascend_model::hard_event(PIPE_##from, PIPE_##to)
enum class HardEvent : int {
  ASCEND_MODEL_EVENT(MTE2, MTE1), ASCEND_MODEL_EVENT(MTE1, MTE2), ASCEND_MODEL_EVENT(MTE1, M),
  ASCEND_MODEL_EVENT(M, MTE1),    ASCEND_MODEL_EVENT(MTE2, V),    ASCEND_MODEL_EVENT(V, MTE2),
  ASCEND_MODEL_EVENT(MTE3, V),    ASCEND_MODEL_EVENT(V, MTE3),    ASCEND_MODEL_EVENT(MTE2, M),
  ASCEND_MODEL_EVENT(M, MTE2),    ASCEND_MODEL_EVENT(M, FIX),     ASCEND_MODEL_EVENT(FIX, M),
  ASCEND_MODEL_EVENT(MTE3, MTE2), ASCEND_MODEL_EVENT(MTE2, MTE3), ASCEND_MODEL_EVENT(S, V),
  ASCEND_MODEL_EVENT(V, S),       ASCEND_MODEL_EVENT(S, MTE2),    ASCEND_MODEL_EVENT(MTE2, S),
  ASCEND_MODEL_EVENT(S, MTE3),    ASCEND_MODEL_EVENT(MTE3, S),    ASCEND_MODEL_EVENT(MTE2, FIX),
  ASCEND_MODEL_EVENT(FIX, MTE2),  ASCEND_MODEL_EVENT(FIX, S),     ASCEND_MODEL_EVENT(M, S),
  ASCEND_MODEL_EVENT(MTE1, FIX),  ASCEND_MODEL_EVENT(FIX, MTE1),
};
#undef ASCEND_MODEL_EVENT

// Puts a core into its first state: stands before all other calls of a kernel that does without TPipe.
inline void InitSocState(ascend_model::site where = {}) { ascend_model::initialise(where); }

template <HardEvent event>
void SetFlag(std::int32_t id, ascend_model::site where = {}) {
  constexpr int e = static_cast<int>(event);
  ascend_model::set_flag(ascend_model::event_from(e), ascend_model::event_to(e), id, where);
}
template <HardEvent event>
void WaitFlag(std::int32_t id, ascend_model::site where = {}) {
  constexpr int e = static_cast<int>(event);
  ascend_model::wait_flag(ascend_model::event_from(e), ascend_model::event_to(e), id, where);
}
template <pipe_t pipe>
void PipeBarrier(ascend_model::site where = {}) {
  ascend_model::pipe_barrier(pipe, where);
}

// Mode 2: between the cube core and both of its vector cores.
template <std::uint8_t mode, pipe_t pipe>
void CrossCoreSetFlag(std::uint16_t id, ascend_model::site where = {}) {
  ascend_model::cross_core_set(mode, pipe, id, where);
}
template <std::uint8_t mode = 0, pipe_t pipe = PIPE_S>
void CrossCoreWaitFlag(std::uint16_t id, ascend_model::site where = {}) {
  ascend_model::cross_core_wait(pipe, id, where);
}

}  // namespace AscendC
