/* Constants and structs of crestmax.h: see there for how they grow. */
#ifndef CRESTMAX_C_STRUCTS_H
#define CRESTMAX_C_STRUCTS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

/* ---- What went wrong ---- */

enum {
  CRESTMAX_OK = 0,
  CRESTMAX_NULL_POINTER = 1,         /* a required pointer is null */
  CRESTMAX_BAD_EXTENT = 2,           /* an extent is negative or overflows */
  CRESTMAX_BAD_STRIDE = 3,           /* strides overflow, or the innermost dimension is not contiguous */
  CRESTMAX_MISMATCH = 4,             /* two arguments disagree */
  CRESTMAX_OVERLAP = 5,              /* an output shares memory with an input or another output */
  CRESTMAX_BAD_OPTION = 6,           /* a value is outside of its range, or is none of its constants */
  CRESTMAX_BAD_INDEX = 7,            /* a block table entry, offset or length points outside */
  CRESTMAX_WORKSPACE_TOO_SMALL = 8,  /* the caller's memory is too small */
  CRESTMAX_MISALIGNED = 9,           /* the caller's memory is not aligned as asked */
  CRESTMAX_UNSUPPORTED = 10,         /* a valid request that is not served */
  CRESTMAX_UNAVAILABLE = 11,         /* an instruction set that this machine or build does not have */
  CRESTMAX_OUT_OF_MEMORY = 12,       /* 12 to 14 are of C++ alone */
  CRESTMAX_NOT_COMPILED = 13,
  CRESTMAX_DEVICE_ERROR = 14,
  CRESTMAX_TOO_LARGE = 15,           /* the call's memory would pass what the machine can address */
  CRESTMAX_SOURCE_FAILED = 16,       /* a block table was spoilt while the call ran: rows that needed it are NaN */
  CRESTMAX_BAD_STRUCT = 17           /* a struct of another version */
};
typedef int32_t crestmax_code; /* one of these */

enum { CRESTMAX_MESSAGE_BYTES = 244 };

typedef struct crestmax_status {
  crestmax_code code;
  char message[CRESTMAX_MESSAGE_BYTES]; /* "ok", or a sentence that names the argument, what was expected and what was given */
} crestmax_status;

/* ---- The caller's memory ---- */

enum {
  CRESTMAX_FLOAT32 = 1,
  CRESTMAX_FLOAT64 = 2,
  CRESTMAX_FLOAT16 = 3,  /* IEEE 754 binary16 */
  CRESTMAX_BFLOAT16 = 4, /* the upper half of a binary32 */
  CRESTMAX_BYTE = 5,     /* of a mask: 0 hides */
  CRESTMAX_WORD = 6,     /* of a tree: 64 bits, a uint64_t */
  /* Of keys and values alone: rows of bytes that stand for numbers, encodings.hpp says how. Extents count numbers, strides bytes. The first six are ggml's. */
  CRESTMAX_Q8_0 = 7,
  CRESTMAX_Q4_0 = 8,
  CRESTMAX_Q4_1 = 9,
  CRESTMAX_Q5_0 = 10,
  CRESTMAX_Q5_1 = 11,
  CRESTMAX_IQ4_NL = 12,
  CRESTMAX_INT8 = 13, /* from here on with scales and offsets of options.key_coding and value_coding */
  CRESTMAX_UINT8 = 14,
  CRESTMAX_UINT4 = 15,
  CRESTMAX_FLOAT8_E4M3 = 16, /* without infinities */
  CRESTMAX_FLOAT8_E5M2 = 17,
  CRESTMAX_PLANES16 = 18 /* by channel or by token, with minimums: strides along keys are those of blocks of 64 keys */
};
typedef int32_t crestmax_type; /* one of these */

/* Strides count elements, and all four 0 stand for dense ones, the last dimension fastest: one number for all pairs of a table has extents of 1. The
 * last dimension must be contiguous.
 *   query  (batch, q_len, q_heads, d_qk)    key    (batch, kv_len, kv_heads, d_qk)
 *   output (batch, q_len, q_heads, d_v)     value  (batch, kv_len, kv_heads, d_v)      q_heads is a multiple of kv_heads */
