#include "genrec/data/check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "tensor/error.h"

namespace genrec {

namespace {

void count_interactions(const Dataset& d, DatasetCheck& report) {
  const std::vector<int32_t> train_counts = d.train_counts();
  report.user_min = d.interactions();
  std::vector<int32_t> sorted;
  for (int64_t u = 0; u < d.users(); ++u) {
    const auto all = d.items_of(u);
    const int64_t size = static_cast<int64_t>(all.size());
    report.user_min = std::min(report.user_min, size);
    report.user_max = std::max(report.user_max, size);
    report.train += static_cast<int64_t>(d.train_items(u).size());
    report.valid += static_cast<int64_t>(d.items_of(u, Split::valid).size());
    report.test += static_cast<int64_t>(d.items_of(u, Split::test).size());
    report.cold_users += d.train_items(u).empty();
    report.users_without_valid += d.items_of(u, Split::valid).empty();
    report.users_without_test += d.items_of(u, Split::test).empty();
    for (int32_t item : d.items_of(u, Split::test)) report.unreachable_test += train_counts[item] == 0;
    sorted.assign(all.begin(), all.end());
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 1; i < sorted.size(); ++i) report.duplicate_pairs += sorted[i] == sorted[i - 1];
  }
  report.cold_items = std::count(train_counts.begin(), train_counts.end(), 0);
  report.interactions = d.interactions();
  report.user_mean = static_cast<double>(report.interactions) / static_cast<double>(d.users());
  report.density = report.user_mean / static_cast<double>(d.item_count());
}

ModalityCheck check_modality(const std::string& name, const Modality& modality) {
  ModalityCheck report;
  report.name = name;
  report.dim = modality.dim();
  const auto values = modality.values.span<float>();
  const size_t dim = static_cast<size_t>(report.dim), bytes = dim * sizeof(float);
  std::unordered_multimap<size_t, const float*> seen;
  int64_t finite = 0;
  double total = 0;
  for (size_t item = 0; item < modality.present.size(); ++item) {
    if (!modality.present[item]) {
      ++report.missing;
      continue;
    }
    const float* row = values.data() + item * dim;
    double square = 0;
    for (size_t j = 0; j < dim; ++j) square += double{row[j]} * row[j];
    if (!std::isfinite(square)) {
      ++report.not_finite;
      continue;
    }
    const double norm = std::sqrt(square);
    report.norm_min = finite == 0 ? norm : std::min(report.norm_min, norm);
    report.norm_max = std::max(report.norm_max, norm);
    total += norm;
    ++finite;
    report.zero_rows += norm == 0;
    const size_t key = std::hash<std::string_view>()({reinterpret_cast<const char*>(row), bytes});
    const auto [begin, end] = seen.equal_range(key);
    if (std::any_of(begin, end, [&](const auto& other) { return std::memcmp(other.second, row, bytes) == 0; }))
      ++report.duplicate_rows;
    else
      seen.emplace(key, row);
  }
  if (finite > 0) report.norm_mean = total / static_cast<double>(finite);
  return report;
}

WordsCheck check_words(const std::string& name, const WordLists& lists) {
  WordsCheck report;
  report.name = name;
  report.vocabulary = lists.vocabulary;
  std::vector<uint8_t> used(static_cast<size_t>(lists.vocabulary));
  for (int32_t word : lists.words) used[word] = 1;
  report.unused_words = std::count(used.begin(), used.end(), 0);
  const int64_t items = static_cast<int64_t>(lists.offsets.size()) - 1;
  for (int64_t i = 0; i < items; ++i) report.empty_items += lists.offsets[i] == lists.offsets[i + 1];
  report.words_per_item = static_cast<double>(lists.words.size()) / static_cast<double>(items);
  return report;
}

void add_warnings(DatasetCheck& report) {
  const auto warn = [&](int64_t count, const auto&... parts) {
    if (count > 0) report.warnings.push_back(tensor::join(count, parts...));
  };
  warn(report.duplicate_pairs, " repeated (user, item) pairs; import the data again");
  warn(report.cold_items, " of ", report.items,
      " items have no training interaction; only their features can recommend them");
  warn(report.cold_users, " of ", report.users, " users have no training interaction; their recommendations are popularity");
  warn(report.unreachable_test, " of ", report.test, " test interactions are with items that have no training interaction");
  if (report.valid == 0) report.warnings.push_back("no validation interactions; early stopping has nothing to go by");
  if (report.test == 0) report.warnings.push_back("no test interactions; there is nothing to evaluate on");
  if (report.features.empty() && report.words.empty())
    report.warnings.push_back("no features of any modality; only models without content can be trained");
  for (const ModalityCheck& view : report.features) {
    warn(view.missing, " of ", report.items, " items have no ", view.name, " features");
    warn(view.not_finite, " rows of the ", view.name, " features are not finite; import the data again");
    warn(view.zero_rows, " rows of the ", view.name, " features are zero");
    warn(view.duplicate_rows, " rows of the ", view.name, " features repeat an earlier one");
  }
  for (const WordsCheck& view : report.words) warn(view.empty_items, " of ", report.items, " items have no ", view.name,
      " words");
}

}  // namespace

DatasetCheck check_dataset(const Dataset& dataset) {
  validate(dataset, "check");
  DatasetCheck report;
  report.users = dataset.users();
  report.items = dataset.item_count();
  report.ordered = dataset.ordered;
  report.split_protocol = dataset.split_protocol;
  report.fingerprint = fingerprint(dataset);
  report.untitled = std::count(dataset.titles.begin(), dataset.titles.end(), std::string());
  count_interactions(dataset, report);
  for (const auto& [name, modality] : dataset.features) report.features.push_back(check_modality(name, modality));
  for (const auto& [name, lists] : dataset.words) report.words.push_back(check_words(name, lists));
  add_warnings(report);
  return report;
}

}  // namespace genrec
