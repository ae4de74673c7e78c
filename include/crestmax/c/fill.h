/* Structs of crestmax.h, filled in: their sizes, and what else has to be there. */
#ifndef CRESTMAX_C_FILL_H
#define CRESTMAX_C_FILL_H

#include <string.h>

#include "linkage.h"
#include "structs.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* Writes the defaults to a struct of so many bytes. */
CRESTMAX_C_API void crestmax_options_init(crestmax_options* options, size_t size);

static inline crestmax_options crestmax_default_options(void) {
  crestmax_options o;
  crestmax_options_init(&o, sizeof o);
  return o;
}

/* All zero but for their sizes. */
static inline crestmax_report crestmax_empty_report(void) {
  crestmax_report r;
  memset(&r, 0, sizeof r);
  r.size = sizeof r;
  return r;
}
static inline crestmax_problem crestmax_empty_problem(void) {
  crestmax_problem p;
  memset(&p, 0, sizeof p);
  p.size = sizeof p;
  return p;
}
static inline crestmax_plan_facts crestmax_empty_facts(void) {
  crestmax_plan_facts f;
  memset(&f, 0, sizeof f);
  f.size = sizeof f;
  return f;
}
static inline crestmax_pages crestmax_empty_pages(void) {
  crestmax_pages p;
  memset(&p, 0, sizeof p);
  p.size = sizeof p;
  return p;
}

static inline crestmax_coding crestmax_empty_coding(void) {
  crestmax_coding c;
  memset(&c, 0, sizeof c);
  c.size = sizeof c;
  return c;
}

static inline crestmax_written_cache crestmax_empty_written_cache(void) {
  crestmax_written_cache c;
  memset(&c, 0, sizeof c);
  c.size = sizeof c;
  return c;
}
static inline crestmax_new_rows crestmax_no_new_rows(void) {
  crestmax_new_rows r;
  memset(&r, 0, sizeof r);
  r.size = sizeof r;
  return r;
}

/* Dense tensors, the last dimension fastest. */
static inline crestmax_tensor crestmax_dense(const void* data, crestmax_type type, int64_t batch, int64_t length, int64_t heads,
                                             int64_t head_dim) {
  crestmax_tensor t;
  memset(&t, 0, sizeof t);
  t.data = data;
  t.type = type;
  t.extents[0] = batch;
  t.extents[1] = length;
  t.extents[2] = heads;
  t.extents[3] = head_dim;
  return t;
}

static inline crestmax_output crestmax_dense_output(void* data, crestmax_type type, int64_t batch, int64_t length, int64_t heads,
                                                    int64_t head_dim) {
  crestmax_output t;
  memset(&t, 0, sizeof t);
  t.data = data;
  t.type = type;
  t.extents[0] = batch;
  t.extents[1] = length;
  t.extents[2] = heads;
  t.extents[3] = head_dim;
  return t;
}

static inline crestmax_rows crestmax_dense_rows(void* data, crestmax_type type, int64_t batch, int64_t length, int64_t heads) {
  crestmax_rows r;
  memset(&r, 0, sizeof r);
  r.data = data;
  r.type = type;
  r.extents[0] = batch;
  r.extents[1] = length;
  r.extents[2] = heads;
  return r;
}

/* What a call reads and writes. */
static inline crestmax_tensors crestmax_contiguous(crestmax_tensor query, crestmax_tensor key, crestmax_tensor value, crestmax_output output) {
  crestmax_tensors t;
  memset(&t, 0, sizeof t);
  t.size = sizeof t;
  t.query = query;
  t.key = key;
  t.value = value;
  t.output = output;
  return t;
}

static inline crestmax_tensors crestmax_paged(crestmax_tensor query, const crestmax_pages* pages, crestmax_output output) {
  crestmax_tensors t;
  memset(&t, 0, sizeof t);
  t.size = sizeof t;
  t.query = query;
  t.pages = pages;
  t.output = output;
  return t;
}

