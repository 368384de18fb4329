// For kernels that give a warp to every row of a matrix: who does what, and sums over a warp. Device code.
#pragma once

#include "tensor/cuda/launch.h"

namespace tensor::cuda {

inline constexpr int kWarp = 32;
inline constexpr int kRowsPerBlock = 4;
inline constexpr unsigned kAllLanes = 0xffffffffu;

// Launches a kernel whose block has kRowsPerBlock warps, one for each row.
template <class... Parameters, class... Arguments>
void launch_rows(const char* name, int64_t rows, void (*kernel)(Parameters...), const Arguments&... arguments) {
  const auto blocks = static_cast<unsigned>((rows + kRowsPerBlock - 1) / kRowsPerBlock);
  launch(name, dim3(blocks), dim3(kRowsPerBlock * kWarp), 0, kernel, arguments...);
}

__device__ inline int lane_of_warp() { return static_cast<int>(threadIdx.x % kWarp); }
__device__ inline int64_t row_of_warp() { return int64_t{blockIdx.x} * kRowsPerBlock + threadIdx.x / kWarp; }

// Every lane gets the result. The order of the additions is fixed.
template <class T>
__device__ T warp_sum(T value) {
  for (int bits = kWarp / 2; bits > 0; bits /= 2) value += __shfl_xor_sync(kAllLanes, value, bits);
  return value;
}
__device__ inline float warp_max(float value) {
  for (int bits = kWarp / 2; bits > 0; bits /= 2) value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, bits));
  return value;
}

// The lanes' least value and its index, the lowest one on ties.
template <class T>
__device__ void warp_least(T& value, int& index) {
  for (int bits = kWarp / 2; bits > 0; bits /= 2) {
    const T other = __shfl_xor_sync(kAllLanes, value, bits);
    const int place = __shfl_xor_sync(kAllLanes, index, bits);
    if (other < value || (other == value && place < index)) value = other, index = place;
  }
}

// sum over j < n of f(j), by one warp.
template <class F>
__device__ float warp_sum_of(int64_t n, F f) {
  float sum = 0;
  for (int64_t j = lane_of_warp(); j < n; j += kWarp) sum += f(j);
  return warp_sum(sum);
}

// 1 / sqrt(mean(x^2) + epsilon) of n numbers, by one warp.
__device__ inline float inverse_root_mean_square(const float* x, int64_t n, float epsilon) {
  return 1 / sqrtf(warp_sum_of(n, [&](int64_t j) { return x[j] * x[j]; }) / static_cast<float>(n) + epsilon);
}

}  // namespace tensor::cuda
