#include "nn/clip.h"

#include "nn/pieces_cuda.h"
#include "tensor/cuda/sums.h"

namespace nn::clip_kernels {

using tensor::cuda::floats;

// A block adds up the squares of a piece of a gradient; the sum of all makes the norm.
__global__ void norm_kernel(const DevicePiece<const float*>* pieces, double* parts, double max_norm, double* norm,
                            double* scale, unsigned* counter) {
  const DevicePiece<const float*>& piece = pieces[blockIdx.x];
  double sum = 0;
  for (int64_t i = piece.begin + threadIdx.x; i < piece.end; i += blockDim.x) sum += double{piece.entry[i]} * piece.entry[i];
  const auto finish = [=](const double* squares) {
    *norm = sqrt(*squares);
    *scale = max_norm > 0 && *norm > max_norm ? max_norm / *norm : 1;
  };
  tensor::cuda::sum_of_blocks({sum}, finish, parts, counter);
}

static void measure_cuda(const Tensor&, std::span<const Tensor> gradients, double max_norm, Clip& clip) {
  std::vector<int64_t> sizes;
  for (const Tensor& g : gradients) sizes.push_back(g.size());
  std::vector<DevicePiece<const float*>> table;
  for (const Piece& p : pieces_of(sizes)) table.push_back({floats(gradients[p.tensor]), p.begin, p.end});
  const Tensor pieces = tensor::cuda::upload_lasting(table);
  const int64_t count = static_cast<int64_t>(table.size());
  Tensor parts = tensor::cuda::scratch(count, DType::f64);
  tensor::cuda::launch("clip.norm", dim3(static_cast<unsigned>(count)), dim3(kPieceThreads),
                       kPieceThreads / tensor::cuda::kWarp * sizeof(double), norm_kernel,
                       reinterpret_cast<const DevicePiece<const float*>*>(pieces.raw()), parts.data<double>(), max_norm,
                       clip.norm.data<double>(), clip.scale.data<double>(), tensor::cuda::arrivals(1));
}

static const bool clip_bound = measure.bind_cuda(measure_cuda);

}  // namespace nn::clip_kernels
