/* Exact softmax attention from C, or from any language that calls C. C99 and later, and C++.
 *
 * One C++20 file of the program includes crestmax/c/implementation.hpp; everything else sees this header alone. Before
 * either is included, and the same for both, a program may define
 *
 *   CRESTMAX_C_PREFIX   what the names of all functions begin with when they are linked, as in my_engine_: two copies of the library in one
 *                       process, one in a plug-in perhaps, do not meet. Calls are written as they are here.
 *   CRESTMAX_C_HIDDEN   functions are seen inside the program or library that they are linked into, and not from outside.
 *   CRESTMAX_C_SHARED   functions are those of a shared library: exported where they are defined, imported elsewhere.
 *
 * Nothing is allocated, thrown or kept: memory is the caller's, and so are threads. Functions that can fail return a code and fill
 * a crestmax_status, which may be null; nothing has been written then, but see CRESTMAX_SOURCE_FAILED. Any function may be called by any thread.
 *
 * Structs that may grow begin with their size; fill.h makes them, size and all. One of a caller that was compiled with an
 * older header is read as far as it goes, and has defaults behind. In one of a newer header, what is unknown here must be zero.
 */
#ifndef CRESTMAX_C_CRESTMAX_H
#define CRESTMAX_C_CRESTMAX_H

#include "fill.h"
#include "linkage.h"
#include "structs.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* ---- Calls in one step ---- */

/* Bytes that options->workspace of such a call must have. Options may be null here and below: the defaults. */
CRESTMAX_C_CHECKED crestmax_code crestmax_workspace_bytes(const crestmax_tensors* tensors, const crestmax_options* options, int32_t workers,
                                                          size_t* bytes, crestmax_status* status);

/* Attention. With `parallel` null everything is run by the calling thread. */
CRESTMAX_C_CHECKED crestmax_code crestmax_attention(const crestmax_tensors* tensors, const crestmax_options* options,
                                                    const crestmax_parallel_for* parallel, crestmax_status* status);

/* Looks through a block table once, for all calls on pages with the same table and lengths: what is found goes into pages.checked. */
CRESTMAX_C_CHECKED crestmax_code crestmax_check_pages(const crestmax_pages* pages, crestmax_checked_pages* checked, crestmax_status* status);

/* ---- Calls in steps: problem -> plan -> attach -> runnable ---- */

/* The problem that a call is. */
CRESTMAX_C_CHECKED crestmax_code crestmax_problem_of(const crestmax_tensors* tensors, const crestmax_options* options, crestmax_problem* problem,
                                                     crestmax_status* status);

/* Bytes of a plan of so many sequences. */
CRESTMAX_C_API size_t crestmax_plan_bytes(int64_t sequences);

/* Decides everything that shapes, lengths and options decide. A plan has no pointers in it, may be copied, and serves every call of this
 * shape with these options and this build of the library. Of a paged cache, its key_lengths are given as options->key_lengths. Time:
 * O(sequences). */
CRESTMAX_C_CHECKED crestmax_code crestmax_make_plan(const crestmax_problem* problem, const crestmax_options* options, crestmax_memory plan,
                                                    crestmax_status* status);
CRESTMAX_C_CHECKED crestmax_code crestmax_read_plan(crestmax_memory plan, int32_t workers, crestmax_plan_facts* facts, crestmax_status* status);

/* Writes a plan and its reasons as a few lines of text; returns the length of all of it, 0 where there is no plan. */
CRESTMAX_C_API size_t crestmax_describe_plan(crestmax_memory plan, char* text, size_t bytes);

/* A plan attached to tensors and memory. It lies in memory of the caller's, stays where it is, and needs no clean-up. */
typedef struct crestmax_runnable crestmax_runnable;
CRESTMAX_C_API size_t crestmax_runnable_bytes(void);

/* Finds everything that can be wrong with a call, before an output is written. Tensors' and modifiers' data, plan and workspace must outlive what
 * it makes; structs need not. `result` is null where the call is refused. Time: O(sequences). */
CRESTMAX_C_CHECKED crestmax_code crestmax_attach(crestmax_memory plan, int32_t workers, const crestmax_tensors* tensors,
                                                 const crestmax_options* options, crestmax_memory runnable, crestmax_runnable** result,
                                                 crestmax_status* status);

/* Call me for every item: begin; for each stage every item, in any order and by any workers, then a barrier; collect.
 * An item, stage or worker that there is not is not run, and collect says so. `report` may be null. */
