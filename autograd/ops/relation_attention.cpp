#include "autograd/ops/relation_attention.h"

#include <algorithm>

#include "autograd/op.h"
#include "autograd/ops/attention_head.h"
#include "tensor/gemm.h"
#include "tensor/offsets.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace relation_attention_kernels {

static constexpr int64_t kSequencesPerPiece = 8;

// One sequence: its rows of qkv and quv, its scalars.
template <class T>
struct Sequence {
  int64_t tokens, heads, width;
  Rows<const T> qkv, quv;
  T a, b, g, scale;

  Sequence(const Tensor& qkv, const Tensor& quv, const Tensor& s, const Tensor& offsets, const AttentionOptions& options,
           int64_t index)
      : tokens(offsets.data<int32_t>()[index + 1] - offsets.data<int32_t>()[index]),
        heads(options.heads),
        width(quv.columns() / 3),
        qkv(rows_from<T>(qkv, offsets.data<int32_t>()[index], 0)),
        quv(rows_from<T>(quv, offsets.data<int32_t>()[index], 0)),
        a(s.data<T>()[3 * index]),
        b(s.data<T>()[3 * index + 1]),
        g(s.data<T>()[3 * index + 2]),
        scale(static_cast<T>(options.scale)) {}

  // Column block i of the user matrices (0: XU_Q, 1: XU_K, 2: XU_V), block i of head h of the projections.
  Rows<const T> user(int64_t i) const { return {quv.data + i * width, quv.stride}; }
  Rows<const T> part(int64_t i, int64_t h) const { return {qkv.data + (i * heads + h) * width, qkv.stride}; }

  // g XU_V, [tokens, width].
  void user_values(T* y) const {
    for (int64_t i = 0; i < tokens; ++i) tensor::simd<T>().scale(g, user(2)[i], y + i * width, width);
  }

  // The problem of head h; `value` [tokens, width] gets V^h + g XU_V.
  AttentionHead<T> head(int64_t h, const T* user_scores, const T* user_value, T* value) const {
    for (int64_t i = 0; i < tokens; ++i) {
      tensor::simd<T>().add(user_value + i * width, part(2, h)[i], value + i * width, width);
    }
    return {.queries = tokens,
            .keys = tokens,
            .width = width,
            .q = part(0, h),
            .k = part(1, h),
            .v = {value, width},
            .scale = scale,
            .bias = {user_scores, tokens},
            .precision = tensor::precision()};
  }
};

static void forward_cpu(const Tensor& qkv, const Tensor& quv, const Tensor& s, const Tensor& offsets,
                        const AttentionOptions& options, Tensor& out, Tensor* saved) {
  const std::vector<int64_t> starts = probability_starts(offsets, offsets, options.heads);
  if (saved) *saved = Tensor({starts.back()}, out.dtype());
  tensor::count_work(4.0 * static_cast<double>(starts.back()) * static_cast<double>(quv.columns() / 3), 0);
  tensor::for_real(out.dtype(), "relation_attention", [&](auto zero) {
    using T = decltype(zero);
    T* packed = saved ? saved->data<T>() : nullptr;
    tensor::parallel_for(offsets.size() - 1, kSequencesPerPiece, [&](int64_t begin, int64_t end) {
      std::vector<tensor::Attend<T>> problems;
      for (int64_t index = begin; index < end; ++index) {
        const Sequence<T> x(qkv, quv, s, offsets, options, index);
        const int64_t n = x.tokens, width = x.width;
        if (n == 0) continue;
        // User scores [n, n], user values [n, width]; of each head values [n, width] and, when they are not saved, p [n, n].
        T* user_scores = thread_scratch<T>((1 + x.heads) * n * (n + width));
        T *user_value = user_scores + n * n, *values = user_value + n * width, *scratch = values + x.heads * n * width;
        T* p = packed ? packed + starts[index] : scratch;
        tensor::gemm_serial(false, true, n, n, width, x.user(0).data, x.quv.stride, x.user(1).data, x.quv.stride,
                            user_scores, n);
        tensor::simd<T>().scale(x.a * x.b, user_scores, user_scores, n * n);
        x.user_values(user_value);
        problems.clear();
        for (int64_t h = 0; h < x.heads; ++h) {
          problems.push_back({x.head(h, user_scores, user_value, values + h * n * width), p + h * n * n,
                              rows_from<T>(out, offsets.data<int32_t>()[index], h * width)});
        }
        tensor::attend<T>(problems);
      }
    });
  });
}

// From the gradients of the user scores, du [n, n], and of the user values, dvalue [n, width], both summed over the heads.
template <class T>
static void user_backward(const Sequence<T>& x, const T* du, const T* dvalue, Rows<T> dquv, T* ds) {
  const auto& simd = tensor::simd<T>();
  const int64_t n = x.tokens, width = x.width, stride = dquv.stride;
  tensor::gemm_serial(false, false, n, width, n, du, n, x.user(1).data, x.quv.stride, dquv.data, stride);
  tensor::gemm_serial(true, false, n, width, n, du, n, x.user(0).data, x.quv.stride, dquv.data + width, stride);
  T dab = 0, dg = 0;
  for (int64_t i = 0; i < n; ++i) {
    T *dq = dquv[i], *dk = dq + width, *dv = dk + width;
    dab += simd.dot(dq, x.user(0)[i], width);
    dg += simd.dot(dvalue + i * width, x.user(2)[i], width);
    simd.scale(x.a * x.b, dq, dq, 2 * width);  // dq and dk lie side by side
    simd.scale(x.g, dvalue + i * width, dv, width);
  }
  ds[0] = x.b * dab, ds[1] = x.a * dab, ds[2] = dg;
}

