#include "autograd/ops/attention.h"

#include <vector>

#include "autograd/op.h"
#include "autograd/ops/attention_head.h"
#include "tensor/offsets.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace attention_kernels {

static constexpr int64_t kSequencesPerPiece = 8;

static void require_sequences(const Tensor& q_offsets, const Tensor& k_offsets, const AttentionOptions& options,
                              const Columns& q, const Columns& k) {
  tensor::require_offsets("attention", "q_offsets", q_offsets, q.matrix.rows());
  tensor::require_offsets("attention", "k_offsets", k_offsets, k.matrix.rows());
  tensor::require(q_offsets.size() == k_offsets.size(), "attention: q_offsets has ", q_offsets.size() - 1,
                  " sequences, k_offsets ", k_offsets.size() - 1, "; both must have the same");
  if (!options.causal) return;
  const auto at_q = q_offsets.span<int32_t>(), at_k = k_offsets.span<int32_t>();
  for (size_t s = 1; s < at_q.size(); ++s) {
    tensor::require(at_q[s] == at_k[s], "attention: sequence ", s - 1, " has ", at_q[s] - at_q[s - 1], " queries and ",
                    at_k[s] - at_k[s - 1], " keys; causal attention needs as many queries as keys");
  }
}

// The problem of sequence s, head h.
template <class T>
static AttentionHead<T> head_of(int64_t s, int64_t h, int64_t width, const Tensor& q_offsets, const Tensor& k_offsets,
                                const AttentionOptions& options, const Columns& q, const Columns& k, const Columns& v) {
  const int32_t *at_q = q_offsets.data<int32_t>() + s, *at_k = k_offsets.data<int32_t>() + s;
  const auto rows = [&](const Columns& x, int64_t row) { return rows_from<T>(x.matrix, row, x.first + h * width); };
  return {.queries = at_q[1] - at_q[0],
          .keys = at_k[1] - at_k[0],
          .width = width,
          .q = rows(q, *at_q),
          .k = rows(k, *at_k),
          .v = rows(v, *at_k),
          .scale = static_cast<T>(options.scale),
          .causal = options.causal};
}

static void forward_cpu(const Tensor& q_offsets, const Tensor& k_offsets, const AttentionOptions& options, const Columns& q,
                        const Columns& k, const Columns& v, Tensor& out, Tensor* saved) {
  require_sequences(q_offsets, k_offsets, options, q, k);
  const std::vector<int64_t> starts = probability_starts(q_offsets, k_offsets, options.heads);
  if (saved) *saved = Tensor({starts.back()}, out.dtype());
  tensor::for_real(out.dtype(), "attention", [&](auto zero) {
    using T = decltype(zero);
    const int64_t width = out.columns() / options.heads;
    T* packed = saved ? saved->data<T>() : nullptr;
    tensor::parallel_for(q_offsets.size() - 1, kSequencesPerPiece, [&](int64_t begin, int64_t end) {
      for (int64_t s = begin; s < end; ++s) {
        const int64_t row = q_offsets.data<int32_t>()[s], size = (starts[s + 1] - starts[s]) / options.heads;
        for (int64_t h = 0; h < options.heads; ++h) {
          tensor::simd<T>().attend(head_of<T>(s, h, width, q_offsets, k_offsets, options, q, k, v),
                                   packed ? packed + starts[s] + h * size : thread_scratch<T>(size),
                                   rows_from<T>(out, row, h * width));
        }
      }
    });
  });
}

static void backward_cpu(const Tensor& q_offsets, const Tensor& k_offsets, const AttentionOptions& options, const Columns& q,
                         const Columns& k, const Columns& v, const Tensor& saved, const Tensor& dout, Columns& dq,
                         Columns& dk, Columns& dv) {
  const std::vector<int64_t> starts = probability_starts(q_offsets, k_offsets, options.heads);
  tensor::for_real(dout.dtype(), "attention", [&](auto zero) {
    using T = decltype(zero);
    const int64_t width = dout.columns() / options.heads;
    const T* packed = saved.data<T>();
    tensor::parallel_for(q_offsets.size() - 1, kSequencesPerPiece, [&](int64_t begin, int64_t end) {
      for (int64_t s = begin; s < end; ++s) {
        const int64_t q_row = q_offsets.data<int32_t>()[s], k_row = k_offsets.data<int32_t>()[s];
        const int64_t size = (starts[s + 1] - starts[s]) / options.heads;
        for (int64_t h = 0; h < options.heads; ++h) {
          const int64_t column = h * width;
          tensor::simd<T>().attend_backward(head_of<T>(s, h, width, q_offsets, k_offsets, options, q, k, v),
                                            packed + starts[s] + h * size, rows_from<T>(dout, q_row, column),
                                            rows_from<T>(dq.matrix, q_row, dq.first + column),
                                            rows_from<T>(dk.matrix, k_row, dk.first + column),
                                            rows_from<T>(dv.matrix, k_row, dv.first + column), thread_scratch<T>(size));
        }
      }
    });
  });
}

