#include "nn/rounded_weights.h"

#include "nn/pieces_cuda.h"
#include "tensor/precision.h"

namespace nn::rounded_weights_kernels {

struct Entry {
  const float* from;
  tensor::bf16* to;
};

static void round_cuda(std::span<const Tensor> weights, Tensor& rounded) {
  std::vector<Entry> entries;
  std::vector<int64_t> sizes;
  tensor::bf16* to = rounded.data<tensor::bf16>();
  for (const Tensor& w : weights) {
    entries.push_back({tensor::cuda::floats(w), to});
    sizes.push_back(w.size());
    to += w.size();
  }
  for_device_pieces("rounded_weights.round", entries, sizes,
                    [=] __device__(const Entry& e, int64_t i) { e.to[i].bits = tensor::bf16_bits(e.from[i]); });
}

static const bool rounded_weights_bound = round.bind_cuda(round_cuda);

}  // namespace nn::rounded_weights_kernels
