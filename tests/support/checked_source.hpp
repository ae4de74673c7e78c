// Holds a key-value source to what kv_source.hpp asks of it: every answer is kept, compared with earlier ones, and its rows
// are looked at again when the call has ended.
#pragma once

#include <crestmax/kv_source.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace crestmax_test {

// What a source was asked and has answered, by any number of threads, and the promises that it broke.
class promise_ledger {
 public:
  struct question {
    bool of_keys;
    crestmax::index_type sequence, head, position;
    auto operator<=>(const question&) const = default;
  };

  // `length`: keys of the sequence; `row_bytes` and `element`: of a row and of a number in it.
  crestmax::kv_run note(question asked, crestmax::kv_run run, crestmax::index_type length, crestmax::index_type row_bytes,
                        crestmax::index_type element) {
    const std::lock_guard lock(mutex_);
    if (asked.position < 0 || asked.position >= length) complain(asked, "was asked for a key that no sequence has");
    if (run.rows < 1) return complain(asked, "has no rows"), run;
    if (run.data == nullptr) return complain(asked, "has no data"), run;
    if (reinterpret_cast<std::uintptr_t>(run.data) % static_cast<std::uintptr_t>(element) != 0) {
      return complain(asked, "is misaligned"), run;
    }
    answer given{run, std::min(run.rows, length - asked.position), row_bytes, element, {}};
    given.content = content_of(given);
    const auto [at, is_new] = answers_.try_emplace(asked, given);
    const crestmax::kv_run& before = at->second.run;
    if (before.data != run.data || before.rows != run.rows || (run.rows > 1 && before.row_stride != run.row_stride)) {
      complain(asked, "was another run before");
    } else if (!is_new && at->second.content != given.content) {
      complain(asked, "had other numbers before");
    }
    return run;
  }

  // The promises that were broken so far, once all rows that were handed out have been looked at again.
  std::vector<std::string> broken() {
    const std::lock_guard lock(mutex_);
    for (const auto& [asked, given] : answers_) {
      if (content_of(given) != given.content) complain(asked, "has changed");
    }
    return complaints_;
  }
  std::size_t answers() const { return answers_.size(); }

 private:
  struct answer {
    crestmax::kv_run run;
    crestmax::index_type rows, row_bytes, element;
    std::vector<unsigned char> content;
  };
  static std::vector<unsigned char> content_of(const answer& a) {
    std::vector<unsigned char> bytes;
    for (crestmax::index_type i = 0; i < a.rows; ++i) {
      const auto* const row = static_cast<const unsigned char*>(a.run.data) + i * a.run.row_stride * a.element;
      bytes.insert(bytes.end(), row, row + a.row_bytes);
    }
    return bytes;
  }
  void complain(const question& asked, const char* what) {
    complaints_.push_back(std::string(asked.of_keys ? "keys" : "values") + " of sequence " + std::to_string(asked.sequence) +
                          ", head " + std::to_string(asked.head) + " from " + std::to_string(asked.position) + " on: " + what);
  }

  std::mutex mutex_;
  std::map<question, answer> answers_;
  std::vector<std::string> complaints_;
};

// A source that writes down what another one answers. All copies share one ledger.
template <crestmax::kv_source Source>
struct checked_source {
  const Source* source;
  std::vector<crestmax::index_type> lengths;  // of each sequence
  std::shared_ptr<promise_ledger> ledger = std::make_shared<promise_ledger>();

  crestmax::kv_run key_run(crestmax::index_type sequence, crestmax::index_type head, crestmax::index_type position) const {
    const crestmax::index_type size = crestmax::size_of(key_kind());
    return ledger->note({true, sequence, head, position}, source->key_run(sequence, head, position), length_of(sequence),
                        source->shape().d_qk * size, size);
  }
  crestmax::kv_run value_run(crestmax::index_type sequence, crestmax::index_type head, crestmax::index_type position) const {
    const crestmax::index_type size = crestmax::size_of(value_kind());
    return ledger->note({false, sequence, head, position}, source->value_run(sequence, head, position), length_of(sequence),
                        source->shape().d_v * size, size);
  }
  crestmax::source_shape shape() const { return source->shape(); }
  static constexpr crestmax::scalar_kind key_kind() { return Source::key_kind(); }
  static constexpr crestmax::scalar_kind value_kind() { return Source::value_kind(); }

 private:
  crestmax::index_type length_of(crestmax::index_type sequence) const { return lengths[static_cast<std::size_t>(sequence)]; }
};

// The promises that a source breaks when it is asked for everything: forwards and backwards, by several threads at once.
template <crestmax::kv_source Source>
std::vector<std::string> broken_promises(const Source& source, const std::vector<crestmax::index_type>& lengths) {
  const checked_source<Source> checked{&source, lengths};
  const auto ask = [&](bool backwards) {
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      for (crestmax::index_type head = 0; head < source.shape().kv_heads; ++head) {
        for (crestmax::index_type at = 0; at < lengths[i]; ++at) {
          const crestmax::index_type position = backwards ? lengths[i] - 1 - at : at;
          checked.key_run(static_cast<crestmax::index_type>(i), head, position);
          checked.value_run(static_cast<crestmax::index_type>(i), head, position);
        }
      }
    }
  };
  std::thread other([&] { ask(true); });
  ask(false);
  other.join();
  return checked.ledger->broken();
}

}  // namespace crestmax_test