constinit decltype(forward) forward{"attention.forward", forward_cpu};
constinit decltype(backward) backward{"attention.backward", backward_cpu};

}  // namespace attention_kernels

static std::vector<Sample> samples(tensor::Generator& rng) {
  const Tensor q_offsets = Tensor::from<int32_t>({0, 2, 2, 3, 4}), k_offsets = Tensor::from<int32_t>({0, 3, 4, 4, 6});
  const Tensor offsets = Tensor::from<int32_t>({0, 1, 1, 5});
  const AttentionOptions plain{.heads = 2, .scale = 0.7}, causal{.heads = 2, .scale = 0.7, .causal = true};
  const auto separate = [=](const Inputs& in) { return attention(in[0], in[1], in[2], q_offsets, k_offsets, plain); };
  const auto cross = [=](const Inputs& in) { return attention_kv(in[0], in[1], q_offsets, k_offsets, plain); };
  const auto self = [=](const Inputs& in) { return attention_qkv(in[0], offsets, plain); };
  const auto self_causal = [=](const Inputs& in) { return attention_qkv(in[0], offsets, causal); };
  return {{{random_tensor({4, 6}, rng), random_tensor({6, 6}, rng), random_tensor({6, 6}, rng)}, separate},
          {{random_tensor({4, 6}, rng), random_tensor({6, 12}, rng)}, cross},
          {{random_tensor({5, 18}, rng)}, self},
          {{random_tensor({5, 18}, rng)}, self_causal}};
}
static const Op op("attention", samples);

static void require_matrix(const char* name, const Var& x, int64_t columns, const Var& q) {
  tensor::require(x.shape().rank() == 2 && x.columns() == columns && x.value().dtype() == q.value().dtype(),
                  "attention: ", name, " is ", x.shape(), " ", x.value().dtype(), ", q is ", q.shape(), " ",
                  q.value().dtype(), "; it must be [rows, ", columns, "] of the same type");
}

// Records attention whose q, k, v are columns of the inputs: column `first` of inputs[index].
struct Place {
  size_t index;
  int64_t first;
};
static Var attend_columns(const std::vector<Var>& inputs, Place q, Place k, Place v, int64_t columns,
                          const Tensor& q_offsets, const Tensor& k_offsets, const AttentionOptions& options) {
  tensor::require(options.heads > 0 && columns > 0 && columns % options.heads == 0, "attention: q has ", columns,
                  " columns for ", options.heads, " heads; they must be a multiple of the heads");
  std::vector<Tensor> values;
  bool needs_grad = false;
  for (const Var& x : inputs) values.push_back(x.value()), needs_grad |= x.needs_grad();
  const auto at = [](const std::vector<Tensor>& matrices, Place place) {
    return Columns{matrices[place.index], place.first};
  };
  Tensor out({values[q.index].rows(), columns}, values[q.index].dtype(), values[q.index].device()), saved;
  attention_kernels::forward(q_offsets, k_offsets, options, at(values, q), at(values, k), at(values, v), out,
                             Tape::current() && needs_grad ? &saved : nullptr);
  return record(op, inputs, out, [=](const Tensor& dout, Wanted) -> Gradients {
    Gradients gradients;
    for (const Tensor& x : values) gradients.push_back(Tensor::like(x));
    Columns dq = at(gradients, q), dk = at(gradients, k), dv = at(gradients, v);
    attention_kernels::backward(q_offsets, k_offsets, options, at(values, q), at(values, k), at(values, v), saved, dout, dq,
                                dk, dv);
    return gradients;
  });
}

Var attention(const Var& q, const Var& k, const Var& v, const Tensor& q_offsets, const Tensor& k_offsets,
              const AttentionOptions& options) {
  require_matrix("q", q, q.columns(), q);
  require_matrix("k", k, q.columns(), q);
  require_matrix("v", v, q.columns(), q);
  tensor::require(k.shape() == v.shape(), "attention: k is ", k.shape(), ", v is ", v.shape(), "; both must have one shape");
  return attend_columns({q, k, v}, {0, 0}, {1, 0}, {2, 0}, q.columns(), q_offsets, k_offsets, options);
}

Var attention_qkv(const Var& qkv, const Tensor& offsets, const AttentionOptions& options) {
  tensor::require(qkv.shape().rank() == 2 && qkv.columns() % 3 == 0, "attention: qkv is ", qkv.shape(),
                  "; it must be [tokens, 3*heads*width]");
  const int64_t columns = qkv.columns() / 3;
  return attend_columns({qkv}, {0, 0}, {0, columns}, {0, 2 * columns}, columns, offsets, offsets, options);
}

Var attention_kv(const Var& q, const Var& kv, const Tensor& q_offsets, const Tensor& k_offsets,
                 const AttentionOptions& options) {
  require_matrix("q", q, q.columns(), q);
  require_matrix("kv", kv, 2 * q.columns(), q);
  return attend_columns({q, kv}, {0, 0}, {1, 0}, {1, q.columns()}, q.columns(), q_offsets, k_offsets, options);
}

}  // namespace autograd
