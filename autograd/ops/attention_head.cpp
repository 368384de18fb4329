#include "autograd/ops/attention_head.h"

#include <algorithm>

#include "tensor/gemm.h"
#include "tensor/simd/simd.h"

namespace autograd {

template <class T>
static void clear(Rows<T> x, int64_t rows, int64_t width) {
  for (int64_t i = 0; i < rows; ++i) std::fill_n(x[i], width, T{0});
}

template <class T>
void attend(const AttentionHead<T>& head, T* p, Rows<T> out) {
  const auto& [nq, nk, width, q, k, v, scale, causal, bias] = head;
  if (nk == 0) return clear(out, nq, width);
  const auto& simd = tensor::simd<T>();
  tensor::gemm_serial(false, true, nq, nk, width, q.data, q.stride, k.data, k.stride, p, nk);
  if (bias) simd.add(p, bias, p, nq * nk);
  simd.scale(scale, p, p, nq * nk);
  for (int64_t i = 0; i < nq; ++i) {
    const int64_t seen = causal ? i + 1 : nk;
    simd.softmax(p + i * nk, p + i * nk, seen);
    std::fill(p + i * nk + seen, p + (i + 1) * nk, T{0});
  }
  tensor::gemm_serial(false, false, nq, width, nk, p, nk, v.data, v.stride, out.data, out.stride);
}

template <class T>
void attend_backward(const AttentionHead<T>& head, const T* p, Rows<const T> dout, Rows<T> dq, Rows<T> dk, Rows<T> dv, T* db) {
  const auto& [nq, nk, width, q, k, v, scale, causal, bias] = head;
  if (nq == 0 || nk == 0) {
    clear(dq, nq, width), clear(dk, nk, width), clear(dv, nk, width);
    return;
  }
  const auto& simd = tensor::simd<T>();
  tensor::gemm_serial(false, true, nq, nk, width, dout.data, dout.stride, v.data, v.stride, db, nk);  // dp
  for (int64_t i = 0; i < nq; ++i) {
    const T* pi = p + i * nk;
    T* di = db + i * nk;
    const T mean = simd.dot(pi, di, nk);
    for (int64_t j = 0; j < nk; ++j) di[j] = scale * pi[j] * (di[j] - mean);
  }
  tensor::gemm_serial(false, false, nq, width, nk, db, nk, k.data, k.stride, dq.data, dq.stride);
  tensor::gemm_serial(true, false, nk, width, nq, db, nk, q.data, q.stride, dk.data, dk.stride);
  tensor::gemm_serial(true, false, nk, width, nq, p, nk, dout.data, dout.stride, dv.data, dv.stride);
}

std::vector<int64_t> probability_starts(const tensor::Tensor& q_offsets, const tensor::Tensor& k_offsets, int heads) {
  const auto q = q_offsets.span<int32_t>(), k = k_offsets.span<int32_t>();
  std::vector<int64_t> starts(q.size(), 0);
  for (size_t s = 0; s + 1 < q.size(); ++s) {
    starts[s + 1] = starts[s] + int64_t{heads} * (q[s + 1] - q[s]) * (k[s + 1] - k[s]);
  }
  return starts;
}

template void attend(const AttentionHead<float>&, float*, Rows<float>);
template void attend(const AttentionHead<double>&, double*, Rows<double>);
template void attend_backward(const AttentionHead<float>&, const float*, Rows<const float>, Rows<float>, Rows<float>, Rows<float>,
                              float*);
template void attend_backward(const AttentionHead<double>&, const double*, Rows<const double>, Rows<double>, Rows<double>,
                              Rows<double>, double*);

}  // namespace autograd