/* Entries of a list of modifiers: see structs.h. */
static inline crestmax_modifier crestmax_modifier_of_kind(int32_t kind) {
  crestmax_modifier m;
  memset(&m, 0, sizeof m);
  m.size = sizeof m;
  m.kind = kind;
  return m;
}
static inline crestmax_modifier crestmax_causal(void) { return crestmax_modifier_of_kind(CRESTMAX_CAUSAL); }
static inline crestmax_modifier crestmax_sliding_window(int64_t left, int64_t right) {
  crestmax_modifier m = crestmax_modifier_of_kind(CRESTMAX_SLIDING_WINDOW);
  m.left = left;
  m.right = right;
  return m;
}
static inline crestmax_modifier crestmax_alibi(const float* slopes, size_t q_heads) {
  crestmax_modifier m = crestmax_modifier_of_kind(CRESTMAX_ALIBI);
  m.per_head = slopes;
  m.heads = q_heads;
  return m;
}
static inline crestmax_modifier crestmax_soft_cap(float cap) {
  crestmax_modifier m = crestmax_modifier_of_kind(CRESTMAX_SOFT_CAP);
  m.cap = cap;
  return m;
}
static inline crestmax_modifier crestmax_attention_sinks(const float* logits, size_t q_heads) {
  crestmax_modifier m = crestmax_modifier_of_kind(CRESTMAX_ATTENTION_SINKS);
  m.per_head = logits;
  m.heads = q_heads;
  return m;
}
static inline crestmax_modifier crestmax_additive_bias(crestmax_tensor table) {
  crestmax_modifier m = crestmax_modifier_of_kind(CRESTMAX_ADDITIVE_BIAS);
  m.table = table;
  return m;
}
static inline crestmax_modifier crestmax_boolean_mask(crestmax_tensor table) {
  crestmax_modifier m = crestmax_modifier_of_kind(CRESTMAX_BOOLEAN_MASK);
  m.table = table;
  return m;
}
static inline crestmax_modifier crestmax_mask_tensor(crestmax_tensor mask, crestmax_memory map) {
  crestmax_modifier m = crestmax_modifier_of_kind(CRESTMAX_MASK_TENSOR);
  m.table = mask;
  m.map = map;
  return m;
}
/* Dense rows of words: see CRESTMAX_TREE_MASK. */
static inline crestmax_modifier crestmax_tree_mask(const uint64_t* bits, int64_t sequences, int64_t q_len, int64_t words) {
  crestmax_modifier m = crestmax_modifier_of_kind(CRESTMAX_TREE_MASK);
  m.table = crestmax_dense(bits, CRESTMAX_WORD, sequences, 1, q_len, words);
  return m;
}
static inline crestmax_modifier crestmax_custom_score(double (*score)(void* user, double score, const crestmax_position* at), void* user) {
  crestmax_modifier m = crestmax_modifier_of_kind(CRESTMAX_CUSTOM_SCORE);
  m.score = score;
  m.user = user;
  return m;
}
static inline crestmax_modifier crestmax_custom_mask(int32_t (*visible)(void* user, const crestmax_position* at), void* user) {
  crestmax_modifier m = crestmax_modifier_of_kind(CRESTMAX_CUSTOM_MASK);
  m.visible = visible;
  m.user = user;
  return m;
}

/* Dense rows, one for each of `sequences`, or one for all. */
static inline crestmax_positions crestmax_dense_positions(const int32_t* key, int64_t kv_len, const int32_t* query, int64_t q_len, int64_t sequences) {
  crestmax_positions p;
  memset(&p, 0, sizeof p);
  p.size = sizeof p;
  p.key = key;
  p.key_rows = sequences;
  p.key_count = p.key_stride = kv_len;
  p.query = query;
  p.query_rows = sequences;
  p.query_count = p.query_stride = q_len;
  return p;
}
/* The same modifier, by positions. */
static inline crestmax_modifier crestmax_at_positions(const crestmax_positions* positions, crestmax_modifier m) {
  m.positions = positions;
  return m;
}

#if defined(__cplusplus)
}
#endif

#endif
