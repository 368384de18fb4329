#include "nn/clip.h"

#include "nn/pieces_cuda.h"
#include "tensor/cuda/sums.h"

namespace nn::clip_kernels {

using tensor::cuda::floats;

// parts[piece] = the sum of squares of a piece of a gradient.
__global__ void squares_kernel(const DevicePiece<const float*>* pieces, double* parts) {
  const DevicePiece<const float*>& piece = pieces[blockIdx.x];
  double sum = 0;
  for (int64_t i = piece.begin + threadIdx.x; i < piece.end; i += blockDim.x) sum += double{piece.entry[i]} * piece.entry[i];
  sum = tensor::cuda::block_sum(sum, tensor::cuda::shared_memory<double>());
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

static void sum_of_squares_cuda(const Tensor&, std::span<const Tensor> gradients, double& result) {
  std::vector<int64_t> sizes;
  for (const Tensor& g : gradients) sizes.push_back(g.size());
  std::vector<DevicePiece<const float*>> table;
  for (const Piece& p : pieces_of(sizes)) table.push_back({floats(gradients[p.tensor]), p.begin, p.end});
  const Tensor pieces = tensor::cuda::upload(table);
  const int64_t count = static_cast<int64_t>(table.size());
  Tensor parts = tensor::cuda::scratch(count, DType::f64), total({}, DType::f64, tensor::Device::cuda);
  double* out = total.data<double>();
  tensor::cuda::launch("clip.squares", dim3(static_cast<unsigned>(count)), dim3(kPieceThreads),
                       kPieceThreads / tensor::cuda::kWarp * sizeof(double), squares_kernel,
                       reinterpret_cast<const DevicePiece<const float*>*>(pieces.raw()), parts.data<double>());
  const double* of_piece = parts.data<double>();
  tensor::cuda::sum(
      "clip.sum", count, [=] __device__(int64_t i) { return of_piece[i]; }, [=] __device__(double x) { *out = x; });
  result = total.item();  // waits for the device: the norm is reported, and decides the scale
}

static const bool clip_bound = sum_of_squares.bind_cuda(sum_of_squares_cuda);

}  // namespace nn::clip_kernels
