#include "genrec/macrec/add_items.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "genrec/data/lines.h"
#include "genrec/data/table.h"
#include "genrec/data/views.h"
#include "genrec/macrec/identifier_stage.h"
#include "genrec/macrec/quantizer_training.h"
#include "quant/conflicts.h"
#include "tensor/npy.h"

namespace genrec::macrec {

using quant::Conflicts;
using tensor::Fault;
using tensor::require;

namespace {

std::vector<std::string> read_ids(const std::string& path, const Dataset& dataset) {
  std::unordered_set<std::string> known(dataset.item_ids.begin(), dataset.item_ids.end()), seen;
  std::vector<std::string> ids;
  LineReader lines(path);
  for (std::string_view line; lines.next(line);) {
    const std::string id(line);
    require(Fault::bad_data, !id.empty(), lines.place(), ": is empty; write one item id per line");
    require(Fault::bad_data, !known.contains(id), lines.place(), ": item '", id, "' is in the data set already; leave it out");
    require(Fault::bad_data, seen.insert(id).second, lines.place(), ": item '", id, "' stands twice; keep one line");
    ids.push_back(id);
  }
  require(Fault::bad_data, !ids.empty(), path, ": holds no item ids; write one per line");
  return ids;
}

void require_finite(const Tensor& values, const std::string& path, const std::string& modality, const std::vector<std::string>& ids) {
  for (int64_t i = 0; i < values.size(); ++i) {
    const int64_t row = i / values.columns();
    const float value = values.data<float>()[i];
    if (!std::isfinite(value)) fail_not_finite(path, modality, row, i % values.columns(), ids[row], value);
  }
}

Tensor joined(const Tensor& first, const Tensor& second) {
  Tensor all({first.rows() + second.rows(), first.columns()}, first.dtype());
  all.row_range(0, first.rows()).copy_from(first);
  all.row_range(first.rows(), all.rows()).copy_from(second);
  return all;
}

Tensor codes_of(const ItemIdentifiers& identifiers) {
  return Tensor::from(identifiers.codes, {identifiers.items(), identifiers.levels});
}

// The numbering of items with equal codes goes on; it cannot go beyond the codes that the model knows.
void append_numbered(ItemIdentifiers& all, const Tensor& codes, const std::string& modality) {
  const int semantic = all.semantic_levels();
  std::map<std::vector<int32_t>, int32_t> next;  // number of the next item with these codes
  for (int64_t item = 0; item < all.items(); ++item) {
    int32_t& number = next[{all[item].begin(), all[item].begin() + semantic}];
    number = std::max(number, all[item][semantic] + 1);
  }
  for (int64_t i = 0; i < codes.rows(); ++i) {
    const int32_t* row = codes.data<int32_t>() + i * semantic;
    const int32_t place = next[{row, row + semantic}]++;
    require(Fault::bad_data, place < all.sizes.back(), "ids add: new item ", i, " would be number ", place + 1, " of its ",
            modality, " codes, the model knows ", all.sizes.back(), "; train anew with these items");
    all.codes.insert(all.codes.end(), row, row + semantic);
    all.codes.push_back(place);
  }
}

}  // namespace

NewItems read_new_items(const std::vector<std::string>& features, const std::string& ids, const Dataset& dataset) {
  NewItems items;
  items.ids = read_ids(ids, dataset);
  for (const std::string& given : features) {
    const size_t equals = given.find('=');
    require(equals != std::string::npos, "--features: '", given, "' is not MODALITY=FILE");
    const std::string name = given.substr(0, equals), path = given.substr(equals + 1);
    const Modality& known = features_of(dataset, name);
    const Tensor values = tensor::read_npy(path, name + " features", 2);
    const int64_t rows = static_cast<int64_t>(items.ids.size());
    require(Fault::bad_data, values.dtype() == tensor::DType::f32 && values.shape() == tensor::Shape{rows, known.dim()}, path,
            ": holds ", values.dtype(), " ", values.shape(), ", expected f32 [", rows, ",", known.dim(),
            "]: a row for each id, as wide as the ", name, " features of the data set");
    require_finite(values, path, name, items.ids);
    items.features[name] = values;
  }
  for (const auto& [name, modality] : dataset.features) {
    require(Fault::missing_input, items.features.contains(name), "--features: the new items lack ", name, " features; give ", name,
            "=FILE");
  }
  return items;
}

std::vector<std::pair<int32_t, int32_t>> read_new_interactions(const std::string& path, const NewItems& items, const Dataset& dataset) {
  std::unordered_map<std::string_view, int32_t> users, fresh;
  for (size_t i = 0; i < dataset.user_ids.size(); ++i) users.emplace(dataset.user_ids[i], static_cast<int32_t>(i));
  for (size_t i = 0; i < items.ids.size(); ++i) fresh.emplace(items.ids[i], static_cast<int32_t>(i));
  const Schema schema = sniff(path, TableKind::interactions);
  const int user_column = schema.find(Role::user), item_column = schema.find(Role::item);
  std::set<std::pair<int32_t, int32_t>> pairs;
  TableReader table(schema);
  while (table.next()) {
    const auto user = users.find(table.field(user_column)), item = fresh.find(table.field(item_column));
    require(Fault::bad_data, user != users.end(), table.place(user_column), ": user '", table.field(user_column),
            "' is not in the data set; leave the line out");
    require(Fault::bad_data, item != fresh.end(), table.place(item_column), ": item '", table.field(item_column),
            "' is not among the new items; leave the line out");
    require(Fault::bad_data, pairs.emplace(user->second, item->second).second, table.place(), ": stands twice; keep one line");
  }
  require(Fault::bad_data, !pairs.empty(), path, ": holds no interactions; leave --interactions out");
  return {pairs.begin(), pairs.end()};
}

// Puts the new interactions behind each user's test items; where times are kept, at the time of the last one there is.
static void append_to_test(Dataset& all, const std::vector<std::pair<int32_t, int32_t>>& interactions, int32_t first_new) {
  const Dataset old = all;
  const double last = old.times.empty() ? 0 : *std::max_element(old.times.begin(), old.times.end());
  all.items.clear(), all.times.clear(), all.bounds = {0};
  all.split_protocol = "given";
  auto next = interactions.begin();
  for (int64_t user = 0; user < old.users(); ++user) {
    for (size_t split = 0; split < std::size(kSplits); ++split) {
      const int64_t begin = old.bounds[3 * user + split], end = old.bounds[3 * user + split + 1];
      all.items.insert(all.items.end(), old.items.begin() + begin, old.items.begin() + end);
      if (!old.times.empty()) all.times.insert(all.times.end(), old.times.begin() + begin, old.times.begin() + end);
      for (; kSplits[split] == Split::test && next != interactions.end() && next->first == user; ++next) {
        all.items.push_back(first_new + next->second);
        if (!old.times.empty()) all.times.push_back(last);
      }
      all.bounds.push_back(static_cast<int64_t>(all.items.size()));
    }
  }
}

Dataset with_items(const Dataset& dataset, const NewItems& items) {
  Dataset all = dataset;
  all.item_ids.insert(all.item_ids.end(), items.ids.begin(), items.ids.end());
  const size_t count = all.item_ids.size();
  if (!all.titles.empty()) all.titles.resize(count);
  if (!all.texts.empty()) all.texts.resize(count);
  while (!all.item_numbers.empty() && all.item_numbers.size() < count) all.item_numbers.push_back(all.item_numbers.back() + 1);
  for (auto& [name, modality] : all.features) {
    modality.values = joined(modality.values, items.features.at(name));
    modality.present.resize(count, 1);
  }
  for (auto& [name, lists] : all.words) lists.offsets.resize(count + 1, lists.offsets.back());
  if (!items.interactions.empty()) append_to_test(all, items.interactions, static_cast<int32_t>(dataset.item_count()));
  return all;
}

ItemIdentifiers extend_identifiers(const ItemIdentifiers& old, const FrozenQuantizer& quantizer, const Tensor& features,
                                   Conflicts& conflicts) {
  const QuantizerShape& shape = quantizer.shape();
  require(Fault::bad_data, old.semantic_levels() == shape.levels && old.sizes[0] == shape.codes, "ids add: the ", shape.modality,
          " identifiers have ", old.semantic_levels(), " levels of ", old.sizes[0], " codes, the quantiser ", shape.levels, " of ",
          shape.codes, "; identifiers that were made elsewhere cannot be added to");
  const Tensor z = quantizer.latents(features);
  Tensor codes = quantizer.quantizer().encode(z);
  ItemIdentifiers all = old;
  if (old.popularity) {
    append_numbered(all, codes, shape.modality);
    conflicts = {.items = codes.rows(), .distinct_before = quant::distinct_codes(codes), .distinct_after = codes.rows()};
    return all;
  }
  conflicts = quant::resolve_conflicts(codes, quant::level_distances(quantizer.quantizer(), z), {}, codes_of(old));
  all.codes.insert(all.codes.end(), codes.data<int32_t>(), codes.data<int32_t>() + codes.size());
  return all;
}

}  // namespace genrec::macrec
