// The same tokens of real text through ggml's attention and through crestmax's: do the next words agree, and which of the two is
// nearer to float64 math on what the model's own attention was given? Ends with an error where they do not agree.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "attention_server.hpp"
#include "ggml_operator.hpp"
#include "llama_context.hpp"
#include "reference.hpp"
#include "text_surprise.hpp"

namespace {

using programs::argument;
using programs::context;

constexpr int tokens_in_all = 1024;
constexpr int tokens_of_prompt = 512;  // in one batch; the others one by one
constexpr double telling_gap = 0.1;    // of ggml's two best logits
constexpr double largest_difference_of_perplexity = 0.001;

// Squares of errors and of what they are errors of.
struct error_sum {
  double errors = 0;
  double squares = 0;
  void add(double given, double wanted) {
    errors += (given - wanted) * (given - wanted);
    squares += wanted * wanted;
  }
  double relative() const { return squares > 0 ? std::sqrt(errors / squares) : 0; }
};

// Looks at the attention of some evaluations of a context that runs on ggml's kernels: what they gave, and what crestmax gives for
// the same tensors, beside float64.
class captures {
 public:
  bool on = false;
  error_sum of_ggml{};
  error_sum of_crestmax{};
  int operators = 0;

  static bool watch(ggml_tensor* node, bool ask, void* self) {
    captures& c = *static_cast<captures*>(self);
    if (node->op != GGML_OP_FLASH_ATTN_EXT || !c.on) return !ask;
    if (!ask) c.take(*node);
    return true;
  }

 private:
  void take(const ggml_tensor& node) {
    const adapter::attention_operator given = adapter::operator_of(node);
    adapter::attention_operator computed = given;
    std::vector<float> output(ggml_nelements(&node) > 0 ? static_cast<std::size_t>(ggml_nelements(&node)) : 0);
    computed.output.data = output.data();
    if (const crestmax::status s = server_.serve(computed); !s.ok()) programs::fail(s.message());
    const adapter::reference wanted(given);
    const adapter::reference ours(computed);
    for (adapter::index_type q = 0; q < given.q_len(); q += std::max<adapter::index_type>(1, given.q_len() / 64)) {
      for (adapter::index_type h = 0; h < given.q_heads(); ++h) {
        const std::vector<double> row = wanted.row(0, h, q);
        for (adapter::index_type c = 0; c < given.d_v(); ++c) {
          of_ggml.add(wanted.given(0, h, q, c), row[static_cast<std::size_t>(c)]);
          of_crestmax.add(ours.given(0, h, q, c), row[static_cast<std::size_t>(c)]);
        }
      }
    }
    ++operators;
  }

  adapter::attention_server server_;
};

// Calls f(number of the token, its logits) for every token but the last, which has no next one.
template <class F>
void force(context& c, const std::vector<llama_token>& tokens, captures* watcher, const std::string& name, F&& f) {
  if (watcher != nullptr) watcher->on = true;
  c.take(std::span(tokens).first(tokens_of_prompt), true);
  if (watcher != nullptr) watcher->on = false;
  for (int i = 0; i < tokens_of_prompt; ++i) f(i, c.logits(i));
  for (int i = tokens_of_prompt; i + 1 < tokens_in_all; ++i) {
    if (watcher != nullptr) watcher->on = i % 128 == 0;
    c.take({&tokens[static_cast<std::size_t>(i)], 1});
    f(i, c.logits(0));
    if (i % 64 == 0) std::fprintf(stderr, "\r  %s: token %d of %d    ", name.c_str(), i, tokens_in_all);
  }
  std::fputs("\n", stderr);
}

struct best_two {
  std::ptrdiff_t first;
  double gap;
};
best_two best_of(std::span<const float> logits) {
  const auto first = std::max_element(logits.begin(), logits.end());
  float second = -std::numeric_limits<float>::infinity();
  for (auto at = logits.begin(); at != logits.end(); ++at) {
    if (at != first) second = std::max(second, *at);
  }
  return {first - logits.begin(), static_cast<double>(*first) - static_cast<double>(second)};
}

// What one way of computing attention makes of the text.
struct reading {
  std::string name;
  std::vector<best_two> best{};
  double surprise = 0;

