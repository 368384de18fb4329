#include "autograd/ops/dropout.h"

#include "tensor/cuda/map.h"

namespace autograd::dropout_kernels {

// A thread makes one Philox block: the words of 8 neighbouring elements. Rounds as the CPU does: no fused multiply-add.
static void apply_cuda(const Tensor& x, const Tensor& residual, double p, const tensor::Random& stream, Tensor& y) {
  const float *px = tensor::cuda::floats(x), *pr = tensor::cuda::floats_or_null(residual);
  float* py = tensor::cuda::floats(y);
  const int64_t n = x.size();
  const uint32_t threshold = dropout_threshold(p);
  const float keep_scale = static_cast<float>(1 / (1 - p));
  const tensor::PhiloxKey key = stream.key();
  tensor::cuda::for_each("dropout", (n + 7) / 8, [=] __device__(int64_t block) {
    const tensor::PhiloxBlock bits = tensor::philox_block(key, static_cast<uint64_t>(block));
    for (int word = 0; word < 8; ++word) {
      const int64_t i = 8 * block + word;
      if (i >= n) return;
      const bool kept = (bits.words[word / 2] >> (16 * (word % 2)) & 0xffffu) >= threshold;
      const float value = kept ? __fmul_rn(px[i], keep_scale) : 0.f;
      py[i] = pr ? __fadd_rn(value, pr[i]) : value;
    }
  });
}

static const bool dropout_bound = apply.bind_cuda(apply_cuda);

}  // namespace autograd::dropout_kernels
