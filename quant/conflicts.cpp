#include "quant/conflicts.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "autograd/ops/gather_rows.h"
#include "quant/nearest.h"

namespace quant {

namespace {

using tensor::DType;
using Items = std::vector<int32_t>;
using Codes = std::vector<int32_t>;  // of one item

constexpr size_t kBatch = 4096;  // items whose distances are held at a time

// Code tuples as keys of hash tables: their bytes.
std::string key_of(const int32_t* codes, int64_t levels) {
  return {reinterpret_cast<const char*>(codes), static_cast<size_t>(levels) * sizeof(int32_t)};
}

const int32_t* row(const Tensor& codes, int64_t item) { return codes.data<int32_t>() + item * codes.columns(); }

void require_codes(const Tensor& codes) {
  tensor::require(codes.shape().rank() == 2 && codes.columns() > 0 && codes.dtype() == DType::i32, "conflicts: codes are ",
                  codes.dtype(), " ", codes.shape(), "; they must be i32 [items, levels]");
}

// Items with equal codes, groups in order of first appearance, items ascending.
std::vector<Items> groups_of(const Tensor& codes) {
  std::vector<Items> groups;
  std::unordered_map<std::string, size_t> index;
  for (int64_t i = 0; i < codes.rows(); ++i) {
    const auto [found, isnew] = index.emplace(key_of(row(codes, i), codes.columns()), groups.size());
    if (isnew) groups.emplace_back();
    groups[found->second].push_back(static_cast<int32_t>(i));
  }
  return groups;
}

Tensor rows_of(const Tensor& codes, const Items& items) {
  const int64_t levels = codes.columns();
  Tensor rows({static_cast<int64_t>(items.size()), levels}, DType::i32);
  for (size_t r = 0; r < items.size(); ++r) std::copy_n(row(codes, items[r]), levels, rows.data<int32_t>() + r * levels);
  return rows;
}

int64_t count_moved(const Tensor& before, const Tensor& after) {
  int64_t moved = 0;
  for (int64_t i = 0; i < after.rows(); ++i) {
    moved += !std::equal(row(after, i), row(after, i) + after.columns(), row(before, i));
  }
  return moved;
}

// Distances [n, K] on the host in double: exact for f32.
Tensor host_distances(const LevelDistances& distances, const Items& items, const Tensor& codes, int64_t level) {
  return distances(Tensor::from(items), codes, level).to(tensor::Device::cpu).to(DType::f64);
}

// Indices by ascending distance; equal ones by index.
Codes ascending(std::span<const double> distances) {
  Codes order(distances.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return distances[a] < distances[b]; });
  return order;
}

std::span<const double> distances_row(const Tensor& distances, int64_t i) {
  return distances.span<double>().subspan(i * distances.columns(), distances.columns());
}

class Resolver {
 public:
  Resolver(Tensor& codes, const LevelDistances& distances, const ConflictOptions& options, const Tensor& taken)
      : codes_(codes), greedy_(codes.clone()), distances_(distances), options_(options), last_(codes.columns() - 1) {
    for (int64_t i = 0; taken.defined() && i < taken.rows(); ++i) taken_.insert(key_of(row(taken, i), codes.columns()));
    used_ = taken_;
    for (int64_t i = 0; i < codes.rows(); ++i) used_.insert(key_of(row(codes, i), codes.columns()));
  }

  Conflicts run() {
    Conflicts result{.items = codes_.rows()};
    result.distinct_before = distinct();
    for (int pass = 0; pass < options_.passes && distinct() < codes_.rows(); ++pass) run_pass();
    result.distinct_after = distinct();
    result.moved = count_moved(greedy_, codes_);
    return result;
  }

 private:
  bool is_taken(const Items& group) const { return taken_.contains(key_of(row(codes_, group[0]), last_ + 1)); }

  int64_t distinct() const {
    int64_t count = 0;
    for (const Items& group : groups_of(codes_)) count += !is_taken(group);
    return count;
  }

  // Whole groups at a time, so that no more than about kBatch rows of distances are held.
  void run_pass() {
    std::vector<Items> batch;
    size_t size = 0;
    for (Items& group : groups_of(codes_)) {
      if (group.size() == 1 && !is_taken(group)) continue;
      size += group.size();
      batch.push_back(std::move(group));
      if (size >= kBatch) resolve(batch), batch.clear(), size = 0;
    }
    if (!batch.empty()) resolve(batch);
  }