  void run(const programs::model& model, const std::vector<llama_token>& tokens, bool flash, captures* watcher) {
    programs::context_settings settings;
    settings.flash = flash;
    settings.length = tokens_in_all;
    settings.threads = 1;  // two that wait for each other come to a halt where others use the machine
    if (watcher != nullptr) {
      settings.watch = captures::watch;
      settings.watcher = watcher;
    }
    context c(model, settings);
    force(c, tokens, watcher, name, [&](int i, std::span<const float> logits) {
      best.push_back(best_of(logits));
      surprise += programs::surprise(logits, tokens[static_cast<std::size_t>(i) + 1]);
    });
  }
  double perplexity() const { return std::exp(surprise / static_cast<double>(best.size())); }
};

// Whether two readings agree, told.
bool compare(const reading& expected, const reading& other) {
  int agreeing = 0;
  int telling = 0;
  int telling_differ = 0;
  double widest = 0;
  for (std::size_t i = 0; i < expected.best.size(); ++i) {
    const best_two& best = expected.best[i];
    const bool same = other.best[i].first == best.first;
    agreeing += same;
    telling += best.gap > telling_gap;
    telling_differ += best.gap > telling_gap && !same;
    if (!same) widest = std::max(widest, best.gap);
  }
  const double difference = std::fabs(other.perplexity() / expected.perplexity() - 1);
  const bool met = telling_differ == 0 && difference <= largest_difference_of_perplexity;
  std::printf("    %s beside %s: the same next token in %d of %zu places; of %d where the two best logits differ by more than %.1f in all but %d"
              " (widest gap that was lost: %.2f); perplexity %.4f and %.4f, %.4f %% apart: the aim (all of those, %.1f %%) is %s\n",
              other.name.c_str(), expected.name.c_str(), agreeing, expected.best.size(), telling, telling_gap, telling_differ, widest,
              other.perplexity(), expected.perplexity(), difference * 100,
              largest_difference_of_perplexity * 100, met ? "met" : "MISSED");
  return met;
}

// A model and what is made of it. ggml's readings come first: a backend that is loaded is there for good.
struct comparison {
  const char* what;
  programs::model model;
  reading off{"ggml without flash attention"};
  reading on{"ggml with flash attention"};
  reading ours{"crestmax"};
  captures captured{};

  void run_ggml(const std::vector<llama_token>& tokens) {
    on.run(model, tokens, true, &captured);
    off.run(model, tokens, false, nullptr);
  }
  void run_crestmax(const std::vector<llama_token>& tokens) { ours.run(model, tokens, true, nullptr); }

  bool tell() const {
    std::printf("  %s\n", what);
    // Judged by ggml's plain products: its flash attention adds in float16, and differs from them more than crestmax does.
    const bool good = compare(off, ours);
    compare(on, ours);
    compare(on, off);
    const double ggml = captured.of_ggml.relative();
    const double own = captured.of_crestmax.relative();
    std::printf("    attention on %d captures of its layers, relative error against float64: ggml %.2e, crestmax %.2e: %s is nearer, %.0f times\n",
                captured.operators, ggml, own, own < ggml ? "crestmax" : "ggml", std::max(ggml, own) / std::min(ggml, own));
    return good && captured.operators > 0;
  }
};

}  // namespace

int main(int count, char** arguments) {
  const auto given = [&](const char* name) { return argument(count, arguments, name); };
  programs::load_cpu(given("llama") + "/bin");
  comparison narrow{"as it is: matrix products round what attention gives them to 8 bits, and near ties fall either way",
                    programs::load_model(given("model"))};
  comparison wide{"its weights as float32: attention alone differs", programs::load_model(programs::as_float32(given("model"), given("wide")))};
  std::vector<llama_token> tokens = programs::tokens_of(narrow.model, given("text"), tokens_in_all);
  tokens.resize(tokens_in_all);
  for (comparison* c : {&narrow, &wide}) c->run_ggml(tokens);
  programs::load_backend(given("backend"));
  for (comparison* c : {&narrow, &wide}) c->run_crestmax(tokens);

  std::printf("text: %d tokens, %d in one batch, the others one by one\n", tokens_in_all, tokens_of_prompt);
  narrow.tell();
  const bool good = wide.tell();
  std::printf("  with weights as float32, beside ggml without flash attention: %s\n", good ? "as it should be" : "NOT as it should be");
  return good ? 0 : 1;
}
