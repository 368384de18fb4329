// Elementwise loops for the CPU kernels of operations: y[i] = f(a[i], ...). One pass over memory, split by size only.
#pragma once

#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace autograd {

inline constexpr int64_t kElementGrain = 1 << 15;  // elements that one thread takes at a time

// Rows of `columns` elements that one thread takes at a time.
inline int64_t row_grain(int64_t columns) { return std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, columns)); }

// y[i] = f(a[i], b[i], ...); all of y's size and element type. f takes float or double.
template <class F, class... Inputs>
void map(const char* operation, tensor::Tensor& y, F f, const Inputs&... inputs) {
  tensor::for_real(y.dtype(), operation, [&](auto zero) {
    using T = decltype(zero);
    T* out = y.data<T>();
    const auto run = [&](const auto*... in) {
      tensor::parallel_for(y.size(), kElementGrain, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) out[i] = f(in[i]...);
      });
    };
    run(inputs.template data<T>()...);
  });
}

}  // namespace autograd