static void backward_cpu(const Tensor& qkv, const Tensor& quv, const Tensor& s, const Tensor& offsets,
                         const AttentionOptions& options, const Tensor& saved, const Tensor& dout, Tensor& dqkv,
                         Tensor& dquv, Tensor& ds) {
  const std::vector<int64_t> starts = probability_starts(offsets, offsets, options.heads);
  tensor::count_work(8.0 * static_cast<double>(starts.back()) * static_cast<double>(quv.columns() / 3), 0);
  tensor::for_real(dout.dtype(), "relation_attention", [&](auto zero) {
    using T = decltype(zero);
    tensor::parallel_for(offsets.size() - 1, kSequencesPerPiece, [&](int64_t begin, int64_t end) {
      const auto& simd = tensor::simd<T>();
      std::vector<tensor::AttendBackward<T>> problems;
      for (int64_t index = begin; index < end; ++index) {
        const Sequence<T> x(qkv, quv, s, offsets, options, index);
        const int64_t n = x.tokens, width = x.width, row = offsets.data<int32_t>()[index];
        // du [n, n], user values and dvalue [n, width]; of each head db [n, n] and values [n, width].
        T* du = thread_scratch<T>(n * (n + 2 * width) + x.heads * n * (n + width));
        T *user_value = du + n * n, *dvalue = user_value + n * width, *db = dvalue + n * width;
        T* values = db + x.heads * n * n;
        x.user_values(user_value);
        std::fill_n(du, n * n, T{0});
        std::fill_n(dvalue, n * width, T{0});
        problems.clear();
        for (int64_t h = 0; h < x.heads; ++h) {
          const auto part = [&](int64_t i) { return rows_from<T>(dqkv, row, (i * x.heads + h) * width); };
          problems.push_back({x.head(h, nullptr, user_value, values + h * n * width), saved.data<T>() + starts[index] + h * n * n,
                              rows_from<T>(dout, row, h * width), part(0), part(1), part(2), db + h * n * n});
        }
        tensor::attend_backward<T>(problems);
        for (const tensor::AttendBackward<T>& head : problems) {
          simd.add(du, head.db, du, n * n);
          for (int64_t i = 0; i < n; ++i) simd.add(dvalue + i * width, head.dv[i], dvalue + i * width, width);
        }
        user_backward(x, du, dvalue, rows_from<T>(dquv, row, 0), ds.data<T>() + 3 * index);
      }
    });
  });
}

constinit decltype(forward) forward{"relation_attention.forward", forward_cpu};
constinit decltype(backward) backward{"relation_attention.backward", backward_cpu};

}  // namespace relation_attention_kernels

static std::vector<Sample> relation_attention_samples(tensor::Generator& rng) {
  const AttentionOptions options{.heads = 2, .scale = 0.7};
  const Tensor offsets = Tensor::from<int32_t>({0, 1, 4}), with_empty = Tensor::from<int32_t>({0, 0, 2, 2});
  const auto run = [=](const Inputs& in) { return relation_attention(in[0], in[1], in[2], offsets, options); };
  const auto run_empty = [=](const Inputs& in) { return relation_attention(in[0], in[1], in[2], with_empty, options); };
  return {{{random_tensor({4, 18}, rng), random_tensor({4, 9}, rng), random_tensor({2, 3}, rng)}, run},
          {{random_tensor({2, 6}, rng), random_tensor({2, 3}, rng), random_tensor({3, 3}, rng)}, run_empty}};
}
static const Op relation_attention_op("relation_attention", relation_attention_samples);

Var relation_attention(const Var& qkv, const Var& quv, const Var& s, const Tensor& offsets,
                       const AttentionOptions& options) {
  const Tensor x = qkv.value(), u = quv.value(), scalars = s.value();
  tensor::require(options.heads > 0 && !options.causal, "relation_attention: ", options.heads, " heads",
                  options.causal ? ", causal" : "", "; it needs at least one head and is never causal");
  tensor::require(x.shape().rank() == 2 && u.shape().rank() == 2 && x.rows() == u.rows() && u.columns() % 3 == 0 &&
                      x.columns() == options.heads * u.columns(),
                  "relation_attention: qkv is ", x.shape(), ", quv is ", u.shape(), " for ", options.heads,
                  " heads; they must be [tokens, 3*heads*width] and [tokens, 3*width]");
  tensor::require(scalars.shape() == Shape{offsets.size() - 1, 3}, "relation_attention: s is ", scalars.shape(),
                  ", offsets has ", offsets.size() - 1, " sequences; s must be [sequences, 3]");
  tensor::require(x.dtype() == u.dtype() && x.dtype() == scalars.dtype(), "relation_attention: qkv is ", x.dtype(),
                  ", quv is ", u.dtype(), ", s is ", scalars.dtype(), "; all must have one type");
  tensor::require_offsets("relation_attention", "offsets", offsets, x.rows());
  Tensor out({x.rows(), x.columns() / 3}, x.dtype(), x.device()), saved;
  const bool keep = Tape::current() && (qkv.needs_grad() || quv.needs_grad() || s.needs_grad());
  relation_attention_kernels::forward(x, u, scalars, offsets, options, out, keep ? &saved : nullptr);
  return record(relation_attention_op, {qkv, quv, s}, out, [=](const Tensor& dout, Wanted) -> Gradients {
    Tensor dx = Tensor::like(x), du = Tensor::like(u), ds = Tensor::like(scalars);
    relation_attention_kernels::backward(x, u, scalars, offsets, options, saved, dout, dx, du, ds);
    return {dx, du, ds};
  });
}

}  // namespace autograd
