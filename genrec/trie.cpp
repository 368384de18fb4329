#include "genrec/trie.h"

#include <algorithm>

#include "tensor/error.h"

namespace genrec {

Trie::Trie(const ItemIdentifiers& identifiers) : order_(sorted_by_codes(identifiers)) {
  tensor::check(!order_.empty(), "a trie needs at least one item");
  const int levels = identifiers.levels;
  depths_.resize(levels);
  depths_[0].child_begin.push_back(0);
  leaf_.resize(order_.size());
  for (size_t i = 0; i < order_.size(); ++i) {
    const auto codes = identifiers[order_[i]];
    int level = 0;  // the first one that differs from the item before: from there on the nodes are new
    if (i > 0) {
      const auto before = identifiers[order_[i - 1]];
      while (level < levels && codes[level] == before[level]) ++level;
    }
    for (; level < levels; ++level) {
      depths_[level].code.push_back(codes[level]);
      if (level + 1 < levels) depths_[level + 1].child_begin.push_back(nodes(level + 2));
      else leaf_begin_.push_back(static_cast<int32_t>(i));
    }
    leaf_[order_[i]] = nodes(levels) - 1;
  }
  leaf_begin_.push_back(static_cast<int32_t>(order_.size()));
  leaf_begin_.shrink_to_fit();
  for (Depth& depth : depths_) {
    depth.child_begin.push_back(static_cast<int32_t>(depth.code.size()));
    depth.child_begin.shrink_to_fit();
    depth.code.shrink_to_fit();
  }
}

Trie::Range Trie::children(int depth, int32_t node) const {
  const std::vector<int32_t>& begin = depths_[depth].child_begin;
  return {begin[node], begin[node + 1]};
}

int32_t Trie::parent(int depth, int32_t node) const {
  const std::vector<int32_t>& begin = depths_[depth - 1].child_begin;
  return static_cast<int32_t>(std::upper_bound(begin.begin(), begin.end(), node) - begin.begin()) - 1;
}

std::span<const int32_t> Trie::items_under(int depth, int32_t node) const {
  int32_t begin = node, end = node + 1;
  for (int d = depth; d < levels(); ++d) begin = depths_[d].child_begin[begin], end = depths_[d].child_begin[end];
  return {order_.data() + leaf_begin_[begin], order_.data() + leaf_begin_[end]};
}

int32_t Trie::find(std::span<const int32_t> codes) const {
  tensor::check(static_cast<int>(codes.size()) <= levels(), codes.size(), " codes, the trie has ", levels(), " levels");
  int32_t node = 0;
  for (size_t depth = 0; depth < codes.size(); ++depth) {
    const Range range = children(static_cast<int>(depth), node);
    const int32_t* all = depths_[depth].code.data();
    const int32_t* found = std::lower_bound(all + range.begin, all + range.end, codes[depth]);
    if (found == all + range.end || *found != codes[depth]) return -1;
    node = static_cast<int32_t>(found - all);
  }
  return node;
}

}  // namespace genrec
