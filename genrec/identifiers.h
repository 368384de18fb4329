// Item identifiers: a short tuple of codes per item, and how MMGRec makes them unique (Rec-IDs, Eqs. 11-12). Codes are
// 0-based here, the popularity code too; files and people see popularity counted from 1. How codes become tokens:
// vocabulary.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace genrec {

struct ItemIdentifiers {
  int levels = 0;
  std::vector<int32_t> sizes{};  // [levels], codes that a level can hold
  std::vector<int32_t> codes{};  // [items, levels]
  bool popularity = false;       // the last level is the position inside a group of equal codes

  int64_t items() const { return levels == 0 ? 0 : static_cast<int64_t>(codes.size()) / levels; }
  std::span<const int32_t> operator[](int64_t item) const {
    return {codes.data() + item * levels, static_cast<size_t>(levels)};
  }
  int semantic_levels() const { return popularity ? levels - 1 : levels; }
  bool operator==(const ItemIdentifiers&) const = default;
};

// Every code inside its level's size, sizes and codes of matching length; an Error that names the item otherwise.
void check_identifiers(const ItemIdentifiers& identifiers);

// Items sorted by (codes, item), in linear time.
std::vector<int32_t> sorted_by_codes(const ItemIdentifiers& identifiers);

// Items grouped by their first `depth` codes; groups are numbered in the order of the codes.
struct PrefixGroups {
  std::vector<int32_t> group{};  // [items]
  std::vector<int64_t> sizes{};  // [groups]
};
PrefixGroups prefix_groups(const ItemIdentifiers& identifiers, int depth);

bool unique(const ItemIdentifiers& identifiers);  // no two items with the same codes

enum class LastCode {
  popularity,  // by training interactions, most popular first; equal counts by ascending item
  random,      // a random permutation inside each group (ablation random_last)
};

// Adds the last level: the position of an item among those with the same semantic codes, 0 for an item alone. Its size is
// the largest group. The result is unique. interactions [items]: training interactions only.
ItemIdentifiers assign_identifiers(const ItemIdentifiers& semantic, std::span<const int32_t> interactions,
                                   LastCode last = LastCode::popularity, uint64_t seed = 0);

// A table, one item per line: external id, codes; columns item, c0, c1, ..., p. The sizes stand in its first line.
std::string identifiers_text(const ItemIdentifiers& identifiers, std::span<const std::string> item_ids);
void write_identifiers(const std::string& path, const ItemIdentifiers& identifiers, std::span<const std::string> item_ids);
// Aligned by external id; every item of item_ids exactly once. Duplicate codes are allowed.
ItemIdentifiers read_identifiers(const std::string& path, std::span<const std::string> item_ids);

// The index files of LC-Rec, LETTER, MQL4GRec and MACRec: {"12": ["<a_3>", "<b_7>", ..], ..}, one letter per level, capital
// ones for visual identifiers. Keys are the numbers of the items in X.inter.json: `item_numbers` where the data set has them
// (Dataset::item_numbers), else the external ids.
struct IndexKeys {
  std::span<const std::string> item_ids;
  std::span<const int32_t> item_numbers = {};  // [items] or empty
};
enum class IndexLetters { lower, capital };  // textual, visual

// Any number of levels up to 26. The size of a level is its largest code + 1, or `size` if that is more. Every item must have
// an identifier; items of the file that are not in the data set are passed over. Duplicates are allowed.
ItemIdentifiers read_index_json(const std::string& path, const IndexKeys& keys, int32_t size = 0);
void write_index_json(const std::string& path, const ItemIdentifiers& identifiers, const IndexKeys& keys,
                      IndexLetters letters = IndexLetters::lower);
std::string index_json(const ItemIdentifiers& identifiers, const IndexKeys& keys, IndexLetters letters = IndexLetters::lower);

// "262 of 5988 identifiers are shared, by 524 of 6250 items"; "" when they are unique.
std::string shared_identifiers(const ItemIdentifiers& identifiers);

}  // namespace genrec
