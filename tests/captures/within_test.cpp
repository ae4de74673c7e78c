// The statement of coverage within on captures of real models, as decode meets them: a cache in planes, one query of each head behind it.
#include "captures.hpp"
#include "support/planes_case.hpp"

namespace crestmax_test {
namespace {

// A capture, and which of its queries stand where.
struct decoded_capture {
  capture from;
  std::vector<index_type> positions;  // of its queries

  // The cache that the query at row `row` sees.
  planes_case case_of_row(index_type row) const {
    const index_type kv_heads = from.key.shape[0], all = from.key.shape[1], d = from.key.shape[2], queries = from.query.shape[1];
    const index_type kv_len = from.causal ? positions[static_cast<std::size_t>(row)] + 1 : all;
    const auto number = [all, d](const npy_array& a, index_type head, index_type j, index_type k) { return a.at((head * all + j) * d + k); };
    return {{.kv_len = kv_len, .kv_heads = kv_heads, .d = d}, 1, from.query.shape[0],
            [&](index_type, index_type, index_type h, index_type k) { return from.query.at((h * queries + row) * d + k); },
            [&](index_type, index_type j, index_type h, index_type k) { return number(from.key, h, j, k); },
            [&](index_type, index_type j, index_type h, index_type k) { return number(from.value, h, j, k); }};
  }
};

// Captures of at least 1,024 keys, and of the long ones beside them.
std::vector<decoded_capture> decoded_captures() {
  std::vector<decoded_capture> all;
  for (const capture& c : captures()) {
    if (c.key.shape[1] < 1024) continue;
    decoded_capture d{c, {}};
    for (index_type i = 0; i < c.query.shape[1]; ++i) d.positions.push_back(i);
    all.push_back(std::move(d));
  }
  const std::filesystem::path folder = std::filesystem::path(capture_folder()).parent_path() / "captures_long";
  for (const char* name : {"smollm2_L08", "smollm2_L20"}) {
    if (!std::filesystem::exists(folder / (std::string(name) + "_q.npy"))) continue;
    decoded_capture d;
    d.from.name = name;
    for (const auto& [part, array] : {std::pair{"_q.npy", &d.from.query}, {"_k.npy", &d.from.key}, {"_v.npy", &d.from.value}}) {
      EXPECT_EQ(read_npy((folder / (name + std::string(part))).string(), *array), "");
    }
    for (index_type i = 0; i < d.from.query.shape[1]; ++i) d.positions.push_back(16 * i);
    all.push_back(std::move(d));
  }
  return all;
}

// Some rows of a capture, spread over the later three quarters.
std::vector<index_type> some_rows_of(const decoded_capture& c, index_type count) {
  std::vector<index_type> late;
  for (std::size_t i = 0; i < c.positions.size(); ++i) {
    if (!c.from.causal || c.positions[i] >= 1023) late.push_back(static_cast<index_type>(i));
  }
  std::vector<index_type> chosen;
  const auto all = static_cast<index_type>(late.size());
  for (index_type i = 0; i < count && all > 0; ++i) chosen.push_back(late[static_cast<std::size_t>((2 * i + 1) * all / (2 * count))]);
  return chosen;
}

struct tally {
  index_type rows = 0, beyond = 0;
  std::vector<double> errors;
  double largest_stated = 0, bytes = 0, calls = 0;

  double quantile(double q) {
    std::sort(errors.begin(), errors.end());
    return errors.empty() ? 0 : errors[static_cast<std::size_t>(q * static_cast<double>(errors.size() - 1))];
  }
};

TEST(WithinOnCaptures, StatesTheErrorOfNearlyEveryRow) {
  const std::vector<decoded_capture> all = decoded_captures();
  const double tolerances[] = {0.03, 0.01, 0.003, 0.001};
  tally of[4];
  for (const decoded_capture& c : all) {
    tally own[4];
    for (const index_type row : some_rows_of(c, cases(6))) {
      planes_case made = c.case_of_row(row);
      std::vector<planes_truth> truth;
      for (index_type h = 0; h < made.q_heads; ++h) truth.push_back(truth_of(made, 0, 0, h));
      for (int t = 0; t < 4; ++t) {
        made.options.coverage = crestmax::within(tolerances[t]);
        const planes_result r = run_planes(made);
        ASSERT_TRUE(r.status.ok()) << r.status.message();
        for (tally* to : {of + t, own + t}) {
          to->bytes += static_cast<double>(r.report.bytes_read) / static_cast<double>(4 * made.shape.d * made.shape.kv_len * made.shape.kv_heads);
          to->calls += 1;
          for (index_type h = 0; h < made.q_heads; ++h) {
            const auto at = static_cast<std::size_t>(h);
            const double error = distance(made, r, truth[at], h, truth[at].norm), stated = static_cast<double>(r.error[at]);
            ++to->rows;
            to->beyond += error > 2.5 * stated + 1e-5 ? 1 : 0;
            to->largest_stated = std::max(to->largest_stated, stated);
            to->errors.push_back(error);
          }
        }
      }
    }
    for (int t = 0; t < 4; ++t) {
      std::printf("%-24s asked %5.1f %%: reached %.3f %% (median), %.3f %% (99th percentile), %.3f %% (worst); %.3f of the bytes of float16\n", c.from.name.c_str(),
                  100 * tolerances[t], 100 * own[t].quantile(0.5), 100 * own[t].quantile(0.99), 100 * own[t].quantile(1), own[t].bytes / own[t].calls);
    }
  }
  for (int t = 0; t < 4; ++t) {
    if (of[t].rows == 0) continue;
    std::printf("asked %.1f %%: %lld of %lld rows beyond 2.5 sigma\n", 100 * tolerances[t], static_cast<long long>(of[t].beyond), static_cast<long long>(of[t].rows));
    EXPECT_LE(static_cast<double>(of[t].beyond), std::ceil(0.001 * static_cast<double>(of[t].rows))) << tolerances[t];
    EXPECT_LE(of[t].largest_stated, tolerances[t]);
  }
}

}  // namespace
}  // namespace crestmax_test