CRESTMAX_C_CHECKED crestmax_code crestmax_begin(crestmax_runnable* runnable, crestmax_status* status);
CRESTMAX_C_API int64_t crestmax_stages(const crestmax_runnable* runnable);
CRESTMAX_C_API int64_t crestmax_items(const crestmax_runnable* runnable, int64_t stage);
CRESTMAX_C_API void crestmax_run(crestmax_runnable* runnable, int64_t stage, int64_t item, int32_t worker);
CRESTMAX_C_CHECKED crestmax_code crestmax_collect(const crestmax_runnable* runnable, crestmax_report* report, crestmax_status* status);

/* I am thread ith of nth: each of them calls this once, and it begins, runs all stages, and returns when all is done; one of
 * them collects then. `barrier` returns when all nth threads have called it. Items are handed out by counters in the runnable, as threads become
 * free. nth is at most the number of workers that the call was attached for. All threads get the same code. */
CRESTMAX_C_CHECKED crestmax_code crestmax_run_in_team(crestmax_runnable* runnable, int32_t ith, int32_t nth, void (*barrier)(void* user),
                                                      void* user, crestmax_status* status);

/* ---- Maps of mask tensors ---- */

/* What CRESTMAX_MASK_TENSOR goes by: what the mask hides and adds, built once for all heads and calls that share the mask, as long as its
 * entries stay. Of a mask of this type, these extents and strides; a call with another is refused. Bytes of the map: */
CRESTMAX_C_CHECKED crestmax_code crestmax_mask_map_bytes(const crestmax_tensor* mask, size_t* bytes, crestmax_status* status);

/* Builds a map in memory of the caller's, at a multiple of 8. With `parallel` null the calling thread does it. Time: O(entries), those along
 * which the mask is broadcast counted once. */
CRESTMAX_C_CHECKED crestmax_code crestmax_build_mask_map(const crestmax_tensor* mask, crestmax_memory map, const crestmax_parallel_for* parallel,
                                                         crestmax_status* status);

/* The same in steps: begin says how many items there are (of 16 rows each); every item is run once, by any threads, in any order; after a
 * barrier, finish. An item that there is not is not run; a map without one of its items is not finished. */
CRESTMAX_C_CHECKED crestmax_code crestmax_begin_mask_map(const crestmax_tensor* mask, crestmax_memory map, int64_t* items, crestmax_status* status);
CRESTMAX_C_CHECKED crestmax_code crestmax_run_mask_map(const crestmax_tensor* mask, crestmax_memory map, int64_t item, crestmax_status* status);
CRESTMAX_C_CHECKED crestmax_code crestmax_finish_mask_map(const crestmax_tensor* mask, crestmax_memory map, crestmax_status* status);

/* ---- Caches ---- */

/* Puts new keys, or new values, into a cache, encoded as its type says; append.hpp has what is written. With `parallel` null the calling thread does it. */
CRESTMAX_C_CHECKED crestmax_code crestmax_append(const crestmax_new_rows* rows, const crestmax_written_cache* cache,
                                                 const crestmax_parallel_for* parallel, crestmax_status* status);

/* Takes a sequence from `from` keys back to `to`, so that crestmax_append can go on from there; key `to` has this slot. Something is done only where keys
 * are coded in blocks: rows of a block that is whole no more are decoded, with the error that their codes have. */
CRESTMAX_C_CHECKED crestmax_code crestmax_truncate(const crestmax_written_cache* cache, int64_t sequence, int64_t from, int64_t to, int64_t slot,
                                                   crestmax_status* status);

/* ---- Queries ---- */

CRESTMAX_C_API const char* crestmax_version(void);       /* "0.1.0" */
CRESTMAX_C_API int32_t crestmax_version_number(void);    /* 10000 * major + 100 * minor + patch */
CRESTMAX_C_API const char* crestmax_name_of_status(crestmax_code code); /* "null_pointer"; "unknown" of what is none, here and below */
CRESTMAX_C_API const char* crestmax_name_of_type(crestmax_type type);
CRESTMAX_C_API const char* crestmax_name_of_instruction_set(int32_t set);
CRESTMAX_C_API int32_t crestmax_widest_instruction_set(void); /* of this machine and build */
CRESTMAX_C_API int32_t crestmax_has_instruction_set(int32_t set);

#if defined(__cplusplus)
}
#endif

#endif