  void resolve(const std::vector<Items>& groups) {
    Items all;
    for (const Items& group : groups) all.insert(all.end(), group.begin(), group.end());
    const Tensor codes = rows_of(greedy_, all);
    const Tensor near = host_distances(distances_, all, codes, last_);
    const Tensor before = last_ > 0 ? host_distances(distances_, all, codes, last_ - 1) : Tensor();
    int64_t first = 0;  // row of the group's first item
    for (const Items& group : groups) {
      std::vector<std::pair<double, int64_t>> ranked;  // smallest distance, row
      for (size_t i = 0; i < group.size(); ++i) {
        const auto d = distances_row(near, first + i);
        ranked.emplace_back(*std::min_element(d.begin(), d.end()), first + static_cast<int64_t>(i));
      }
      std::sort(ranked.begin(), ranked.end());
      int64_t rank = is_taken(group) ? 1 : 0;
      for (const auto& [distance, r] : ranked) {
        const auto second = last_ > 0 ? distances_row(before, r) : std::span<const double>();
        if (rank > 0) move(all[r], rank, distances_row(near, r), second);
        ++rank;
      }
      first += static_cast<int64_t>(group.size());
    }
  }

  bool free(const Codes& codes) const { return !used_.contains(key_of(codes.data(), last_ + 1)); }

  // Tries the last codes from the rank-th nearest on.
  void try_last(Codes& candidate, const Codes& order, size_t rank) const {
    for (size_t n = rank; !free(candidate) && n < order.size(); ++n) candidate[last_] = order[n];
  }

  void move(int32_t item, int64_t rank, std::span<const double> near, std::span<const double> before) {
    const Codes own(row(codes_, item), row(codes_, item) + last_ + 1);
    Codes candidate = own, order = ascending(near);
    try_last(candidate, order, rank);
    const Codes second = ascending(before);
    for (size_t m = 1; m < second.size() && !free(candidate); ++m) {
      candidate = own;
      candidate[last_ - 1] = second[m];
      if (options_.exact) {
        const Tensor codes = Tensor::from(candidate, {1, last_ + 1});
        order = ascending(host_distances(distances_, {item}, codes, last_).span<double>());
        candidate[last_] = order[0];
      }
      try_last(candidate, order, 0);
    }
    std::copy(candidate.begin(), candidate.end(), codes_.data<int32_t>() + item * (last_ + 1));
    used_.insert(key_of(candidate.data(), last_ + 1));
  }

  Tensor& codes_;
  Tensor greedy_;
  const LevelDistances& distances_;
  ConflictOptions options_;
  int64_t last_;
  std::unordered_set<std::string> taken_, used_;
};

}  // namespace

LevelDistances level_distances(const ResidualQuantizer& quantizer, const Tensor& z) {
  return [&quantizer, z](const Tensor& items, const Tensor& codes, int64_t level) {
    const Tensor rows = autograd::gather_rows(autograd::Var(z), items.to(z.device())).value();
    return squared_distances(quantizer.residual(rows, codes, level), quantizer.codebooks()[level].value());
  };
}

int64_t distinct_codes(const Tensor& codes) {
  require_codes(codes);
  std::unordered_set<std::string> seen;
  for (int64_t i = 0; i < codes.rows(); ++i) seen.insert(key_of(row(codes, i), codes.columns()));
  return static_cast<int64_t>(seen.size());
}

Conflicts resolve_conflicts(Tensor& codes, const LevelDistances& distances, const ConflictOptions& options,
                            const Tensor& taken) {
  require_codes(codes);
  tensor::require(!taken.defined() || (taken.shape().rank() == 2 && taken.columns() == codes.columns()),
                  "conflicts: the codes in use are ", taken.shape(), ", the new ones ", codes.shape(),
                  "; both need the same number of levels");
  return Resolver(codes, distances, options, taken).run();
}

Conflicts reassign_by_sinkhorn(Tensor& codes, const LevelDistances& distances, int rounds, const SinkhornOptions& options) {
  require_codes(codes);
  const Tensor greedy = codes.clone();
  const int64_t levels = codes.columns();
  Conflicts result{.items = codes.rows(), .distinct_before = distinct_codes(codes)};
  for (int round = 0; round < rounds && distinct_codes(codes) < codes.rows(); ++round) {
    for (const Items& group : groups_of(codes)) {
      if (group.size() == 1) continue;
      const Tensor chosen = sinkhorn_assign(host_distances(distances, group, rows_of(greedy, group), levels - 1), options);
      for (size_t i = 0; i < group.size(); ++i) {
        codes.data<int32_t>()[group[i] * levels + levels - 1] = chosen.data<int32_t>()[i];
      }
    }
  }
  result.distinct_after = distinct_codes(codes);
  result.moved = count_moved(greedy, codes);
  return result;
}

}  // namespace quant
