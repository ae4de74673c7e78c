// A model of llama.cpp's and contexts of it, as far as these programs need them. What fails ends the program with a message.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <ggml-backend.h>
#include <llama.h>

namespace programs {

[[noreturn]] inline void fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

inline void load_cpu(const std::string& folder) {
  llama_log_set([](ggml_log_level level, const char* text, void*) {
    if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
  }, nullptr);
  ggml_backend_load_all_from_path(folder.c_str());
  if (ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) == nullptr) fail("no CPU backend of ggml's in " + folder);
}

// From here on new contexts have it, those that there are do not.
inline void load_backend(const std::string& path) {
  if (ggml_backend_load(path.c_str()) == nullptr) fail("ggml does not load " + path);
}

using model = std::unique_ptr<llama_model, void (*)(llama_model*)>;

inline model load_model(const std::string& path) {
  model m(llama_model_load_from_file(path.c_str(), llama_model_default_params()), llama_model_free);
  if (!m) fail("llama.cpp does not load " + path);
  return m;
}

// The model with its weights as float32: the same numbers, and products that do not round what attention gives them to 8 bits.
inline std::string as_float32(const std::string& path, const std::string& wide) {
  if (std::ifstream(wide).good()) return wide;
  llama_model_quantize_params how = llama_model_quantize_default_params();
  how.ftype = LLAMA_FTYPE_ALL_F32;
  how.allow_requantize = true;
  const std::string part = wide + ".part";
  if (llama_model_quantize(path.c_str(), part.c_str(), &how) != 0 || std::rename(part.c_str(), wide.c_str()) != 0) {
    fail("llama.cpp does not write " + wide);
  }
  return wide;
}

// At least so many tokens of a text.
inline std::vector<llama_token> tokens_of(const model& m, const std::string& path, std::size_t least) {
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  std::vector<llama_token> tokens(text.size() + 8);
  const int count = llama_tokenize(llama_model_get_vocab(m.get()), text.data(), static_cast<int>(text.size()), tokens.data(),
                                   static_cast<int>(tokens.size()), true, false);
  if (count < static_cast<int>(least)) {
    fail(path + ": expected at least " + std::to_string(least) + " tokens, given " + std::to_string(count));
  }
  tokens.resize(static_cast<std::size_t>(count));
  return tokens;
}

struct context_settings {
  bool flash = true;
  ggml_type cache = GGML_TYPE_F16;
  std::uint32_t length = 0;
  int threads = 1;
  ggml_backend_sched_eval_callback watch = nullptr;
  void* watcher = nullptr;
};

class context {
 public:
  context(const model& m, const context_settings& s) : vocabulary_(llama_vocab_n_tokens(llama_model_get_vocab(m.get()))) {
    llama_context_params p = llama_context_default_params();
    p.n_ctx = s.length;
    p.n_batch = p.n_ubatch = 512;
    p.n_threads = p.n_threads_batch = s.threads;
    p.flash_attn_type = s.flash ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    p.type_k = p.type_v = s.cache;
    p.cb_eval = s.watch;
    p.cb_eval_user_data = s.watcher;
    p.no_perf = true;
    context_.reset(llama_init_from_model(m.get(), p));
    if (!context_) fail("llama.cpp makes no context");
  }

  void set_threads(int threads) { llama_set_n_threads(context_.get(), threads, threads); }
  int vocabulary() const { return vocabulary_; }

  // Tokens behind those that are there, in one batch of at most 512.
  void take(std::span<const llama_token> tokens, bool all_logits = false) {
    llama_batch batch = llama_batch_init(static_cast<int>(tokens.size()), 0, 1);
    batch.n_tokens = static_cast<int>(tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      batch.token[i] = tokens[i];
      batch.pos[i] = length_ + static_cast<int>(i);
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = 0;
      batch.logits[i] = all_logits || i + 1 == tokens.size();
    }
    const int result = llama_decode(context_.get(), batch);
    llama_synchronize(context_.get());
    llama_batch_free(batch);
    if (result != 0) fail("llama_decode fails: " + std::to_string(result));
    length_ += static_cast<int>(tokens.size());
  }
  void forget_behind(int length) {
    llama_memory_seq_rm(llama_get_memory(context_.get()), 0, length, -1);
    length_ = length;
  }
  std::span<const float> logits(int i) {
    return {llama_get_logits_ith(context_.get(), i), static_cast<std::size_t>(vocabulary_)};
  }
  int length() const { return length_; }

  // The cache of another context of the same kind.
  void copy_from(context& other) {
    std::vector<std::uint8_t> state(llama_state_seq_get_size(other.context_.get(), 0));
    llama_state_seq_get_data(other.context_.get(), state.data(), state.size(), 0);
    if (llama_state_seq_set_data(context_.get(), state.data(), state.size(), 0) == 0) fail("a cache cannot be copied");
    length_ = other.length_;
  }

 private:
  struct freed {
    void operator()(llama_context* c) const { llama_free(c); }
  };
  std::unique_ptr<llama_context, freed> context_;
  int vocabulary_;
  int length_ = 0;
};

// A type of ggml's by its name.
inline ggml_type cache_type(const std::string& name) {
  for (int type = 0; type < GGML_TYPE_COUNT; ++type) {
    const char* const known = ggml_type_name(static_cast<ggml_type>(type));
    if (known != nullptr && name == known) return static_cast<ggml_type>(type);
  }
  fail("ggml has no type " + name);
}

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What follows `--name` on a command line.
inline std::string argument(int count, char** arguments, const std::string& name, const std::string& otherwise = {}) {
  for (int i = 1; i + 1 < count; ++i) {
    if (arguments[i] == "--" + name) return arguments[i + 1];
  }
  if (otherwise.empty()) fail("expected --" + name);
  return otherwise;
}

}  // namespace programs
