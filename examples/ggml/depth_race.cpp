// The time that depth adds to a token, by ggml's own attention and by crestmax: contexts of one process in turn, so that whatever
// else a machine does meets all of them. See --help.
#include <algorithm>
#include <cstring>

#include "llama_context.hpp"

namespace {

using programs::argument;
using programs::context;

constexpr const char* usage =
    "depth_race --llama FOLDER --backend LIBRARY --model FILE --text FILE [--work decode|prefill] [--threads 1] [--depth 4096]\n"
    "           [--pairs 9] [--cache f16|bf16|q8_0|...] [--against both|on|off]\n"
    "Times a token at depth 0 and at the given depth, by llama.cpp without flash attention (off), with ggml's (on) and with\n"
    "crestmax's; prints medians, and by how much less crestmax's time grows with depth than the better of the others'.\n"
    "With a quantised cache there is nothing without flash attention, and crestmax's with a float16 cache takes part.\n";

struct contender {
  const char* name;
  context* runs;
  const contender* filled_like = nullptr;  // whose cache it gets a copy of
  std::vector<double> shallow{};  // seconds per token, of each pair
  std::vector<double> deep{};
};

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  const std::size_t n = x.size();
  return n % 2 == 1 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

struct work {
  bool prefill;
  std::vector<llama_token> tokens;

  std::size_t count() const { return prefill ? 512 : 24; }
  // Seconds per token of what follows the context's length; the context is left as it was.
  double time(context& c) const {
    const int length = c.length();
    const std::span<const llama_token> next = std::span(tokens).subspan(static_cast<std::size_t>(length), count());
    const double began = programs::seconds_now();
    if (prefill) c.take(next);
    else for (const llama_token& token : next) c.take({&token, 1});
    const double seconds = programs::seconds_now() - began;
    c.forget_behind(length);
    return seconds / static_cast<double>(count());
  }
};

// Everybody once unmeasured, then in turn; the one that begins changes from pair to pair.
void race(std::vector<contender>& all, const work& w, int pairs, std::vector<double> contender::* times) {
  for (contender& c : all) w.time(*c.runs);
  for (int pair = 0; pair < pairs; ++pair) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      contender& c = all[(i + static_cast<std::size_t>(pair)) % all.size()];
      (c.*times).push_back(w.time(*c.runs));
    }
    std::fprintf(stderr, "\r  pair %d of %d ", pair + 1, pairs);
  }
  std::fputs("\n", stderr);
}

void fill(context& c, const std::vector<llama_token>& tokens, int depth) {
  for (int at = 0; at < depth; at += 512) {
    c.take(std::span(tokens).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(std::min(512, depth - at))));
  }
}

// ours against another one, pair by pair, and the medians.
void compare(const contender& ours, const contender& other) {
  std::vector<double> growth;
  std::vector<double> shallow;
  std::vector<double> deep;
  for (std::size_t i = 0; i < ours.deep.size(); ++i) {
    growth.push_back((other.deep[i] - other.shallow[i]) / (ours.deep[i] - ours.shallow[i]));
    shallow.push_back(other.shallow[i] / ours.shallow[i]);
    deep.push_back(other.deep[i] / ours.deep[i]);
  }
  const auto [least, most] = std::minmax_element(growth.begin(), growth.end());
  std::printf("  against %-13s depth adds %.2f times less (pairs %.2f to %.2f); depth 0: %.3f times as fast; at depth: %.2f\n", other.name,
              median(growth), *least, *most, median(shallow), median(deep));
}

// Who takes part, at depth 0 and then behind so many tokens.
struct contest {
  const programs::model& model;
  programs::context_settings settings;
  work w;
  int pairs;
  int depth;
  std::vector<std::unique_ptr<context>> contexts{};
  std::vector<contender> all{};

  context* make(bool flash, ggml_type cache) {
    settings.flash = flash;
    settings.cache = cache;
    return contexts.emplace_back(std::make_unique<context>(model, settings)).get();
  }
  // What is there before the backend is loaded runs without it. The first is crestmax's.
  void enter(ggml_type cache, const std::string& against, const std::string& backend) {
    all.reserve(4);
    all.resize(1);
    if (against != "off") all.push_back({"ggml, on", make(true, cache), &all[0]});
    if (against != "on") all.push_back({"ggml, off", make(false, cache)});
    programs::load_backend(backend);
    all[0] = {"crestmax", make(true, cache)};
    if (ggml_is_quantized(cache)) all.push_back({"crestmax, f16", make(true, GGML_TYPE_F16)});
  }
  void fill_all() {
    for (contender& c : all) {
      if (c.filled_like != nullptr) continue;
      c.runs->set_threads(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
      fill(*c.runs, w.tokens, depth);
      c.runs->set_threads(settings.threads);
    }
    for (contender& c : all) {
      if (c.filled_like != nullptr) c.runs->copy_from(*c.filled_like->runs);
    }
  }
  void run() {
    race(all, w, pairs, &contender::shallow);
    fill_all();
    race(all, w, pairs, &contender::deep);
  }
  void tell(ggml_type cache) const {
    std::printf("%s, %d thread%s, %s cache, %d pairs: milliseconds per token at depth 0, at %d, added\n", w.prefill ? "prefill of 512" : "decode",
                settings.threads, settings.threads == 1 ? "" : "s", ggml_type_name(cache), pairs, depth);
    for (const contender& c : all) {
      const double shallow = median(c.shallow) * 1e3;
      const double deep = median(c.deep) * 1e3;
      std::printf("  %-13s %8.3f %8.3f %8.3f\n", c.name, shallow, deep, deep - shallow);
    }
    for (std::size_t i = 1; i < all.size(); ++i) compare(all[0], all[i]);
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2 || std::strcmp(arguments[1], "--help") == 0) {
    std::fputs(usage, count < 2 ? stderr : stdout);
    return count < 2 ? 2 : 0;
  }
  const auto given = [&](const char* name, const char* otherwise = "") { return argument(count, arguments, name, otherwise); };
  const int depth = std::stoi(given("depth", "4096"));
  const ggml_type cache = programs::cache_type(given("cache", "f16"));
  programs::load_cpu(given("llama") + "/bin");
  const programs::model model = programs::load_model(given("model"));
  programs::context_settings settings;
  settings.length = static_cast<std::uint32_t>(depth) + 512;
  settings.threads = std::stoi(given("threads", "1"));
  const bool prefill = given("work", "decode") == "prefill";
  contest all{model, settings, {prefill, programs::tokens_of(model, given("text"), static_cast<std::size_t>(depth) + 512)},
              std::stoi(given("pairs", "9")), depth};
  all.enter(cache, ggml_is_quantized(cache) ? "on" : given("against", "both"), given("backend"));
  all.run();
  all.tell(cache);
}