typedef struct crestmax_tensor {
  const void* data;
  crestmax_type type;
  int64_t extents[4];
  int64_t strides[4];
} crestmax_tensor;

typedef struct crestmax_output {
  void* data;
  crestmax_type type;
  int64_t extents[4];
  int64_t strides[4];
} crestmax_output;

/* One number per query row, (batch, q_len, q_heads), float32 or float64; all zero: not wanted. */
typedef struct crestmax_rows {
  void* data;
  crestmax_type type;
  int64_t extents[3];
  int64_t strides[3];
} crestmax_rows;

typedef struct crestmax_numbers { /* all zero: none */
  const int32_t* data;
  size_t count;
} crestmax_numbers;

enum { CRESTMAX_ALIGNMENT = 64 }; /* of all memory that is given to the library; a plan's may have 8 */

typedef struct crestmax_memory {
  void* data;
  size_t bytes;
} crestmax_memory;

/* Made by crestmax_check_pages. */
typedef struct crestmax_checked_pages {
  const int32_t* table;
  const int32_t* lengths;
  const int32_t* offsets;
  size_t entries;
  size_t sequences;
  int64_t table_stride;
  int64_t page_size;
  int64_t pages;
} crestmax_checked_pages;

/* A paged cache: the keys of sequence b live in pages block_table[b][0], [1], ... The table is rectangular (sequences x table_stride
 * entries) or compressed (page_offsets of sequences + 1 entries). Entries behind a sequence's last page are never read. */
typedef struct crestmax_pages {
  size_t size;
  crestmax_tensor key_pages;   /* (pages, page_size, kv_heads, d_qk) */
  crestmax_tensor value_pages; /* (pages, page_size, kv_heads, d_v) */
  crestmax_numbers block_table;
  crestmax_numbers key_lengths; /* one per sequence */
  int64_t table_stride;
  crestmax_numbers page_offsets;
  crestmax_checked_pages checked; /* all zero: every call looks through the table */
} crestmax_pages;

typedef struct crestmax_tensors {
  size_t size;
  crestmax_tensor query;
  crestmax_tensor key; /* key and value, or pages in their place */
  crestmax_tensor value;
  const crestmax_pages* pages;
  crestmax_output output;
} crestmax_tensors;

/* ---- What modifies the scores ---- */

/* Where a score stands. The last query stands at the last key: query = query_index + kv_len - q_len, negative before the first key. */
typedef struct crestmax_position {
  int64_t sequence;
  int64_t head;
  int64_t query;
  int64_t query_index; /* row of the query tensor, counted from the sequence's first */
  int64_t key;
} crestmax_position;

/* Queries first_query to last_query (positions) and keys first_key, first_key + key_step, ... last_key of one head, inclusive. */
typedef struct crestmax_range {
  int64_t sequence;
  int64_t head;
  int64_t first_query;
  int64_t last_query;
  int64_t query_offset; /* position of query_index 0 */
  int64_t first_key;
  int64_t last_key;
  int64_t key_step;
} crestmax_range;

enum { CRESTMAX_SEES_NONE = 0, CRESTMAX_SEES_SOME = 1, CRESTMAX_SEES_ALL = 2 };

