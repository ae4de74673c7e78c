// Perplexity of a real text with one type of cache, by ggml's attention and by crestmax's: what quantising the cache costs, as a line of JSON.
#include "llama_context.hpp"
#include "text_surprise.hpp"

namespace {

using programs::argument;
using programs::context;

constexpr int tokens_in_all = 4096;
constexpr int batch = 512;

double perplexity(const programs::model& model, const std::vector<llama_token>& tokens, const programs::context_settings& settings, const char* who) {
  context c(model, settings);
  double sum = 0;
  for (int at = 0; at < tokens_in_all; at += batch) {
    c.take(std::span(tokens).subspan(static_cast<std::size_t>(at), batch), true);
    for (int i = 0; i < batch && at + i + 1 < tokens_in_all; ++i) sum += programs::surprise(c.logits(i), tokens[static_cast<std::size_t>(at + i) + 1]);
    std::fprintf(stderr, "\r  %s cache, %s: token %d of %d, perplexity so far %.4f    ", ggml_type_name(settings.cache), who, at + batch,
                 tokens_in_all, std::exp(sum / std::min(at + batch, tokens_in_all - 1)));
  }
  std::fputs("\n", stderr);
  return std::exp(sum / (tokens_in_all - 1));
}

}  // namespace

int main(int count, char** arguments) {
  const auto given = [&](const char* name) { return argument(count, arguments, name); };
  programs::load_cpu(given("llama") + "/bin");
  // Weights of float32, so that the cache alone rounds what attention is given.
  const programs::model model = programs::load_model(programs::as_float32(given("model"), given("wide")));
  const std::vector<llama_token> tokens = programs::tokens_of(model, given("text"), tokens_in_all);
  programs::context_settings settings;
  settings.cache = programs::cache_type(given("cache"));
  settings.length = tokens_in_all;
  settings.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const double ggml = perplexity(model, tokens, settings, "ggml");
  programs::load_backend(given("backend"));
  const double ours = perplexity(model, tokens, settings, "crestmax");
  const double bytes = static_cast<double>(ggml_type_size(settings.cache)) / static_cast<double>(ggml_blck_size(settings.cache));
  std::printf("{\"cache\": \"%s\", \"bits\": %.2f, \"tokens\": %d, \"ggml\": %.5f, \"crestmax\": %.5f}\n", ggml_type_name(settings.cache), 8 * bytes,
              tokens_in_all, ggml, ours);
}
