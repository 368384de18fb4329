#include "autograd/ops/candidate_cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "autograd/op.h"
#include "tensor/offsets.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace candidate_cross_entropy_kernels {

constexpr int64_t kRowsPerPiece = 256;

static std::span<const int32_t> list_of(const CandidateLists& candidates, int32_t list) {
  const int32_t* offsets = candidates.offsets.data<int32_t>();
  return {candidates.classes.data<int32_t>() + offsets[list], static_cast<size_t>(offsets[list + 1] - offsets[list])};
}

static void check_rows(const Tensor& logits, const Tensor& targets, const Tensor& lists, const CandidateLists& candidates) {
  const int64_t list_count = candidates.offsets.size() - 1;
  for (const int32_t c : candidates.classes.span<int32_t>()) {
    tensor::require(c >= 0 && c < logits.columns(), "candidate_cross_entropy: candidate ", c, " is not one of ", logits.columns(),
                    " classes");
  }
  for (int64_t r = 0; r < logits.rows(); ++r) {
    const int32_t target = targets.data<int32_t>()[r], list = lists.data<int32_t>()[r];
    if (target < 0) continue;
    tensor::require(list >= 0 && list < list_count, "candidate_cross_entropy: row ", r, " names list ", list, " of ", list_count);
    const auto classes = list_of(candidates, list);
    tensor::require(std::find(classes.begin(), classes.end(), target) != classes.end(), "candidate_cross_entropy: target ", target,
                    " of row ", r, " is not among its candidates");
  }
}

static void forward_cpu(const Tensor& logits, const Tensor& targets, const Tensor& lists, const CandidateLists& candidates,
                        Tensor& loss, Tensor& lse, Tensor& weight) {
  tensor::for_real(logits.dtype(), "candidate_cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const int64_t rows = logits.rows(), n = logits.columns();
    const T* px = logits.data<T>();
    const int32_t *target = targets.data<int32_t>(), *list = lists.data<int32_t>();
    T* pl = lse.data<T>();
    const int64_t valid = std::count_if(target, target + rows, [](int32_t t) { return t >= 0; });
    const double total = tensor::parallel_sum<double>(rows, kRowsPerPiece, [&](int64_t begin, int64_t end) {
      const auto& simd = tensor::simd<T>();
      static thread_local std::vector<T> scratch;
      double sum = 0;
      for (int64_t r = begin; r < end; ++r) {
        if (target[r] < 0) continue;
        const auto classes = list_of(candidates, list[r]);
        const int64_t count = static_cast<int64_t>(classes.size());
        scratch.resize(count);
        for (int64_t j = 0; j < count; ++j) scratch[j] = px[r * n + classes[j]];
        const T largest = simd.maximum(scratch.data(), count);
        const T log_sum = std::log(simd.exp_sum(scratch.data(), largest, scratch.data(), count));
        pl[r] = largest + log_sum;
        sum += log_sum - (px[r * n + target[r]] - largest);
      }
      return sum;
    });
    weight.data<T>()[0] = valid > 0 ? T{1} / static_cast<T>(valid) : T{0};
    loss.data<T>()[0] = valid > 0 ? static_cast<T>(total / static_cast<double>(valid)) : T{0};
  });
}

static void backward_cpu(const Tensor& logits, const Tensor& targets, const Tensor& lists, const CandidateLists& candidates,
                         const Tensor& lse, const Tensor& weight, const Tensor& dloss, Tensor& dlogits) {
  tensor::for_real(logits.dtype(), "candidate_cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const int64_t n = logits.columns();
    const T *px = logits.data<T>(), *pl = lse.data<T>();
    const int32_t *target = targets.data<int32_t>(), *list = lists.data<int32_t>();
    T* pdx = dlogits.data<T>();
    const T g = weight.data<T>()[0] * dloss.data<T>()[0];
    tensor::parallel_for(logits.rows(), kRowsPerPiece, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        T* dx = pdx + r * n;
        std::fill_n(dx, n, T{0});
        if (target[r] < 0) continue;
        for (const int32_t c : list_of(candidates, list[r])) dx[c] = g * std::exp(px[r * n + c] - pl[r]);
        dx[target[r]] -= g;
      }
    });
  });
}

constinit decltype(forward) forward{"candidate_cross_entropy.forward", forward_cpu};
constinit decltype(backward) backward{"candidate_cross_entropy.backward", backward_cpu};

}  // namespace candidate_cross_entropy_kernels

static std::vector<Sample> candidate_cross_entropy_samples(tensor::Generator& rng) {
  const CandidateLists candidates{Tensor::from<int32_t>({0, 3, 4, 9}), Tensor::from<int32_t>({4, 0, 2, 1, 0, 1, 2, 3, 4})};
  const Tensor targets = Tensor::from<int32_t>({2, 1, -1, 3, 4}), lists = Tensor::from<int32_t>({0, 1, 0, 2, 0});
  const auto run = [=](const Inputs& in) { return candidate_cross_entropy(in[0], targets, lists, candidates); };
  return {{{random_tensor({5, 5}, rng)}, run}};
}
static const Op candidate_cross_entropy_op("candidate_cross_entropy", candidate_cross_entropy_samples);

Var candidate_cross_entropy(const Var& logits, const Tensor& targets, const Tensor& lists, const CandidateLists& candidates) {
  const Tensor x = logits.value();
  tensor::require(x.shape().rank() == 2 && targets.shape() == Shape{x.rows()} && lists.shape() == targets.shape(),
                  "candidate_cross_entropy: logits is ", x.shape(), ", targets is ", targets.shape(), ", lists is ", lists.shape(),
                  "; they must be [rows, classes], [rows] and [rows]");
  tensor::require_offsets("candidate_cross_entropy", "offsets", candidates.offsets, candidates.classes.size());
  candidate_cross_entropy_kernels::check_rows(x, targets, lists, candidates);
  Tensor loss({}, x.dtype(), x.device()), lse({x.rows()}, x.dtype(), x.device()), weight({1}, x.dtype(), x.device());
  candidate_cross_entropy_kernels::forward(x, targets, lists, candidates, loss, lse, weight);
  return record(candidate_cross_entropy_op, {logits}, loss, [=](const Tensor& dloss, Wanted) -> Gradients {
    Tensor dx = Tensor::like(x);
    candidate_cross_entropy_kernels::backward(x, targets, lists, candidates, lse, weight, dloss, dx);
    return {dx};
  });
}

}  // namespace autograd