/* Scores, in nats, pass through the modifiers of a list from first to last, then through its masks. */
enum {
  CRESTMAX_CAUSAL = 1,          /* query i sees keys j <= i; align: CRESTMAX_TOP_LEFT has i count from the first query */
  CRESTMAX_SLIDING_WINDOW = 2,  /* query i sees keys i - left <= j <= i + right; a negative side is unlimited */
  CRESTMAX_ALIBI = 3,           /* adds per_head[head] * (key - query) */
  CRESTMAX_SOFT_CAP = 4,        /* s -> cap * tanh(s / cap) */
  CRESTMAX_ATTENTION_SINKS = 5, /* per_head: one more logit that joins the denominator and has no value */
  CRESTMAX_ADDITIVE_BIAS = 6,   /* table (sequences, q_heads, q_len, kv_len), extents of 1 are broadcast: s -> s + bias */
  CRESTMAX_BOOLEAN_MASK = 7,    /* table of CRESTMAX_BYTE: a key is visible where it is not 0 */
  CRESTMAX_CUSTOM_SCORE = 8,    /* score: called for pairs of query and key that all masks leave visible, no others */
  CRESTMAX_CUSTOM_MASK = 9,     /* visible, and for speed classify and reachable */
  /* table (sequences, q_heads, q_len, first_key + kv_len), extents of 1 are broadcast: of CRESTMAX_BYTE, where 0 hides, or
   * of numbers that are added to scores, where -inf and the lowest number of the type hide; and the map that was built of it. Indexed by the
   * query's row and the key's position in their sequence. modifiers/mask_tensor.hpp has the rest. */
  CRESTMAX_MASK_TENSOR = 10,
  CRESTMAX_TREE_MASK = 11       /* table (sequences, 1, q_len, words) of CRESTMAX_WORD: of the last q_len keys, query i sees key j if bit j % 64 of
                                 * word j / 64 of its row is set; all earlier keys */
};
enum { CRESTMAX_MOST_MODIFIERS = 16 }; /* of a list */
enum { CRESTMAX_BOTTOM_RIGHT = 0, CRESTMAX_TOP_LEFT = 1 };

/* Positions by place in the sequence, 0 or more, in any order: one row for each sequence, or one for all. Rows of keys have at least kv_len numbers,
 * those of queries q_len; strides are numbers from row to row. modifiers/positions.hpp has the rest. */
typedef struct crestmax_positions {
  size_t size;
  const int32_t* key;
  int64_t key_rows, key_count, key_stride;
  const int32_t* query;
  int64_t query_rows, query_count, query_stride;
} crestmax_positions;

/* Made by the functions below; members of other kinds are not read, but positions and align, which other kinds refuse. Callbacks are pure, and called by all threads of a call. */
typedef struct crestmax_modifier {
  size_t size;
  int32_t kind;
  int32_t off;           /* not 0: as if it were not in the list */
  int64_t left, right;
  float cap;             /* nats, above 0 */
  const float* per_head; /* `heads` numbers, one per query head */
  size_t heads;
  crestmax_tensor table;
  void* user; /* what callbacks get */
  double (*score)(void* user, double score, const crestmax_position* at);
  int32_t (*visible)(void* user, const crestmax_position* at);       /* 0: hidden */
  int32_t (*classify)(void* user, const crestmax_range* range);      /* CRESTMAX_SEES_...; null: some */
  void (*reachable)(void* user, const crestmax_range* range,         /* [begin, end) has all keys that are visible; null: all keys */
                    int64_t* begin, int64_t* end);
  crestmax_memory map; /* these three and per_head of CRESTMAX_MASK_TENSOR: factors of what is added, or null */
  int64_t first_key;
  int32_t repeats_heads_and_sequences;
  const crestmax_positions* positions; /* of causal, sliding_window and alibi: they go by these; null: by places. Read when a call is made or attached */
  int32_t align;                       /* of causal */
} crestmax_modifier;

/* ---- Options ---- */

enum { /* in rising order of width but for architectures; every set has those before it of its own */
  CRESTMAX_SET_ANY = 0, /* as the machine has */
  CRESTMAX_SET_GENERIC = 1,
  CRESTMAX_SET_NEON = 2,
  CRESTMAX_SET_NEON_BF16 = 3,
  CRESTMAX_SET_AVX2 = 4,
  CRESTMAX_SET_AVX512 = 5,
  CRESTMAX_SET_AVX512_BF16 = 6,
  CRESTMAX_SET_AMX = 7
};
enum { CRESTMAX_RUNNING_MAX = 0, CRESTMAX_LAZY_MAX = 1, CRESTMAX_ANCHOR_SHIFT = 2, CRESTMAX_SAMPLED_MAX = 3 };
enum { CRESTMAX_PLANNER = 0, CRESTMAX_ON = 1, CRESTMAX_OFF = 2 };
enum { CRESTMAX_EVERYTHING = 0, CRESTMAX_ABOVE = 1, CRESTMAX_PLATEAUS = 2 };
/* Of caches in planes: as many planes of each key as keep a row's output within a tolerance, see options.hpp. */
enum { CRESTMAX_WITHIN = 3, CRESTMAX_WITHIN_BOUND = 4, CRESTMAX_WITHIN_BOUND_OF_OUTPUT = 5 };
enum { CRESTMAX_PRODUCTS_EXACT = 0, CRESTMAX_PRODUCTS_INTEGER = 1 /* queries and weights rounded to 15 bits */ };
enum { CRESTMAX_WEIGHTS_PLANNER = 0, CRESTMAX_WEIGHTS_FLOAT32 = 1, CRESTMAX_WEIGHTS_FLOAT16 = 2, CRESTMAX_WEIGHTS_BFLOAT16 = 3 };

