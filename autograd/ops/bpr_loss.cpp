#include "autograd/ops/bpr_loss.h"

#include <cmath>

#include "autograd/map.h"
#include "autograd/op.h"
#include "autograd/ops/scale.h"

namespace autograd {

namespace bpr_loss_kernels {

static void forward_cpu(const Tensor& positive, const Tensor& negative, Tensor& loss) {
  tensor::for_real(positive.dtype(), "bpr_loss", [&](auto zero) {
    using T = decltype(zero);
    const T *p = positive.data<T>(), *n = negative.data<T>();
    const double total = tensor::parallel_sum<double>(positive.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      double part = 0;
      for (int64_t i = begin; i < end; ++i) {
        const T x = n[i] - p[i];
        part += std::max(x, T{0}) + std::log1p(std::exp(-std::fabs(x)));
      }
      return part;
    });
    *loss.data<T>() = static_cast<T>(total / static_cast<double>(positive.size()));
  });
}

static void backward_cpu(const Tensor& positive, const Tensor& negative, const Tensor& dloss, Tensor& dnegative) {
  const double factor = dloss.item() / static_cast<double>(positive.size());
  map("bpr_loss", dnegative, [factor](auto p, auto n) { return static_cast<decltype(p)>(factor) / (1 + std::exp(p - n)); },
      positive, negative);
}

constinit decltype(forward) forward{"bpr_loss.forward", forward_cpu};
constinit decltype(backward) backward{"bpr_loss.backward", backward_cpu};

}  // namespace bpr_loss_kernels

static std::vector<Sample> bpr_loss_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return bpr_loss(in[0], in[1]); };
  return {{{random_tensor({7}, rng), random_tensor({7}, rng)}, run},
          {{random_tensor({1}, rng), random_tensor({1}, rng)}, run}};
}
static const Op bpr_loss_op("bpr_loss", bpr_loss_samples);

Var bpr_loss(const Var& positive, const Var& negative) {
  tensor::require(positive.shape() == negative.shape() && positive.shape().rank() == 1 && positive.value().size() > 0,
                  "bpr_loss: positive is ", positive.shape(), ", negative is ", negative.shape(),
                  "; both must be [n], n > 0");
  const Tensor p = positive.value(), n = negative.value();
  Tensor loss({}, p.dtype(), p.device());
  bpr_loss_kernels::forward(p, n, loss);
  return record(bpr_loss_op, {positive, negative}, loss, [p, n](const Tensor& dloss, Wanted wanted) -> Gradients {
    Tensor dp, dn = Tensor::like(n);
    bpr_loss_kernels::backward(p, n, dloss, dn);
    if (wanted[0]) scale_kernels::forward(dn, -1, dp = Tensor::like(p));
    return {dp, dn};
  });
}

}  // namespace autograd
