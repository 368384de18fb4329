// The prefix tree of all item identifiers, as flat arrays. A node is numbered inside its depth, breadth first, so the
// children of a node are consecutive nodes of the next depth, with ascending codes: following an edge needs no lookup.
// Depth 0 is the root, depth levels() the leaves. A leaf stands for one item, or several where a foreign identifier file
// has duplicates. Memory: at most 8 bytes per node plus 8 bytes per item.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "genrec/identifiers.h"
#include "tensor/tensor.h"

namespace genrec {

class Trie {
 public:
  struct Range {
    int32_t begin, end;
    int32_t size() const { return end - begin; }
  };

  explicit Trie(const ItemIdentifiers& identifiers);

  int levels() const { return static_cast<int>(depths_.size()); }
  int64_t items() const { return static_cast<int64_t>(order_.size()); }
  int32_t nodes(int depth) const { return depth == 0 ? 1 : static_cast<int32_t>(depths_[depth - 1].code.size()); }

  // The arrays behind children() and codes(), for kernels: i32 [nodes(depth) + 1] and [nodes(depth)].
  const tensor::Tensor& child_begins(int depth) const { return depths_[depth].child_begin; }
  const tensor::Tensor& code_table(int depth) const { return depths_[depth - 1].code; }

  Range children(int depth, int32_t node) const;  // nodes of depth + 1
  // codes(d)[n]: the code on the edge that leads to node n of depth d >= 1.
  const int32_t* codes(int depth) const { return ints(depths_[depth - 1].code); }
  int32_t parent(int depth, int32_t node) const;  // of a node of depth >= 1; O(log nodes)

  std::span<const int32_t> items_under(int depth, int32_t node) const;  // sorted by (codes, item); O(levels)
  int32_t leaf_of(int32_t item) const { return leaf_[item]; }
  int32_t find(std::span<const int32_t> codes) const;  // the node at depth codes.size(), -1 if there is none

 private:
  struct Depth {
    tensor::Tensor code;         // i32 [nodes of this depth]
    tensor::Tensor child_begin;  // i32 [nodes of the depth above + 1]: the nodes of this depth under each of them
  };
  static const int32_t* ints(const tensor::Tensor& x) { return reinterpret_cast<const int32_t*>(x.raw()); }

  std::vector<Depth> depths_;        // depths 1 .. levels
  std::vector<int32_t> leaf_begin_;  // [leaves + 1], into order_
  std::vector<int32_t> order_;       // items by (codes, item)
  std::vector<int32_t> leaf_;        // [items]
};

}  // namespace genrec
