#include "nn/decode_state.h"

#include <algorithm>

#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace nn {

using tensor::Tensor;

Tensor DecodeState::advance(int64_t rows, const std::vector<int32_t>& parents) {
  const int64_t before = steps == 0 ? 0 : static_cast<int64_t>(ancestors.size()) / steps;
  tensor::require(steps == 0 || static_cast<int64_t>(parents.size()) == rows, "decode: ", rows, " rows have ",
                  parents.size(), " parents; each needs one");
  std::vector<int32_t> next(rows * (steps + 1));
  for (int64_t r = 0; r < rows; ++r) {
    if (steps > 0) {
      tensor::require(parents[r] >= 0 && parents[r] < before, "decode: row ", r, " goes on from row ", parents[r], " of ",
                      before, "; it must be one of the step before");
      std::copy_n(&ancestors[static_cast<int64_t>(parents[r]) * steps], steps, &next[r * (steps + 1)]);
    }
    next[r * (steps + 1) + steps] = static_cast<int32_t>(r);
  }
  ancestors = std::move(next);
  ++steps;
  return Tensor::from(ancestors, {rows, steps});
}

NextTokenScores next_token_scores(const Tensor& logits) {
  const Tensor host = logits.to(tensor::Device::cpu);
  const int64_t columns = host.columns();
  const float* p = host.data<float>();
  std::vector<float> lse(host.rows());
  tensor::parallel_for(host.rows(), 4, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(columns);
    for (int64_t r = begin; r < end; ++r) lse[r] = tensor::simd<float>().softmax(p + r * columns, scratch.data(), columns);
  });
  return {host, lse};
}

}  // namespace nn
