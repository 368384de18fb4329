#include "autograd/ops/mse.h"

#include "autograd/map.h"
#include "autograd/op.h"

namespace autograd {

namespace mse_kernels {

static void forward_cpu(const Tensor& x, const Tensor& y, Tensor& loss) {
  tensor::for_real(x.dtype(), "mse", [&](auto zero) {
    using T = decltype(zero);
    const T *px = x.data<T>(), *py = y.data<T>();
    const double total = tensor::parallel_sum<double>(x.size(), kElementGrain, [&](int64_t begin, int64_t end) {
      double part = 0;
      for (int64_t i = begin; i < end; ++i) {
        const double difference = px[i] - py[i];
        part += difference * difference;
      }
      return part;
    });
    *loss.data<T>() = static_cast<T>(total / static_cast<double>(x.size()));
  });
}

static void backward_cpu(const Tensor& x, const Tensor& y, const Tensor& dloss, Tensor& dx) {
  const double factor = 2 * dloss.item() / static_cast<double>(x.size());
  map("mse", dx, [factor](auto x, auto y) { return static_cast<decltype(x)>(factor) * (x - y); }, x, y);
}

constinit decltype(forward) forward{"mse.forward", forward_cpu};
constinit decltype(backward) backward{"mse.backward", backward_cpu};

}  // namespace mse_kernels

static std::vector<Sample> mse_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return mse(in[0], in[1]); };
  return {{{random_tensor({3, 5}, rng), random_tensor({3, 5}, rng)}, run},
          {{random_tensor({1}, rng), random_tensor({1}, rng)}, run}};
}
static const Op mse_op("mse", mse_samples);

Var mse(const Var& x, const Var& y) {
  tensor::require(x.shape() == y.shape() && x.value().size() > 0, "mse: x is ", x.shape(), ", y is ", y.shape(),
                  "; both must have one shape and at least one element");
  const Tensor xv = x.value(), yv = y.value();
  Tensor loss({}, xv.dtype(), xv.device());
  mse_kernels::forward(xv, yv, loss);
  return record(mse_op, {x, y}, loss, [xv, yv](const Tensor& dloss, Wanted wanted) -> Gradients {
    Tensor dx, dy;
    if (wanted[0]) mse_kernels::backward(xv, yv, dloss, dx = Tensor::like(xv));
    if (wanted[1]) mse_kernels::backward(yv, xv, dloss, dy = Tensor::like(yv));
    return {dx, dy};
  });
}

}  // namespace autograd
