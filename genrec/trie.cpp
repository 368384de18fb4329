#include "genrec/trie.h"

#include <algorithm>

#include "tensor/error.h"

namespace genrec {

Trie::Trie(const ItemIdentifiers& identifiers) : order_(sorted_by_codes(identifiers)) {
  tensor::check(!order_.empty(), "a trie needs at least one item");
  const int64_t items = identifiers.items();
  // node[i]: the node of the depth above that holds the i-th item of order_.
  std::vector<int32_t> node(items, 0);
  int32_t above = 1;
  depths_.resize(identifiers.levels);
  for (int level = 0; level < identifiers.levels; ++level) {
    Depth& depth = depths_[level];
    depth.child_begin.assign(above + 1, 0);
    int32_t last_parent = -1;
    for (int64_t i = 0; i < items; ++i) {
      const int32_t code = identifiers[order_[i]][level];
      if (node[i] != last_parent || code != depth.code.back()) {
        last_parent = node[i];
        depth.code.push_back(code);
        ++depth.child_begin[last_parent + 1];
      }
      node[i] = static_cast<int32_t>(depth.code.size()) - 1;
    }
    for (int32_t i = 0; i < above; ++i) depth.child_begin[i + 1] += depth.child_begin[i];
    depth.code.shrink_to_fit();
    above = static_cast<int32_t>(depth.code.size());
  }
  leaf_begin_.assign(above + 1, 0);
  leaf_.resize(items);
  for (int64_t i = 0; i < items; ++i) {
    leaf_begin_[node[i] + 1] = static_cast<int32_t>(i + 1);
    leaf_[order_[i]] = node[i];
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
