// Elementwise kernels: y[i] = f(a[i], ...), as autograd/map.h does on the CPU. f is a lambda marked __device__.
#pragma once

#include "tensor/cuda/launch.h"

namespace tensor::cuda {

inline constexpr unsigned kMapThreads = 256;

// Blocks for n elements, so that a thread of a long loop has several.
inline dim3 map_blocks(int64_t n) {
  constexpr int64_t kMostBlocks = 1 << 14;
  const int64_t blocks = (n + kMapThreads - 1) / kMapThreads;
  return dim3(static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks));
}

// f(i) for every i < n.
template <class F>
__global__ void for_each_kernel(int64_t n, F f) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += step) f(i);
}
template <class F>
void for_each(const char* name, int64_t n, F f) {
  launch(name, map_blocks(n), dim3(kMapThreads), 0, for_each_kernel<F>, n, f);
}

template <int N>
struct MapInputs {
  const float* of[N];
};

template <int N, class F>
__global__ void map_kernel(int64_t n, float* y, F f, MapInputs<N> x) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += step) {
    if constexpr (N == 1) y[i] = f(x.of[0][i]);
    if constexpr (N == 2) y[i] = f(x.of[0][i], x.of[1][i]);
  }
}

// y[i] = f(inputs[i]...), of one or two inputs; all f32 on the device and of y's size.
template <class F, class... Inputs>
void map(const char* name, Tensor& y, F f, const Inputs&... inputs) {
  constexpr int count = sizeof...(inputs);
  static_assert(count == 1 || count == 2);
  const int64_t n = y.size();
  launch(name, map_blocks(n), dim3(kMapThreads), 0, map_kernel<count, F>, n, floats(y), f,
         MapInputs<count>{{floats(inputs)...}});
}

}  // namespace tensor::cuda
