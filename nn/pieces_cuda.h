// One launch over the elements of many tensors: a table of pieces (nn/pieces.h) on the device, a block for each.
#pragma once

#include "nn/pieces.h"
#include "tensor/cuda/launch.h"

namespace nn {

inline constexpr unsigned kPieceThreads = 256;

// Runs f(entry, element) for every element of every piece; `make` gives the entry of a tensor, a plain struct of pointers.
template <class Entry>
struct DevicePiece {
  Entry entry;
  int64_t begin, end;
};

template <class Entry, class F>
__global__ void pieces_kernel(const DevicePiece<Entry>* pieces, F f) {
  const DevicePiece<Entry>& piece = pieces[blockIdx.x];
  for (int64_t i = piece.begin + threadIdx.x; i < piece.end; i += blockDim.x) f(piece.entry, i);
}

template <class Entry, class F>
void for_device_pieces(const char* name, const std::vector<Entry>& entries, std::span<const int64_t> sizes, F f) {
  std::vector<DevicePiece<Entry>> table;
  for (const Piece& p : pieces_of(sizes)) table.push_back({entries[p.tensor], p.begin, p.end});
  const tensor::Tensor copy = tensor::cuda::upload_lasting(table);
  tensor::cuda::launch(name, dim3(static_cast<unsigned>(table.size())), dim3(kPieceThreads), 0, pieces_kernel<Entry, F>,
                       reinterpret_cast<const DevicePiece<Entry>*>(copy.raw()), f);
}

}  // namespace nn
