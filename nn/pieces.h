// One parallel loop over the elements of many tensors: work is cut into pieces of a fixed size, so results combined in the
// order of the pieces are the same bits for any number of threads.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "tensor/parallel.h"

namespace nn {

struct Piece {
  size_t tensor;
  int64_t begin, end;
};

inline std::vector<Piece> pieces_of(std::span<const int64_t> sizes) {
  constexpr int64_t kPiece = 1 << 14;
  std::vector<Piece> pieces;
  for (size_t t = 0; t < sizes.size(); ++t)
    for (int64_t begin = 0; begin < sizes[t]; begin += kPiece)
      pieces.push_back({t, begin, std::min(begin + kPiece, sizes[t])});
  return pieces;
}

// Calls f(index of the piece, piece).
template <class F>
void for_pieces(const std::vector<Piece>& pieces, F&& f) {
  tensor::parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(static_cast<size_t>(i), pieces[static_cast<size_t>(i)]);
  });
}

}  // namespace nn
