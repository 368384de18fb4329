#include "nn/contrastive.h"

#include "autograd/ops/add.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/scale.h"
#include "tensor/cuda/replays.h"

namespace nn {

using autograd::cross_entropy;
using tensor::require;

namespace {

// Every row is its own target; -1 for those that have no positive, where these are given.
Tensor own_rows(int64_t n, const Tensor& positives = {}) {
  Tensor own({n}, tensor::DType::i32);
  tensor::cuda::every_run({own}, [=]() mutable {
    const int32_t* positive = positives.defined() ? positives.data<int32_t>() : nullptr;
    for (int64_t i = 0; i < n; ++i) own.data<int32_t>()[i] = positive && positive[i] < 0 ? -1 : static_cast<int32_t>(i);
  });
  return own;
}

Var similarities(const Var& x, const Var& y, double temperature) {
  return autograd::scale(autograd::matmul(x, y, false, /*transpose_b=*/true), 1 / temperature);
}

}  // namespace

Var info_nce(const Var& x, const Tensor& positives, const ContrastOptions& options) {
  require(x.shape().rank() == 2 && positives.shape() == tensor::Shape{x.rows()}, "info_nce: x is ", x.shape(),
          ", positives are ", positives.shape(), "; they must be [n,d] and [n]");
  require(options.attract >= 0 && options.attract <= 1 && options.temperature > 0, "info_nce: attract is ", options.attract,
          ", temperature ", options.temperature, "; attract must be in [0, 1], temperature positive");
  const Var rows = autograd::normalize_rows(x, options.floor);
  const Var s = similarities(rows, rows, options.temperature);
  // logsumexp is common to both terms, and their weights add up to 1.
  Var loss;
  if (options.attract > 0) {
    loss = autograd::scale(cross_entropy(s, positives), options.attract);
  }
  if (options.attract < 1) {
    const Var apart = autograd::scale(cross_entropy(s, own_rows(x.rows(), positives)), 1 - options.attract);
    loss = loss.defined() ? autograd::add(loss, apart) : apart;
  }
  return loss;
}

Var align_rows(const Var& x, const Var& y, const ContrastOptions& options) {
  require(x.shape() == y.shape() && x.shape().rank() == 2, "align_rows: x is ", x.shape(), ", y is ", y.shape(),
          "; both must be [n,d]");
  const Var a = autograd::normalize_rows(x, options.floor), b = autograd::normalize_rows(y, options.floor);
  const Tensor own = own_rows(x.rows());
  return autograd::add(cross_entropy(similarities(a, b, options.temperature), own),
                       cross_entropy(similarities(b, a, options.temperature), own));
}

}  // namespace nn
