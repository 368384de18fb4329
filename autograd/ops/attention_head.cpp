#include "autograd/ops/attention_head.h"

#include "tensor/cuda/replays.h"

namespace autograd {

tensor::Tensor probability_starts(const tensor::Tensor& q_offsets, const tensor::Tensor& k_offsets, int heads) {
  tensor::Tensor starts({q_offsets.size()}, tensor::DType::i64);
  tensor::cuda::every_run({starts}, [=]() mutable {
    const int32_t *q = q_offsets.data<int32_t>(), *k = k_offsets.data<int32_t>();
    int64_t* start = starts.data<int64_t>();
    start[0] = 0;
    for (int64_t s = 0; s + 1 < q_offsets.size(); ++s) start[s + 1] = start[s] + int64_t{heads} * (q[s + 1] - q[s]) * (k[s + 1] - k[s]);
  });
  return starts;
}

}  // namespace autograd
