#include "genrec/data/dataset.h"

#include <algorithm>
#include <functional>

#include "genrec/hash.h"
#include "tensor/error.h"

namespace genrec {

namespace {

using tensor::Fault;
using tensor::require;

void validate_ids(const std::vector<std::string>& ids, const std::string& where, const char* what) {
  require(Fault::bad_data, !ids.empty(), where, ": has no ", what, "s; import it again");
  require(Fault::bad_data, ids.size() <= INT32_MAX, where, ": has ", ids.size(), " ", what, "s, at most ", INT32_MAX,
          " are possible; split the data");
  std::vector<std::string_view> sorted(ids.begin(), ids.end());
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  require(Fault::bad_data, twice == sorted.end(), where, ": ", what, " id '", twice == sorted.end() ? "" : *twice,
          "' occurs twice; import it again");
}

void validate_interactions(const Dataset& d, const std::string& where) {
  require(Fault::bad_data, static_cast<int64_t>(d.bounds.size()) == 3 * d.users() + 1, where, ": bounds has ",
      d.bounds.size(),
          " entries, expected 3 x ", d.users(), " users + 1; import it again");
  require(Fault::bad_data, d.bounds.front() == 0 && d.bounds.back() == d.interactions() &&
          std::is_sorted(d.bounds.begin(), d.bounds.end()), where, ": bounds do not rise from 0 to ", d.interactions(),
          "; import it again");
  require(Fault::bad_data, d.times.empty() || static_cast<int64_t>(d.times.size()) == d.interactions(), where, ": has ",
          d.times.size(), " times for ", d.interactions(), " interactions; import it again");
  for (int32_t item : d.items)
    require(Fault::bad_data, item >= 0 && item < d.item_count(), where, ": names item number ", item, " of ", d.item_count(),
            "; import it again");
}

void validate_views(const Dataset& d, const std::string& where) {
  for (const auto* text : {&d.titles, &d.texts})
    require(Fault::bad_data, text->empty() || static_cast<int64_t>(text->size()) == d.item_count(), where, ": has ",
        text->size(),
            " titles or texts for ", d.item_count(), " items; import it again");
  require(Fault::bad_data, d.item_numbers.empty() || (static_cast<int64_t>(d.item_numbers.size()) == d.item_count() &&
          std::adjacent_find(d.item_numbers.begin(), d.item_numbers.end(), std::greater_equal<>()) == d.item_numbers.end()),
          where, ": the ", d.item_numbers.size(), " item numbers do not rise over ", d.item_count(), " items; import it again");
  for (const auto& [name, modality] : d.features) {
    require(Fault::bad_data, modality.values.defined() && modality.values.shape().rank() == 2 &&
            modality.values.dtype() == tensor::DType::f32 && modality.values.rows() == d.item_count() &&
            static_cast<int64_t>(modality.present.size()) == d.item_count(), where, ": ", name,
                " features do not have one row for each of ",
            d.item_count(), " items; import it again");
  }
  for (const auto& [name, lists] : d.words) {
    require(Fault::bad_data, static_cast<int64_t>(lists.offsets.size()) == d.item_count() + 1 &&
        lists.offsets.front() == 0 &&
            lists.offsets.back() == static_cast<int64_t>(lists.words.size()) &&
            std::is_sorted(lists.offsets.begin(), lists.offsets.end()), where, ": ", name,
                " words: offsets do not rise from 0 to ",
            lists.words.size(), " over ", d.item_count(), " items; import it again");
    for (int32_t word : lists.words)
      require(Fault::bad_data, word >= 0 && word < lists.vocabulary, where, ": ", name, " words: names word ", word, " of ",
              lists.vocabulary, "; import it again");
  }
}

int64_t index_of(const std::vector<std::string>& ids, std::string_view id) {
  const auto found = std::find(ids.begin(), ids.end(), id);
  return found == ids.end() ? -1 : found - ids.begin();
}

}  // namespace

const char* name_of(Split split) {
  static constexpr const char* kNames[] = {"train", "valid", "test"};
  return kNames[static_cast<int>(split)];
}

int64_t Dataset::interactions(Split split) const {
  int64_t count = 0;
  for (int64_t u = 0; u < users(); ++u) count += static_cast<int64_t>(items_of(u, split).size());
  return count;
}

Csr Dataset::train_csr() const {
  Csr csr;
  csr.offsets.reserve(users() + 1);
  csr.offsets.push_back(0);
  csr.items.reserve(interactions(Split::train));
  for (int64_t u = 0; u < users(); ++u) {
    const auto row = train_items(u);
    csr.items.insert(csr.items.end(), row.begin(), row.end());
    csr.offsets.push_back(static_cast<int64_t>(csr.items.size()));
  }
  return csr;
}

std::vector<int32_t> Dataset::train_counts() const {
  std::vector<int32_t> counts(item_count());
  for (int64_t u = 0; u < users(); ++u)
    for (int32_t item : train_items(u)) ++counts[item];
  return counts;
}

int64_t Dataset::find_user(std::string_view id) const { return index_of(user_ids, id); }
int64_t Dataset::find_item(std::string_view id) const { return index_of(item_ids, id); }

void validate(const Dataset& dataset, const std::string& where) {
  validate_ids(dataset.user_ids, where, "user");
  validate_ids(dataset.item_ids, where, "item");
  validate_interactions(dataset, where);
  validate_views(dataset, where);
}

std::string fingerprint(const Dataset& d) {
  Hash hash;
  hash.add(std::string_view("genrec-dataset-1"));
  for (const auto* texts : {&d.user_ids, &d.item_ids, &d.titles, &d.texts}) hash.add(*texts);
  hash.add(d.items);
  hash.add(d.bounds);
  hash.add(d.times);
  hash.add(std::string_view(d.ordered ? "ordered" : "unordered"));
  for (const auto& [name, modality] : d.features) {
    hash.add(std::string_view(name));
    hash.add(modality.values.raw(), static_cast<size_t>(modality.values.bytes()));
    hash.add(modality.present);
  }
  for (const auto& [name, lists] : d.words) {
    hash.add(std::string_view(name));
    hash.add(lists.offsets);
    hash.add(lists.words);
    hash.add(&lists.vocabulary, sizeof lists.vocabulary);
  }
  if (!d.item_numbers.empty()) hash.add(d.item_numbers);
  hash.add(std::string_view(d.split_protocol));
  hash.add(&d.split_seed, sizeof d.split_seed);
  return hash.hex();
}

}  // namespace genrec
