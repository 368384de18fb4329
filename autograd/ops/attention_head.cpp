#include "autograd/ops/attention_head.h"

namespace autograd {

std::vector<int64_t> probability_starts(const tensor::Tensor& q_offsets, const tensor::Tensor& k_offsets, int heads) {
  const auto q = q_offsets.span<int32_t>(), k = k_offsets.span<int32_t>();
  std::vector<int64_t> starts(q.size(), 0);
  for (size_t s = 0; s + 1 < q.size(); ++s) {
    starts[s + 1] = starts[s] + int64_t{heads} * (q[s + 1] - q[s]) * (k[s + 1] - k[s]);
  }
  return starts;
}

}  // namespace autograd
