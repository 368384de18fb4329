// For CUDA kernels of losses that are a mean over those rows that have a target.
#pragma once

#include "tensor/cuda/sums.h"

namespace autograd {

// A warp for each row; row(r), by all of its lanes, is the loss of row r, that of the first lane counts.
template <class F>
__global__ void mean_loss_kernel(int64_t rows, const int32_t* targets, F row, double* parts, float* loss, float* weight,
                                 unsigned* counter) {
  const int64_t r = tensor::cuda::row_of_warp();
  const bool counts = r < rows && targets[r] >= 0;
  const double value = counts ? double{row(r)} : 0;
  const bool first = tensor::cuda::lane_of_warp() == 0;
  const double sums[] = {first ? value : 0, first && counts ? 1. : 0.};
  const auto finish = [=](const double* total) {
    *weight = total[1] > 0 ? static_cast<float>(1 / total[1]) : 0.f;
    *loss = static_cast<float>(total[0] * *weight);
  };
  tensor::cuda::sum_of_blocks(sums, finish, parts, counter);
}

// loss = weight * the sum of row(r) over the rows with targets[r] >= 0, weight = 1 / their number, or 0.
template <class F>
void mean_loss(const char* name, int64_t rows, const int32_t* targets, F row, Tensor& loss, Tensor& weight) {
  constexpr int64_t kRows = tensor::cuda::kRowsPerBlock;
  const int64_t blocks = std::max<int64_t>(1, (rows + kRows - 1) / kRows);
  Tensor parts = tensor::cuda::scratch(2 * blocks, DType::f64);
  tensor::cuda::launch(name, dim3(static_cast<unsigned>(blocks)), dim3(kRows * tensor::cuda::kWarp), kRows * sizeof(double),
                       mean_loss_kernel<F>, rows, targets, row, parts.data<double>(), tensor::cuda::floats(loss),
                       tensor::cuda::floats(weight), tensor::cuda::arrivals(1));
}

}  // namespace autograd
