// Full-ranking metrics over users with held-out items T and a ranked list R:
//   Recall@K = |R_1..K and T| / |T|                      (the denominator is |T|, not min(|T|, K))
//   NDCG@K   = sum_{k<=K} [R_k in T] / log2(k+1)  /  sum_{k<=min(|T|,K)} 1 / log2(k+1)
//   HR@K     = 1 if any of R_1..K is in T, else 0
//   MRR@K    = 1 / rank of the first item of T in R_1..K, 0 if there is none
// A list shorter than K counts as misses behind its end. Users without held-out items are left out. Per-user values are
// kept, so that runs can be compared user by user (compare.h).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "genrec/ranking.h"

namespace genrec {

// What one list is worth at cutoff k. `held_out` ascending and distinct, not empty.
struct ListMetrics {
  double recall, ndcg, hit_rate, reciprocal_rank;
};
ListMetrics measure_list(std::span<const int32_t> ranked, std::span<const int32_t> held_out, int k);

// How an evaluation was made: "data" (their fingerprint), "split", "seen", "targets", "k".
using Conditions = std::map<std::string, std::string>;

struct MetricTable {
  std::vector<std::string> names{};  // "Recall@10", ...
  std::vector<int32_t> users{};      // the rows
  std::vector<float> values{};       // [users, names]
  Conditions conditions{};           // empty: not known, as in files of older programs

  size_t column(std::string_view name) const;  // an error that lists the names if there is none
  std::vector<double> values_of(std::string_view name) const;
  double mean(std::string_view name) const;  // 0 without users

  // safetensors: users i32 [rows], values f32 [rows, names], the rest as metadata.
  void save(const std::string& path) const;
  static MetricTable load(const std::string& path);
};

// Columns: for each cutoff Recall, NDCG, HR, MRR. Row r of the ranking belongs to users[r].
MetricTable measure(const Ranking& ranking, std::span<const int32_t> users, const ItemsOf& held_out,
                    std::span<const int> cutoffs);

}  // namespace genrec
