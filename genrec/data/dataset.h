// A prepared data set: who interacted with what, split into training, validation and test, and what is known of the items.
// Inside the program users and items are numbers from 0; `user_ids` and `item_ids` are the ids that people see.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace genrec {

enum class Split : uint8_t { train, valid, test };
inline constexpr Split kSplits[] = {Split::train, Split::valid, Split::test};
const char* name_of(Split split);

// One view of the items: dense features.
struct Modality {
  tensor::Tensor values;         // [items, dim] f32
  std::vector<uint8_t> present;  // [items]; 0: the item has none, its row holds the fill of the missing policy
  int64_t dim() const { return values.columns(); }
};

// One view of the items: words, as CSR over the items.
struct WordLists {
  std::vector<int64_t> offsets;  // [items + 1]
  std::vector<int32_t> words;    // [offsets.back()], each in [0, vocabulary)
  int32_t vocabulary = 0;
};

struct Csr {  // users x items
  std::vector<int64_t> offsets;  // [users + 1]
  std::vector<int32_t> items;
};

struct Dataset {
  std::vector<std::string> user_ids, item_ids;
  std::vector<std::string> titles, texts;  // [items] or empty; for display
  // [items], ascending, or empty: the numbers of the items in the files of the LC-Rec family that they came from, where a map
  // gave them other ids. Identifier files of that family name items so.
  std::vector<int32_t> item_numbers = {};

  // Interactions by user and, within a user, by split, then in time order (in order of item where there is no time). The
  // interactions of user u and split s are [bounds[3u+s], bounds[3u+s+1]).
  std::vector<int32_t> items;
  std::vector<int64_t> bounds = {0};  // [3 users + 1]
  std::vector<double> times;          // [interactions] or empty
  bool ordered = false;               // the order within a user means something

  std::map<std::string, Modality> features;  // "visual", "acoustic", ..
  std::map<std::string, WordLists> words;    // "textual", ..

  std::string split_protocol;        // "given", "ratio", "leave-one-out", "global-time"
  uint64_t split_seed = 0;           // of "ratio"
  std::vector<std::string> sources;  // what it was made from, for people; not part of the fingerprint

  int64_t users() const { return static_cast<int64_t>(user_ids.size()); }
  int64_t item_count() const { return static_cast<int64_t>(item_ids.size()); }
  int64_t interactions() const { return static_cast<int64_t>(items.size()); }
  int64_t interactions(Split split) const;

  std::span<const int32_t> items_of(int64_t user, Split split) const { return range(user, static_cast<int>(split), 1); }
  std::span<const int32_t> items_of(int64_t user) const { return range(user, 0, 3); }
  std::span<const int32_t> train_items(int64_t user) const { return items_of(user, Split::train); }
  // What is known of a user when the items of `target` are to be found: training for valid, training and valid for test.
  std::span<const int32_t> history(int64_t user, Split target) const { return range(user, 0, static_cast<int>(target)); }

  Csr train_csr() const;                      // rows in the stored order
  std::vector<int32_t> train_counts() const;  // [items] training interactions per item

  // Index of an external id; -1 when there is none. Linear in the number of ids: for a handful of look-ups.
  int64_t find_user(std::string_view id) const;
  int64_t find_item(std::string_view id) const;

 private:
  std::span<const int32_t> range(int64_t user, int from, int segments) const {
    const int64_t begin = bounds[3 * user + from], end = bounds[3 * user + from + segments];
    return {items.data() + begin, static_cast<size_t>(end - begin)};
  }
};

// Throws Error(bad_data) beginning with `where` unless sizes fit each other and every index is in range.
void validate(const Dataset& dataset, const std::string& where);

// 16 hexadecimal digits over everything that training or display uses; the same on every machine.
std::string fingerprint(const Dataset& dataset);

// A folder: dataset.json, interactions.safetensors, features.safetensors, users.tsv, items.tsv. Each file is replaced in one
// step, dataset.json last; its fingerprint is compared when the folder is loaded.
void save_dataset(const Dataset& dataset, const std::string& folder);
Dataset load_dataset(const std::string& folder);

}  // namespace genrec
