#include "autograd/ops/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/op.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace cross_entropy_kernels {

static int64_t rows_per_piece(int64_t classes) { return std::max<int64_t>(1, (1 << 13) / classes); }

static void forward_cpu(const Tensor& logits, const Tensor& targets, double label_smoothing, Tensor& loss, Tensor& lse,
                        Tensor& weight) {
  tensor::for_real(logits.dtype(), "cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const int64_t rows = logits.rows(), n = logits.columns();
    const T* px = logits.data<T>();
    const int32_t* target = targets.data<int32_t>();
    T* pl = lse.data<T>();
    const int64_t valid = std::count_if(target, target + rows, [](int32_t t) { return t >= 0; });
    const double total = tensor::parallel_sum<double>(rows, rows_per_piece(n), [&](int64_t begin, int64_t end) {
      const auto& simd = tensor::simd<T>();
      static thread_local std::vector<T> scratch;
      scratch.resize(n);
      double sum = 0;
      for (int64_t r = begin; r < end; ++r) {
        if (target[r] < 0) continue;
        const T* x = px + r * n;
        // Relative to the largest logit: the difference lse - x[target] would lose digits where logits are large.
        const T largest = simd.maximum(x, n), log_sum = std::log(simd.exp_sum(x, largest, scratch.data(), n));
        pl[r] = largest + log_sum;
        sum += log_sum - (1 - label_smoothing) * (x[target[r]] - largest);
        if (label_smoothing != 0) sum -= label_smoothing * (simd.sum(x, n) / n - largest);
      }
      return sum;
    });
    weight.data<T>()[0] = valid > 0 ? T{1} / valid : T{0};
    loss.data<T>()[0] = valid > 0 ? static_cast<T>(total / valid) : T{0};
  });
}

static void backward_cpu(const Tensor& logits, const Tensor& targets, double label_smoothing, const Tensor& lse,
                         const Tensor& weight, const Tensor& dloss, Tensor& dlogits) {
  tensor::for_real(logits.dtype(), "cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const int64_t n = logits.columns();
    const T *px = logits.data<T>(), *pl = lse.data<T>();
    const int32_t* target = targets.data<int32_t>();
    T* pdx = dlogits.data<T>();
    const T g = weight.data<T>()[0] * dloss.data<T>()[0], smooth = static_cast<T>(label_smoothing / n);
    tensor::parallel_for(logits.rows(), rows_per_piece(n), [&](int64_t begin, int64_t end) {
      const auto& simd = tensor::simd<T>();
      for (int64_t r = begin; r < end; ++r) {
        T* dx = pdx + r * n;
        if (target[r] < 0) {
          std::fill_n(dx, n, T{0});
          continue;
        }
        simd.exp_sum(px + r * n, pl[r], dx, n);  // the probabilities
        for (int64_t j = 0; j < n; ++j) dx[j] = g * (dx[j] - smooth);
        dx[target[r]] -= g * static_cast<T>(1 - label_smoothing);
      }
    });
  });
}

constinit decltype(forward) forward{"cross_entropy.forward", forward_cpu};
constinit decltype(backward) backward{"cross_entropy.backward", backward_cpu};

}  // namespace cross_entropy_kernels

static std::vector<Sample> cross_entropy_samples(tensor::Generator& rng) {
  const Tensor targets = Tensor::from<int32_t>({2, -1, 0, 4});
  const auto plain = [targets](const Inputs& in) { return cross_entropy(in[0], targets); };
  const auto smooth = [targets](const Inputs& in) { return cross_entropy(in[0], targets, 0.1); };
  return {{{random_tensor({4, 5}, rng)}, plain}, {{random_tensor({4, 19}, rng)}, smooth}};
}
static const Op cross_entropy_op("cross_entropy", cross_entropy_samples);

static void require_targets(const Tensor& logits, const Tensor& targets) {
  if (targets.device() != tensor::Device::cpu) return;
  const auto all = targets.span<int32_t>();
  const auto wrong = std::find_if(all.begin(), all.end(), [classes = logits.columns()](int32_t t) { return t >= classes; });
  if (wrong == all.end()) return;
  tensor::fail(tensor::Fault::usage, "cross_entropy: target ", *wrong, " of row ", wrong - all.begin(), " is not below the ",
               logits.columns(), " classes; use a negative target to ignore a row");
}

Var cross_entropy(const Var& logits, const Tensor& targets, double label_smoothing) {
  const Tensor x = logits.value();
  tensor::require(x.shape().rank() == 2 && x.columns() > 0 && targets.shape() == Shape{x.rows()},
                  "cross_entropy: logits is ", x.shape(), ", targets is ", targets.shape(),
                  "; they must be [rows, classes] and [rows]");
  tensor::require(targets.dtype() == DType::i32, "cross_entropy: targets must be i32, got ", targets.dtype());
  tensor::require(label_smoothing >= 0 && label_smoothing < 1, "cross_entropy: label_smoothing is ", label_smoothing,
                  "; it must be in [0, 1)");
  require_targets(x, targets);
  Tensor loss({}, x.dtype(), x.device()), lse({x.rows()}, x.dtype(), x.device()), weight({1}, x.dtype(), x.device());
  cross_entropy_kernels::forward(x, targets, label_smoothing, loss, lse, weight);
  return record(cross_entropy_op, {logits}, loss, [=](const Tensor& dloss, Wanted) -> Gradients {
    Tensor dx = Tensor::like(x);
    cross_entropy_kernels::backward(x, targets, label_smoothing, lse, weight, dloss, dx);
    return {dx};
  });
}

}  // namespace autograd