/* What a call did. Counts are of pairs of query row and key unless said otherwise; report.hpp has each number's meaning in full. */
typedef struct crestmax_report {
  size_t size;
  const char* backend;
  const char* instruction_set;
  const char* weights; /* what weights were rounded to, in some blocks at least */
  int64_t rows;        /* query rows (query x head) */
  int64_t pairs_visible, pairs_sampled, pairs_crest, pairs_plateau, pairs_accumulated, pairs_skipped, pairs_masked;
  int64_t bytes_read; /* of keys and values */
  int64_t rescales;
  int64_t rows_corrected;
  double max_dropped_mass;
  double max_dropped_estimate;
  double max_undershoot_bound;
  double lipschitz;
  double max_undershoot; /* this and the next two: with options.diagnostics */
  double max_sampling_bound;
  int64_t rows_above_bound;
  int32_t dropped_mass_kind; /* 0 none, 1 rigorous, 2 hypothesis, 3 estimate */
  int32_t lipschitz_from;    /* 0 none, 1 stated, 2 estimated, 3 measured */
  double max_output_error;   /* the largest of options.output_error, and the next three: of CRESTMAX_WITHIN and what is like it */
  int64_t keys_refined;
  int64_t rows_read_on;
  int32_t output_error_kind; /* 0 none, 1 sigma, 2 bound */
} crestmax_report;

/* Scales or offsets of encoded rows: one for each (batch or page, key, head, group of the row), by strides in elements; a stride of 0 has one for
 * all. Of float32, float16 or bfloat16; all zero: none. */
typedef struct crestmax_coding_numbers {
  const void* data;
  crestmax_type type;
  int64_t strides[4];
} crestmax_coding_numbers;

enum { CRESTMAX_ZERO_POINT = 0, CRESTMAX_MINIMUM = 1 }; /* scale * (code - offset), scale * code + offset */

/* What stands beside encoded keys, or values: row_coding in encodings.hpp has each member's meaning in full. */
typedef struct crestmax_coding {
  size_t size;
  crestmax_coding_numbers scales;
  crestmax_coding_numbers offsets;
  int32_t offset;     /* CRESTMAX_ZERO_POINT, CRESTMAX_MINIMUM */
  int64_t group;      /* neighbouring numbers of a row that share a scale; 0: all of them */
  int64_t keys;       /* neighbouring keys that share them; 0 and 1: none do */
  const void* open;   /* with more: rows of float16 or bfloat16 of the last kv_len % keys keys, (sequence, key, head, head_dim) */
  crestmax_type open_type;
  int64_t open_strides[3];
} crestmax_coding;

