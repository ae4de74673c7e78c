// The same tokens of real text through ggml's attention and through crestmax's: do the next words agree, and which of the two is
// nearer to float64 math on what the model's own attention was given? Ends with an error where they do not agree.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "attention_server.hpp"
#include "ggml_operator.hpp"
#include "llama_context.hpp"
#include "reference.hpp"

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
void force(context& c, const std::vector<llama_token>& tokens, captures* watcher, const char* name, F&& f) {
  if (watcher != nullptr) watcher->on = true;
  c.take(std::span(tokens).first(tokens_of_prompt), true);
  if (watcher != nullptr) watcher->on = false;
  for (int i = 0; i < tokens_of_prompt; ++i) f(i, c.logits(i));
  for (int i = tokens_of_prompt; i + 1 < tokens_in_all; ++i) {
    if (watcher != nullptr) watcher->on = i % 128 == 0;
    c.take({&tokens[static_cast<std::size_t>(i)], 1});
    f(i, c.logits(0));
    if (i % 64 == 0) std::fprintf(stderr, "\r  %s: token %d of %d ", name, i, tokens_in_all);
  }
  std::fputs("\r", stderr);
}

double surprise(std::span<const float> logits, llama_token next) {
  const double top = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - top);
  return top + std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(next)]);
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

void tell_errors(const char* what, const captures& c) {
  const double ggml = c.of_ggml.relative();
  const double ours = c.of_crestmax.relative();
  std::printf("  %-34s relative error against float64: ggml %.2e, crestmax %.2e: %s is nearer, by a factor of %.1f\n", what, ggml, ours,
              ours < ggml ? "crestmax" : "ggml", std::max(ggml, ours) / std::min(ggml, ours));
}

}  // namespace

int main(int count, char** arguments) {
  const auto given = [&](const char* name) { return argument(count, arguments, name); };
  programs::load_cpu(given("llama") + "/bin");
  const programs::model model = programs::load_model(given("model"));
  std::vector<llama_token> tokens = programs::tokens_of(model, given("text"), tokens_in_all);
  tokens.resize(tokens_in_all);

  captures captured;
  programs::context_settings settings;
  settings.length = tokens_in_all;
  settings.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  settings.watch = captures::watch;
  settings.watcher = &captured;
  std::vector<best_two> best;
  double surprise_of_ggml = 0;
  {
    context c(model, settings);
    force(c, tokens, &captured, "ggml", [&](int i, std::span<const float> logits) {
      best.push_back(best_of(logits));
      surprise_of_ggml += surprise(logits, tokens[static_cast<std::size_t>(i) + 1]);
    });
  }

  programs::load_backend(given("backend"));
  settings.watch = nullptr;
  context c(model, settings);
  double surprise_of_crestmax = 0;
  int telling = 0, agreeing = 0, telling_differ = 0;
  force(c, tokens, nullptr, "crestmax", [&](int i, std::span<const float> logits) {
    const best_two& expected = best[static_cast<std::size_t>(i)];
    const bool same = best_of(logits).first == expected.first;
    agreeing += same;
    telling += expected.gap > telling_gap;
    telling_differ += expected.gap > telling_gap && !same;
    surprise_of_crestmax += surprise(logits, tokens[static_cast<std::size_t>(i) + 1]);
  });

  const double rows = tokens_in_all - 1;
  const double of_ggml = std::exp(surprise_of_ggml / rows);
  const double of_crestmax = std::exp(surprise_of_crestmax / rows);
  const double difference = std::fabs(of_crestmax / of_ggml - 1);
  std::printf("text: %d tokens, %d in one batch, the others one by one\n", tokens_in_all, tokens_of_prompt);
  std::printf("  the same next token in %d of %d places; of %d where ggml's two best logits differ by more than %.1f, in all but %d\n", agreeing,
              tokens_in_all - 1, telling, telling_gap, telling_differ);
  std::printf("  perplexity: ggml %.4f, crestmax %.4f: %.4f %% apart\n", of_ggml, of_crestmax, difference * 100);
  tell_errors("attention of this model's layers,", captured);
  const bool good = telling_differ == 0 && difference <= largest_difference_of_perplexity && captured.operators > 0;
  std::printf("  %s\n", good ? "as it should be" : "NOT as it should be");
  return good ? 0 : 1;
}
