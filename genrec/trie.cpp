#include "genrec/trie.h"

#include <algorithm>

#include "tensor/error.h"

namespace genrec {

Trie::Trie(const ItemIdentifiers& identifiers) : order_(sorted_by_codes(identifiers)) {
  tensor::check(!order_.empty(), "a trie needs at least one item");
  const int levels = identifiers.levels;
  std::vector<std::vector<int32_t>> codes_of(levels), begins_of(levels);
  begins_of[0].push_back(0);
  leaf_.resize(order_.size());
  for (size_t i = 0; i < order_.size(); ++i) {
    const auto codes = identifiers[order_[i]];
    int level = 0;  // the first one that differs from the item before: from there on the nodes are new
    if (i > 0) {
      const auto before = identifiers[order_[i - 1]];
      while (level < levels && codes[level] == before[level]) ++level;
    }
    for (; level < levels; ++level) {
      codes_of[level].push_back(codes[level]);
      if (level + 1 < levels) begins_of[level + 1].push_back(static_cast<int32_t>(codes_of[level + 1].size()));
      else leaf_begin_.push_back(static_cast<int32_t>(i));
    }
    leaf_[order_[i]] = static_cast<int32_t>(codes_of.back().size()) - 1;
  }
  leaf_begin_.push_back(static_cast<int32_t>(order_.size()));
  leaf_begin_.shrink_to_fit();
  for (int level = 0; level < levels; ++level) {
    begins_of[level].push_back(static_cast<int32_t>(codes_of[level].size()));
    depths_.push_back({tensor::Tensor::from(codes_of[level]), tensor::Tensor::from(begins_of[level])});
  }
}

Trie::Range Trie::children(int depth, int32_t node) const {
  const int32_t* begin = ints(depths_[depth].child_begin);
  return {begin[node], begin[node + 1]};
}

int32_t Trie::parent(int depth, int32_t node) const {
  const auto begin = depths_[depth - 1].child_begin.span<int32_t>();
  return static_cast<int32_t>(std::upper_bound(begin.begin(), begin.end(), node) - begin.begin()) - 1;
}

std::span<const int32_t> Trie::items_under(int depth, int32_t node) const {
  int32_t begin = node, end = node + 1;
  for (int d = depth; d < levels(); ++d) {
    const int32_t* first = ints(depths_[d].child_begin);
    begin = first[begin], end = first[end];
  }
  return {order_.data() + leaf_begin_[begin], order_.data() + leaf_begin_[end]};
}

int32_t Trie::find(std::span<const int32_t> codes) const {
  tensor::check(static_cast<int>(codes.size()) <= levels(), codes.size(), " codes, the trie has ", levels(), " levels");
  int32_t node = 0;
  for (size_t depth = 0; depth < codes.size(); ++depth) {
    const Range range = children(static_cast<int>(depth), node);
    const int32_t* all = ints(depths_[depth].code);
    const int32_t* found = std::lower_bound(all + range.begin, all + range.end, codes[depth]);
    if (found == all + range.end || *found != codes[depth]) return -1;
    node = static_cast<int32_t>(found - all);
  }
  return node;
}

}  // namespace genrec