/* Made by crestmax_default_options: exact, and planned by the library. options.hpp has each option's meaning in full. */
typedef struct crestmax_options {
  size_t size;
  const crestmax_modifier* modifiers; /* in the order in which they act */
  size_t modifier_count;
  int32_t has_scale; /* 0: 1 / sqrt(d_qk) */
  double scale;

  crestmax_rows lse;          /* natural log of the sum of exp(score), sinks included */
  crestmax_rows row_max;      /* the true maximum score: a second pass over all of them */
  crestmax_rows dropped_mass; /* the share of a row's weight that the coverage left out */
  crestmax_report* report;    /* of crestmax_attention; may be null */

  /* Ragged batches. Offsets (sequences + 1, rising from 0) pack sequences end to end in a tensor whose batch extent is
   * 1; lengths (one per sequence) say how much of each row is used. */
  crestmax_numbers query_offsets, key_offsets, query_lengths, key_lengths;

  crestmax_memory workspace; /* as crestmax_workspace_bytes or crestmax_read_plan says */

  int32_t most_instruction_set;  /* never wider than this */
  int32_t least_instruction_set; /* a call without it is refused; the same as the other: this one and no other */

  int32_t coverage; /* CRESTMAX_EVERYTHING: exact */
  double tau;       /* of CRESTMAX_ABOVE, nats */

  int32_t method; /* CRESTMAX_SAMPLED_MAX */
  int32_t coarse; /* CRESTMAX_PLANNER, CRESTMAX_ON, CRESTMAX_OFF */
  int64_t stride, radius, windows;
  int64_t first_keys, nearest_keys;
  int32_t has_margin; /* 0: the method's own */
  double margin;      /* nats above the crest */
  double threshold;   /* of CRESTMAX_LAZY_MAX, nats */

  int32_t weights; /* CRESTMAX_WEIGHTS_... */
  int64_t query_block, key_tile, splits; /* 0: by the planner */
  double guard_limit;
  int32_t has_lipschitz;
  double lipschitz;    /* nats */
  int32_t diagnostics; /* not 0: also measure the true undershoot */

  const crestmax_coding* key_coding; /* null: nothing stands beside encoded rows */
  const crestmax_coding* value_coding;
  int32_t products; /* CRESTMAX_PRODUCTS_..., of encoded keys and values in blocks of few rows */

  double tolerance;           /* of CRESTMAX_WITHIN and what is like it: a share of the norm of a row's output, 0.01 is 1 % */
  crestmax_rows output_error; /* how far a row's output may lie from that of all planes: 0 where all were read */
} crestmax_options;

/* ---- Calls ---- */

typedef void (*crestmax_item)(void* context, int64_t item, int32_t worker);

/* Who runs the independent items of a stage. `run` calls body(context, item, worker) once for every item in [0, count),
 * worker in [0, workers), never twice at a time with the same worker, and returns when all are done. */
typedef struct crestmax_parallel_for {
  int32_t workers;
  void (*run)(void* user, int64_t count, crestmax_item body, void* context);
  void* user;
} crestmax_parallel_for;

/* Shapes without tensors. Lengths of a ragged batch are with the options. */
typedef struct crestmax_problem {
  size_t size;
  int64_t sequences, q_len, kv_len, q_heads, kv_heads, d_qk, d_v;
  crestmax_type query_type, key_type, value_type, output_type;
  int32_t row_max; /* not 0: options.row_max will be asked for */
  int32_t paged;
  int32_t workers; /* that items are made for; 0: not known. Any number may run them, and no bit depends on it */
} crestmax_problem;

/* A cache of keys, or of values, that is written to: numbers or encoded rows, (pages or batch, page_size or kv_len, kv_heads, head_dim). */
typedef struct crestmax_written_cache {
  size_t size;
  crestmax_tensor rows; /* written through its pointer */
  /* As options.key_coding or value_coding of the calls that read it. What each key, or each block of keys, has of its own is computed, and written
   * through these pointers; what all keys share is the caller's. */
  const crestmax_coding* coding;
  int64_t sequences;             /* with coding.keys > 1: those that coding.open has room for */
  int32_t most_instruction_set;  /* CRESTMAX_SET_ANY: as the machine has */
} crestmax_written_cache;

/* New rows of it. */
typedef struct crestmax_new_rows {
  size_t size;
  crestmax_tensor rows;  /* (1, tokens, kv_heads, head_dim) of numbers */
  const int64_t* slots;  /* one per token: page * page_size + place in the page; negative: left out */
  size_t slot_count;
  crestmax_numbers sequence_of; /* with coding.keys > 1: the sequence of each token */
} crestmax_new_rows;

typedef struct crestmax_plan_facts {
  size_t size;
  int64_t sequences;
  int64_t stages;
  int64_t items[3]; /* of each stage */
  int32_t instruction_set;
  size_t workspace_bytes; /* of options.workspace, for so many workers */
} crestmax_plan_facts;

#if defined(__cplusplus)
}
#endif

#endif
