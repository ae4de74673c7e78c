/* An engine in C: its own threads and its own memory, and one plan for all layers of a decode step. Keys and values are a cache in
 * bfloat16, queries float32. Threads enter a layer together, as thread ith of nth, and leave it together. */
#define _POSIX_C_SOURCE 200112L
#include <crestmax/c/crestmax.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { kv_len = 20000, q_heads = 8, kv_heads = 2, head_dim = 64, layers = 3, threads = 2 };
enum { query_size = q_heads * head_dim, cache_size = kv_len * kv_heads * head_dim };

typedef struct layer {
  float query[query_size];
  float output[query_size];
  uint16_t* key; /* bfloat16: the upper half of a float */
  uint16_t* value;
  crestmax_runnable* attached;
} layer;

typedef struct engine {
  layer layers[layers];
  pthread_barrier_t barrier;
} engine;

typedef struct worker {
  engine* of;
  int32_t number;
} worker;

static void wait_for_all(void* user) { pthread_barrier_wait(user); }

static void* work(void* argument) {
  const worker* me = argument;
  engine* e = me->of;
  for (int i = 0; i < layers; ++i) {
    crestmax_status status;
    if (crestmax_run_in_team(e->layers[i].attached, me->number, threads, wait_for_all, &e->barrier, &status) != CRESTMAX_OK) {
      fprintf(stderr, "layer %d: %s\n", i, status.message);
    }
    /* The layer's matrix products would follow here, by the same threads. */
  }
  return NULL;
}

static crestmax_memory take_memory(size_t bytes) {
  crestmax_memory memory = {NULL, bytes};
  if (posix_memalign(&memory.data, CRESTMAX_ALIGNMENT, bytes) != 0) exit(1);
  return memory;
}

static void fill(layer* l, uint32_t seed) {
  l->key = take_memory(cache_size * sizeof(uint16_t)).data;
  l->value = take_memory(cache_size * sizeof(uint16_t)).data;
  for (int i = 0; i < 2 * cache_size + query_size; ++i) {
    seed = seed * 1664525u + 1013904223u;
    const uint16_t number = (uint16_t)(0x3e00u | (seed >> 16 & 0x81ffu)); /* of both signs, 0.125 to 2 */
    if (i < cache_size) l->key[i] = number;
    else if (i < 2 * cache_size) l->value[i - cache_size] = number;
    else l->query[i - 2 * cache_size] = (float)(seed >> 8) / 8388608.0f - 1.0f;
  }
}

static crestmax_tensors tensors_of(layer* l, float* output) {
  return crestmax_contiguous(crestmax_dense(l->query, CRESTMAX_FLOAT32, 1, 1, q_heads, head_dim),
                             crestmax_dense(l->key, CRESTMAX_BFLOAT16, 1, kv_len, kv_heads, head_dim),
                             crestmax_dense(l->value, CRESTMAX_BFLOAT16, 1, kv_len, kv_heads, head_dim),
                             crestmax_dense_output(output, CRESTMAX_FLOAT32, 1, 1, q_heads, head_dim));
}

static int failed(const char* what, const crestmax_status* status) {
  fprintf(stderr, "%s: %s: %s\n", what, crestmax_name_of_status(status->code), status->message);
  return 1;
}

/* The same bits as one call on one thread. */
static int check(layer* l, const crestmax_options* options) {
  crestmax_options alone = *options;
  crestmax_status status;
  float output[query_size];
  size_t bytes = 0;
  const crestmax_tensors tensors = tensors_of(l, output);
  if (crestmax_workspace_bytes(&tensors, options, 1, &bytes, &status) != CRESTMAX_OK) return failed("workspace_bytes", &status);
  alone.workspace = take_memory(bytes);
  if (crestmax_attention(&tensors, &alone, NULL, &status) != CRESTMAX_OK) return failed("attention", &status);
  free(alone.workspace.data);
  return memcmp(output, l->output, sizeof output) != 0;
}

int main(void) {
  static engine e;
  crestmax_status status;
  for (int i = 0; i < layers; ++i) fill(&e.layers[i], (uint32_t)i);

  /* Start-up: a plan, and what it asks for. The first layer's tensors say what its shapes are. */
  const crestmax_modifier modifiers[] = {crestmax_soft_cap(30.0f), crestmax_causal()};
  crestmax_options options = crestmax_default_options();
  options.modifiers = modifiers;
  options.modifier_count = sizeof modifiers / sizeof *modifiers;
  crestmax_tensors tensors = tensors_of(&e.layers[0], e.layers[0].output);
  crestmax_problem problem = crestmax_empty_problem();
  crestmax_plan_facts facts = crestmax_empty_facts();
  if (crestmax_problem_of(&tensors, &options, &problem, &status) != CRESTMAX_OK) return failed("problem_of", &status);
  const crestmax_memory plan = take_memory(crestmax_plan_bytes(problem.sequences));
  if (crestmax_make_plan(&problem, &options, plan, &status) != CRESTMAX_OK) return failed("make_plan", &status);
  if (crestmax_read_plan(plan, threads, &facts, &status) != CRESTMAX_OK) return failed("read_plan", &status);
  options.workspace = take_memory(facts.workspace_bytes);

  /* Layers run one after the other, so that one workspace serves all of them. */
  crestmax_memory runnables[layers];
  for (int i = 0; i < layers; ++i) {
    runnables[i] = take_memory(crestmax_runnable_bytes());
    tensors = tensors_of(&e.layers[i], e.layers[i].output);
    if (crestmax_attach(plan, threads, &tensors, &options, runnables[i], &e.layers[i].attached, &status) != CRESTMAX_OK) {
      return failed("attach", &status);
    }
  }

  worker workers[threads];
  pthread_t team[threads];
  pthread_barrier_init(&e.barrier, NULL, threads);
  for (int32_t i = 0; i < threads; ++i) {
    workers[i].of = &e;
    workers[i].number = i;
    if (i > 0 && pthread_create(&team[i], NULL, work, &workers[i]) != 0) return 1;
  }
  work(&workers[0]);
  for (int i = 1; i < threads; ++i) pthread_join(team[i], NULL);
  pthread_barrier_destroy(&e.barrier);

  int differ = 0;
  for (int i = 0; i < layers; ++i) differ += check(&e.layers[i], &options);
  printf("c_engine: crestmax %s, %s, %d layers, %d threads, %lld stages: %s as on one thread\n", crestmax_version(),
         crestmax_name_of_instruction_set(facts.instruction_set), layers, threads, (long long)facts.stages,
         differ == 0 ? "the same bits" : "NOT the same bits");
  for (int i = 0; i < layers; ++i) {
    free(e.layers[i].key);
    free(e.layers[i].value);
    free(runnables[i].data);
  }
  free(plan.data);
  free(options.workspace.data);
  return differ == 0 ? 0 : 1;
}
