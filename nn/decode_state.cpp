#include "nn/decode_state.h"

#include <algorithm>

#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace nn {

using tensor::Tensor;

namespace decode_state_kernels {

static void ancestors_cpu(const Tensor& before, const Tensor& parents, Tensor& next) {
  const int64_t steps = next.columns() - 1;
  const int32_t *old = steps > 0 ? before.data<int32_t>() : nullptr, *parent = steps > 0 ? parents.data<int32_t>() : nullptr;
  for (int64_t r = 0; r < next.rows(); ++r) {
    int32_t* row = next.data<int32_t>() + r * (steps + 1);
    if (steps > 0) std::copy_n(old + parent[r] * steps, steps, row);
    row[steps] = static_cast<int32_t>(r);
  }
}

static void log_sum_exp_cpu(const Tensor& logits, Tensor& lse) {
  const int64_t columns = logits.columns();
  const float* p = logits.data<float>();
  float* sums = lse.data<float>();
  tensor::parallel_for(logits.rows(), 4, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) sums[r] = tensor::simd<float>().log_sum_exp(p + r * columns, columns);
  });
}

constinit decltype(ancestors) ancestors{"decode.ancestors", ancestors_cpu};
constinit decltype(log_sum_exp) log_sum_exp{"decode.log_sum_exp", log_sum_exp_cpu};

}  // namespace decode_state_kernels

void DecodeState::advance(const Tensor& tokens, const Tensor& parents) {
  const int64_t rows = tokens.size();
  if (steps > 0) {
    const int64_t before = ancestors.rows();
    tensor::require(parents.defined() && parents.size() == rows, "decode: ", rows, " rows have ",
                    parents.defined() ? parents.size() : 0, " parents; each needs one");
    const bool known = parents.device() == tensor::Device::cpu;  // those that a kernel made are in range
    for (int64_t r = 0; known && r < rows; ++r) {
      const int32_t parent = parents.data<int32_t>()[r];
      tensor::require(parent >= 0 && parent < before, "decode: row ", r, " goes on from row ", parent, " of ", before,
                      "; it must be one of the step before");
    }
  }
  Tensor next({rows, steps + 1}, tensor::DType::i32, tokens.device());
  decode_state_kernels::ancestors(ancestors, parents, next);
  ancestors = next;
  ++steps;
}

NextTokenScores next_token_scores(const Tensor& logits) {
  NextTokenScores scores{logits, Tensor({logits.rows()}, tensor::DType::f32, logits.device())};
  decode_state_kernels::log_sum_exp(scores.logits, scores.lse);
  return scores;
}

}  // namespace nn
