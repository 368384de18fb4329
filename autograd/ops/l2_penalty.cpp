#include "autograd/ops/l2_penalty.h"

#include "autograd/map.h"
#include "autograd/op.h"
#include "autograd/ops/scale.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace l2_penalty_kernels {

static void forward_cpu(const Tensor& x, bool accumulate, Tensor& y) {
  tensor::for_real(x.dtype(), "l2_penalty", [&](auto zero) {
    using T = decltype(zero);
    const T* px = x.data<T>();
    const double total = tensor::parallel_sum<double>(x.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      return static_cast<double>(tensor::simd<T>().dot(px + begin, px + begin, end - begin));
    });
    T& result = *y.data<T>();
    result = static_cast<T>((accumulate ? static_cast<double>(result) : 0) + total / 2);
  });
}

static void backward_cpu(const Tensor& x, const Tensor& dy, Tensor& dx) { scale_kernels::forward(x, dy.item(), dx); }

constinit decltype(forward) forward{"l2_penalty.forward", forward_cpu};
constinit decltype(backward) backward{"l2_penalty.backward", backward_cpu};

}  // namespace l2_penalty_kernels

static std::vector<Sample> l2_penalty_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return l2_penalty(in); };
  return {{{random_tensor({3, 5}, rng), random_tensor({2}, rng), random_tensor({0, 3}, rng)}, run},
          {{random_tensor({}, rng)}, run}};
}
static const Op l2_penalty_op("l2_penalty", l2_penalty_samples);

Var l2_penalty(const std::vector<Var>& tensors) {
  tensor::require(!tensors.empty(), "l2_penalty: needs at least one tensor");
  std::vector<Tensor> values;
  for (const Var& x : tensors) values.push_back(x.value());
  Tensor y({}, values[0].dtype(), values[0].device());
  for (size_t k = 0; k < values.size(); ++k) l2_penalty_kernels::forward(values[k], k > 0, y);
  return record(l2_penalty_op, tensors, y, [values](const Tensor& dy, Wanted wanted) -> Gradients {
    Gradients gradients(values.size());
    for (size_t k = 0; k < values.size(); ++k) {
      if (wanted[k]) l2_penalty_kernels::backward(values[k], dy, gradients[k] = Tensor::like(values[k]));
    }
    return gradients;
  });
}

}  // namespace autograd
