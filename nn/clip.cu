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

static void measure_cuda(const Tensor&, std::span<const Tensor> gradients, double max_norm, Clip& clip) {
  std::vector<int64_t> sizes;
  for (const Tensor& g : gradients) sizes.push_back(g.size());
  std::vector<DevicePiece<const float*>> table;
  for (const Piece& p : pieces_of(sizes)) table.push_back({floats(gradients[p.tensor]), p.begin, p.end});
  const Tensor pieces = tensor::cuda::upload(table);
  const int64_t count = static_cast<int64_t>(table.size());
  Tensor parts = tensor::cuda::scratch(count, DType::f64);
  constexpr size_t shared = kPieceThreads / tensor::cuda::kWarp * sizeof(double);
  tensor::cuda::launch("clip.squares", dim3(static_cast<unsigned>(count)), dim3(kPieceThreads), shared, squares_kernel,
                       reinterpret_cast<const DevicePiece<const float*>*>(pieces.raw()), parts.data<double>());
  double *norm = clip.norm.data<double>(), *scale = clip.scale.data<double>();
  const auto finish = [=] __device__(double sum) {
    *norm = sqrt(sum);
    *scale = max_norm > 0 && *norm > max_norm ? max_norm / *norm : 1;
  };
  tensor::cuda::launch("clip.norm", dim3(1), dim3(kPieceThreads), shared, tensor::cuda::sum_parts_kernel<decltype(finish)>,
                       count, parts.data<double>(), finish);
}

static const bool clip_bound = measure.bind_cuda(measure_cuda);

}  // namespace nn::clip_kernels
