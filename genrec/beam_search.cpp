#include "genrec/beam_search.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "genrec/beam_step.h"
#include "genrec/top_k.h"
#include "tensor/parallel.h"
#include "tensor/profile.h"

namespace genrec {

namespace {

constexpr int kUserGrain = 8;       // users per piece of work
constexpr int64_t kLeafExtra = 20;  // bound of the extra width of Exclusion::leaf

bool contains(std::span<const int32_t> sorted, int32_t value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

}  // namespace

BeamSearch::BeamSearch(const Trie& trie, const BeamOptions& options) : trie_(trie), options_(options) {
  tensor::require(options.k >= 1, "beam search: k is ", options.k, "; ask for at least one item");
}

const std::vector<int32_t>& BeamSearch::not_entered(int64_t user) const {
  return options_.exclusion == Exclusion::trie ? excluded_[user] : unwanted_[user];
}

const std::vector<int32_t>& BeamSearch::not_listed(int64_t user) const {
  return options_.exclusion == Exclusion::none ? unwanted_[user] : excluded_[user];
}

// Counts the items that are not entered below each node, from the leaves up; a node is dead when they are all it holds.
void BeamSearch::find_dead_nodes(int64_t user, std::vector<std::vector<int32_t>>& dead) const {
  std::vector<std::pair<int32_t, int32_t>> counts;  // (node, such items below), ascending
  const auto add = [](std::vector<std::pair<int32_t, int32_t>>& list, int32_t node, int32_t count) {
    if (!list.empty() && list.back().first == node) list.back().second += count;
    else list.emplace_back(node, count);
  };
  std::vector<int32_t> leaves;
  for (int32_t item : not_entered(user)) leaves.push_back(trie_.leaf_of(item));
  std::sort(leaves.begin(), leaves.end());
  for (int32_t leaf : leaves) add(counts, leaf, 1);
  for (int depth = trie_.levels(); depth >= 1; --depth) {
    std::vector<std::pair<int32_t, int32_t>> above;
    for (const auto& [node, count] : counts) {
      const bool all = count == static_cast<int32_t>(trie_.items_under(depth, node).size());
      if (all) dead[user * trie_.levels() + depth - 1].push_back(node);
      add(above, trie_.parent(depth, node), count);
    }
    counts.swap(above);
  }
}

std::span<const int32_t> BeamSearch::dead_nodes(int64_t user, int depth) const {
  if (dead_.empty()) return {};
  return dead_[user * trie_.levels() + depth - 1];
}

void BeamSearch::start(std::span<const int32_t> users, const ItemsOf& excluded, const ItemsOf& unwanted) {
  users_ = static_cast<int64_t>(users.size());
  level_ = 0;
  trace_.clear();
  excluded_.assign(users_, {}), unwanted_.assign(users_, {});
  widths_.assign(users_, options_.k);
  const auto append = [](std::vector<int32_t>& items, std::span<const int32_t> more) {
    items.insert(items.end(), more.begin(), more.end());
  };
  bool any_dead = options_.exclusion == Exclusion::trie;
  for (int64_t user = 0; user < users_; ++user) {
    if (excluded) append(excluded_[user], excluded(users[user]));
    if (unwanted) append(unwanted_[user], unwanted(users[user]));
    append(excluded_[user], unwanted_[user]);
    any_dead |= !unwanted_[user].empty();
  }
  dead_.assign(any_dead ? users_ * trie_.levels() : 0, {});
  tensor::parallel_for(users_, kUserGrain, [&](int64_t begin, int64_t end) {
    for (int64_t user = begin; user < end; ++user) {
      sort_distinct(excluded_[user]), sort_distinct(unwanted_[user]);
      const std::vector<int32_t>& items = excluded_[user];
      tensor::check(items.empty() || (items.front() >= 0 && items.back() < trie_.items()), "user ", users[user],
                    " excludes an item outside [0, ", trie_.items(), ")");
      const auto count = static_cast<int64_t>(items.size() - unwanted_[user].size());  // those that the beam may meet
      if (options_.exclusion == Exclusion::leaf) widths_[user] += static_cast<int32_t>(std::min(count, kLeafExtra));
      if (any_dead) find_dead_nodes(user, dead_);
    }
  });
  row_begin_.assign(1, 0);
  nodes_.clear(), parents_.clear(), codes_.clear(), scores_.clear();
  for (int64_t user = 0; user < users_; ++user) {
    const bool nothing_left = static_cast<int64_t>(not_entered(user).size()) == trie_.items();
    if (!nothing_left) nodes_.push_back(0), scores_.push_back(0.0f);
    row_begin_.push_back(rows());
  }
}

float BeamSearch::normalizer_of(const StepScores& step, int64_t row) const {
  if (options_.score == BeamScore::full) return step.normalizer ? step.normalizer[row] : 0.0f;
  const Trie::Range children = trie_.children(level_, nodes_[row]);
  const int32_t* codes = trie_.codes(level_ + 1);
  const float* values = step.values + row * step.stride;
  float largest = values[codes[children.begin]];
  for (int32_t child = children.begin; child < children.end; ++child) largest = std::max(largest, values[codes[child]]);
  double sum = 0;
  for (int32_t child = children.begin; child < children.end; ++child)
    sum += std::exp(static_cast<double>(values[codes[child]] - largest));
  return largest + static_cast<float>(std::log(sum));
}

// `rows`: how many the user has after this level.
void BeamSearch::require_scores(int64_t user, int64_t rows) const {
  const bool lost = rows == 0 && row_begin_[user] < row_begin_[user + 1];
  tensor::require(tensor::Fault::bug, !lost, "beam search: level ", level_, ": none of the scores of user row ", user,
                  " is a number; the model diverged, lower the learning rate");
}

void BeamSearch::expand(const StepScores& step) {
  const tensor::Measured measured("beam step");
  tensor::check(!done() && !row_begin_.empty(), "expand() at level ", level_, " of ", trie_.levels());
  const int32_t* codes = trie_.codes(level_ + 1);
  const int64_t slots = users_ == 0 ? 0 : *std::max_element(widths_.begin(), widths_.end());
  std::vector<Scored> chosen(users_ * slots);  // key: row << 32 | child
  std::vector<int64_t> begins(users_ + 1, 0);
  tensor::parallel_for(users_, kUserGrain, [&](int64_t first, int64_t last) {
    TopK best;
    for (int64_t user = first; user < last; ++user) {
      best.reset(widths_[user]);
      const auto dead = dead_nodes(user, level_ + 1);
      for (int64_t row = row_begin_[user]; row < row_begin_[user + 1]; ++row) {
        const Trie::Range children = trie_.children(level_, nodes_[row]);
        const float* values = step.values + row * step.stride;
        const float parent = scores_[row], normalizer = normalizer_of(step, row);
        for (int32_t child = children.begin; child < children.end; ++child) {
          const float score = parent + (values[codes[child]] - normalizer);
          if (best.accepts(score) && !contains(dead, child)) best.offer(score, row << 32 | child);
        }
      }
      const auto list = best.sort();
      std::copy(list.begin(), list.end(), chosen.begin() + user * slots);
      begins[user + 1] = static_cast<int64_t>(list.size());
    }
  });
  for (int64_t user = 0; user < users_; ++user) {
    require_scores(user, begins[user + 1]);
    begins[user + 1] += begins[user];
  }
  nodes_.resize(begins[users_]), parents_.resize(rows()), codes_.resize(rows()), scores_.resize(rows());
  for (int64_t user = 0; user < users_; ++user) {
    for (int64_t row = begins[user]; row < begins[user + 1]; ++row) {
      const Scored& entry = chosen[user * slots + row - begins[user]];
      nodes_[row] = static_cast<int32_t>(entry.key & 0xffffffff);
      parents_[row] = static_cast<int32_t>(entry.key >> 32);
      codes_[row] = codes[nodes_[row]];
      scores_[row] = entry.score;
    }
  }
  row_begin_.swap(begins);
  trace_.push_back({parents_, scores_});
  ++level_;
}

void BeamSearch::adopt(const Tensor& found) {
  tensor::check(level_ == 0 && found.rows() == trie_.levels(), "adopt() at level ", level_);
  const int64_t slots = found.columns() / SlotField::count, width = slots / std::max<int64_t>(users_, 1);
  std::vector<int32_t> rows, rows_before;  // of each slot, once unused ones are left out
  for (; level_ < trie_.levels(); ++level_) {
    const int32_t *level = found.data<int32_t>() + level_ * SlotField::count * slots, *codes = trie_.codes(level_ + 1);
    rows_before.swap(rows);
    rows.assign(slots, -1);
    std::vector<int64_t> begins(1, 0);
    nodes_.clear(), parents_.clear(), codes_.clear(), scores_.clear();
    for (int64_t slot = 0; slot < slots; ++slot) {
      const int32_t node = level[SlotField::node * slots + slot], parent = level[SlotField::parent * slots + slot];
      if (node >= 0) {
        rows[slot] = static_cast<int32_t>(nodes_.size());
        nodes_.push_back(node), codes_.push_back(codes[node]);
        parents_.push_back(level_ == 0 ? static_cast<int32_t>(row_begin_[parent]) : rows_before[parent]);
        scores_.push_back(std::bit_cast<float>(level[SlotField::score * slots + slot]));
      }
      if (slot % width != width - 1) continue;
      require_scores(slot / width, static_cast<int64_t>(nodes_.size()) - begins.back());
      begins.push_back(static_cast<int64_t>(nodes_.size()));
    }
    row_begin_.swap(begins);
    trace_.push_back({parents_, scores_});
  }
}

// The items of the user's leaves, best first, at most k of them.
std::vector<BeamSearch::Leaf> BeamSearch::list_of(int64_t user, std::span<const int32_t> dropped) const {
  tensor::check(done(), "the search stands at level ", level_, " of ", trie_.levels());
  std::vector<Leaf> list;
  for (int64_t row = row_begin_[user]; row < row_begin_[user + 1]; ++row) {
    for (int32_t item : trie_.items_under(level_, nodes_[row])) {
      if (static_cast<int>(list.size()) == options_.k) return list;
      if (!contains(dropped, item)) list.push_back({item, row});
    }
  }
  return list;
}

Ranking BeamSearch::ranking() const {
  Ranking ranking(users_, options_.k);
  for (int64_t user = 0; user < users_; ++user) {
    const std::vector<Leaf> list = list_of(user, not_listed(user));
    for (size_t rank = 0; rank < list.size(); ++rank) {
      ranking.items[user * options_.k + rank] = list[rank].item;
      ranking.scores[user * options_.k + rank] = scores_[list[rank].row];
    }
  }
  return ranking;
}

BeamStatistics BeamSearch::statistics() const {
  BeamStatistics result;
  for (int64_t user = 0; user < users_; ++user) {
    for (const Leaf& leaf : list_of(user, {})) {
      ++result.listed;
      result.excluded += contains(excluded_[user], leaf.item);
    }
  }
  return result;
}

std::vector<float> BeamSearch::path_scores(int64_t user, int rank) const {
  const std::vector<Leaf> list = list_of(user, not_listed(user));
  tensor::check(rank >= 0 && rank < static_cast<int>(list.size()), "rank ", rank, " of a list of ", list.size());
  std::vector<float> result(level_);
  int64_t row = list[rank].row;
  for (int level = level_ - 1; level >= 0; --level) {
    result[level] = trace_[level].scores[row];
    row = trace_[level].parents[row];
  }
  return result;
}

}  // namespace genrec
