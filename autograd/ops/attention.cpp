#include "autograd/ops/attention.h"

#include <algorithm>
#include <vector>

#include "autograd/op.h"
#include "autograd/ops/attention_head.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/reshape.h"
#include "tensor/divide.h"
#include "tensor/offsets.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace attention_kernels {

static constexpr int64_t kSequencesPerPiece = 8;
static constexpr int64_t kTogether = 8;  // problems that are solved together, see tensor::attend: some sequences' where heads are few

static void require_sequences(const Tensor& q_offsets, const Tensor& k_offsets, const AttentionOptions& options,
                              const Columns& q, const Columns& k) {
  tensor::require_offsets("attention", "q_offsets", q_offsets, q.matrix.rows() / options.rows_per_query);
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

// The values of the relative bias, one line per head: of distance d in head h at line(h)[d].
template <class T>
class BiasLines {
 public:
  BiasLines(const Tensor& table, const Tensor& buckets, int64_t longest) : longest_(longest) {
    if (!table.defined()) return;
    const int64_t heads = table.columns();
    values_.resize(heads * (2 * longest + 1));
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t d = -longest; d <= longest; ++d) {
        values_[h * (2 * longest + 1) + longest + d] = table.data<T>()[bucket_of(buckets, d) * heads + h];
      }
    }
  }
  // As rows [queries, keys]: element (i, j) is the value of distance j - i.
  Rows<const T> rows(int64_t h) const {
    return values_.empty() ? Rows<const T>{nullptr, 0}
                           : Rows<const T>{values_.data() + h * (2 * longest_ + 1) + longest_, -1};
  }

  static int32_t bucket_of(const Tensor& buckets, int64_t distance) {
    const int64_t reach = buckets.size() / 2;
    return buckets.data<int32_t>()[reach + std::clamp(distance, -reach, reach)];
  }

 private:
  int64_t longest_;
  std::vector<T> values_;
};

// The problem of sequence s, head h, without bias and dropout.
template <class T>
static AttentionHead<T> head_of(int64_t s, int64_t h, int64_t width, const Tensor& q_offsets, const Tensor& k_offsets,
                                const AttentionOptions& options, const AttentionInputs& inputs) {
  const int32_t *at_q = q_offsets.data<int32_t>() + s, *at_k = k_offsets.data<int32_t>() + s;
  const auto rows = [&](const Columns& x, int64_t row) { return rows_from<T>(x.matrix, row, x.first + h * width); };
  return {.queries = at_q[1] - at_q[0],
          .keys = at_k[1] - at_k[0],
          .width = width,
          .q = rows(inputs.q, *at_q),
          .k = rows(inputs.k, *at_k),
          .v = rows(inputs.v, *at_k),
          .scale = static_cast<T>(options.scale),
          .causal = options.causal,
          .precision = tensor::precision()};
}

// The random words of the probabilities [begin, end), for the calling thread until its next call.
static const uint16_t* words_of(const AttentionOptions& options, int64_t begin, int64_t end) {
  constexpr int64_t slack = 64 + 32;  // written, and read, beyond the end
  const int64_t first = begin / 8 * 8;
  uint16_t* words = thread_scratch<uint16_t>(end - first + slack);
  tensor::simd<float>().dropout_words(options.stream.key(), static_cast<uint64_t>(first), words, end - first);
  return words + (begin - first);
}

// The offsets of the rows of q.
static Tensor row_offsets(const Tensor& q_offsets, const AttentionOptions& options) {
  if (options.rows_per_query == 1) return q_offsets;
  Tensor result = q_offsets.clone();
  for (int32_t& offset : result.span<int32_t>()) offset *= options.rows_per_query;
  return result;
}

static void forward_cpu(const Tensor& query_offsets, const Tensor& k_offsets, const AttentionOptions& options,
                        const AttentionInputs& inputs, const Tensor& buckets, Tensor& out, Tensor* saved) {
  const Tensor q_offsets = row_offsets(query_offsets, options);
  const Tensor begins = probability_starts(q_offsets, k_offsets, options.heads);
  const auto starts = begins.span<int64_t>();
  if (saved) *saved = Tensor({starts.back()}, out.dtype());
  tensor::count_work(4.0 * static_cast<double>(starts.back()) * static_cast<double>(out.columns() / options.heads), 0);
  tensor::for_real(out.dtype(), "attention", [&](auto zero) {
    using T = decltype(zero);
    const int64_t width = out.columns() / options.heads;
    const BiasLines<T> bias(inputs.table, buckets, tensor::longest_sequence(q_offsets.span<int32_t>()));
    T* packed = saved ? saved->data<T>() : nullptr;
    // Of few sequences each head is a piece of work, a task.
    const int64_t sequences = q_offsets.size() - 1, parts = sequences <= kSequencesPerPiece ? options.heads : 1;
    const int64_t grain = sequences <= kSequencesPerPiece ? 1 : kSequencesPerPiece;
    tensor::parallel_for(sequences * parts, grain, [&](int64_t begin, int64_t end) {
      std::vector<tensor::Attend<T>> problems;
      const int64_t heads = options.heads / parts, together = tensor::ceil_div(kTogether, heads);
      const auto start_of = [&](int64_t task) {
        const int64_t s = task / parts;
        return starts[s] + (task % parts == 0 ? 0 : (starts[s + 1] - starts[s]) / parts * (task % parts));
      };
      for (int64_t task = begin; task < end; task += together) {
        const int64_t last = std::min(end, task + together), start = start_of(task), size = start_of(last) - start;
        T *scratch = thread_scratch<T>(2 * size), *p = packed ? packed + start : scratch;
        tensor::ProbabilityDropout<T> dropout;
        if (options.dropout > 0) {
          dropout = {.kept = scratch + size,
                     .scale = static_cast<T>(1 / (1 - options.dropout)),
                     .words = words_of(options, start, start + size),
                     .threshold = tensor::dropout_threshold(options.dropout)};
        }
        problems.clear();
        for (int64_t i = task * heads; i < last * heads; ++i) {  // the heads of all sequences
          const int64_t s = i / options.heads, h = i % options.heads;
          AttentionHead<T> head = head_of<T>(s, h, width, q_offsets, k_offsets, options, inputs);
          head.bias = bias.rows(h);
          head.dropout = dropout;
          problems.push_back({head, p, rows_from<T>(out, q_offsets.data<int32_t>()[s], h * width)});
          p += head.queries * head.keys;
          if (dropout.words) dropout.words += head.queries * head.keys, dropout.kept += head.queries * head.keys;
        }
        tensor::attend<T>(problems);
      }
    });
  });
}

// dtable[b, h] += sum of the parts [pieces, heads, 2*longest+2] over the distances in bucket b, in order.
template <class T>
static void sum_buckets(const Tensor& parts, const Tensor& buckets, int64_t longest, Tensor& dtable) {
  const int64_t heads = dtable.columns(), line = 2 * longest + 2, pieces = parts.size() / (heads * line);
  for (int64_t h = 0; h < heads; ++h) {
    for (int64_t d = -longest; d <= longest; ++d) {
      const T* part = parts.data<T>() + h * line + longest + 1 + d;
      T& sum = dtable.data<T>()[BiasLines<T>::bucket_of(buckets, d) * heads + h];
      for (int64_t piece = 0; piece < pieces; ++piece) sum += part[piece * heads * line];
    }
  }
}

static void backward_cpu(const Tensor& query_offsets, const Tensor& k_offsets, const AttentionOptions& options,
                         const AttentionInputs& inputs, const Tensor& buckets, const Tensor& saved, const Tensor& dout,
                         AttentionInputs& gradients) {
  const Tensor q_offsets = row_offsets(query_offsets, options);
  const Tensor begins = probability_starts(q_offsets, k_offsets, options.heads);
  const auto starts = begins.span<int64_t>();
  tensor::count_work(8.0 * static_cast<double>(starts.back()) * static_cast<double>(dout.columns() / options.heads), 0);
  tensor::for_real(dout.dtype(), "attention", [&](auto zero) {
    using T = decltype(zero);
    const int64_t width = dout.columns() / options.heads, sequences = q_offsets.size() - 1;
    // Each piece of sequences sums the gradients of its biases by distance.
    const bool biased = gradients.table.defined();
    const int64_t longest = biased ? tensor::longest_sequence(q_offsets.span<int32_t>()) : 0, line = 2 * longest + 2;
    const int64_t pieces = tensor::ceil_div(sequences, kSequencesPerPiece);
    Tensor parts = Tensor::zeros({biased ? pieces * options.heads * line : 0}, dout.dtype());
    tensor::parallel_for(sequences, kSequencesPerPiece, [&](int64_t begin, int64_t end) {
      std::vector<tensor::AttendBackward<T>> problems;
      const int64_t heads = options.heads, together = tensor::ceil_div(kTogether, heads);
      for (int64_t first = begin; first < end; first += together) {
        const int64_t last = std::min(end, first + together), start = starts[first], size = starts[last] - start;
        T *db = thread_scratch<T>(2 * size), *kept = db + size;
        const T* p = saved.data<T>() + start;
        problems.clear();
        for (int64_t i = first * heads; i < last * heads; ++i) {
          const int64_t s = i / heads, h = i % heads;
          const int64_t q_row = q_offsets.data<int32_t>()[s], k_row = k_offsets.data<int32_t>()[s];
          const auto rows = [&](Columns& x, int64_t row) { return rows_from<T>(x.matrix, row, x.first + h * width); };
          AttentionHead<T> head = head_of<T>(s, h, width, q_offsets, k_offsets, options, inputs);
          if (options.dropout > 0) head.dropout = {.kept = kept, .scale = static_cast<T>(1 / (1 - options.dropout))};
          problems.push_back({head, p, rows_from<T>(dout, q_row, h * width), rows(gradients.q, q_row), rows(gradients.k, k_row),
                              rows(gradients.v, k_row), db});
          p += head.queries * head.keys, db += head.queries * head.keys, kept += head.queries * head.keys;
        }
        tensor::attend_backward<T>(problems);
        for (size_t i = 0; biased && i < problems.size(); ++i) {
          const int64_t h = static_cast<int64_t>(i) % heads, keys = problems[i].head.keys;
          T* part = parts.data<T>() + (begin / kSequencesPerPiece * heads + h) * line;
          tensor::simd<T>().add_diagonals(problems[i].db, keys, part + longest - keys);
        }
      }
    });
    if (biased && !gradients.add_to_table) gradients.table.fill(0);
    if (biased) sum_buckets<T>(parts, buckets, longest, gradients.table);
  });
}

constinit decltype(forward) forward{"attention.forward", forward_cpu};
constinit decltype(backward) backward{"attention.backward", backward_cpu};

}  // namespace attention_kernels

static std::vector<Sample> attention_samples(tensor::Generator& rng) {
  const Tensor q_offsets = Tensor::from<int32_t>({0, 2, 2, 3, 4}), k_offsets = Tensor::from<int32_t>({0, 3, 4, 4, 6});
  const Tensor offsets = Tensor::from<int32_t>({0, 1, 1, 5});
  const AttentionOptions plain{.heads = 2, .scale = 0.7}, causal{.heads = 2, .scale = 0.7, .causal = true};
  AttentionOptions dropping = plain, dropping_causal = causal;
  dropping.dropout = dropping_causal.dropout = 0.3;
  const Tensor buckets = Tensor::from<int32_t>({3, 1, 0, 2, 2});  // the longest sequence goes beyond them
  const auto separate = [=](const Inputs& in) { return attention(in[0], in[1], in[2], q_offsets, k_offsets, plain); };
  const auto cross = [=](const AttentionOptions& options) {
    return [=](const Inputs& in) { return attention_kv(in[0], in[1], q_offsets, k_offsets, options); };
  };
  const auto shared = [=](const AttentionOptions& options) {
    return [=](const Inputs& in) { return shared_attention(in[0], in[1], q_offsets, k_offsets, options); };
  };
  const auto self = [=](const AttentionOptions& options) {
    return [=](const Inputs& in) { return attention_qkv(in[0], offsets, options); };
  };
  const auto biased = [=](const AttentionOptions& options) {
    return [=](const Inputs& in) { return attention_qkv(in[0], offsets, options, {in[1], buckets}); };
  };
  return {{{random_tensor({4, 6}, rng), random_tensor({6, 6}, rng), random_tensor({6, 6}, rng)}, separate},
          {{random_tensor({4, 6}, rng), random_tensor({6, 12}, rng)}, cross(plain)},
          {{random_tensor({4, 6}, rng), random_tensor({6, 12}, rng)}, cross(dropping)},
          {{random_tensor({4, 6}, rng), random_tensor({6, 3}, rng)}, shared(plain)},
          {{random_tensor({4, 6}, rng), random_tensor({6, 3}, rng)}, shared(dropping)},
          {{random_tensor({5, 18}, rng)}, self(plain)},
          {{random_tensor({5, 18}, rng)}, self(causal)},
          {{random_tensor({5, 18}, rng), random_tensor({4, 2}, rng)}, biased(plain)},
          {{random_tensor({5, 18}, rng), random_tensor({4, 2}, rng)}, biased(dropping)},
          {{random_tensor({5, 18}, rng), random_tensor({4, 2}, rng)}, biased(dropping_causal)}};
}
static const Op attention_op("attention", attention_samples);

static void require_matrix(const char* name, const Var& x, int64_t columns, const Var& q) {
  tensor::require(x.shape().rank() == 2 && x.columns() == columns && x.value().dtype() == q.value().dtype(),
                  "attention: ", name, " is ", x.shape(), " ", x.value().dtype(), ", q is ", q.shape(), " ",
                  q.value().dtype(), "; it must be [rows, ", columns, "] of the same type");
}

void require_bias(const char* operation, const RelativeBias& bias, const Tensor& q, int heads) {
  if (!bias.table.defined()) return;
  const Tensor &table = bias.table.value(), &buckets = bias.buckets;
  tensor::require(table.shape().rank() == 2 && table.columns() == heads && table.dtype() == q.dtype(), operation,
                  ": the bias table is ", table.shape(), " ", table.dtype(), " for ", heads, " heads and q of ", q.dtype(),
                  "; it must be [buckets, heads] of the same type");
  tensor::require(buckets.shape().rank() == 1 && buckets.size() % 2 == 1 && buckets.dtype() == DType::i32, operation,
                  ": the buckets are ", buckets.dtype(), " ", buckets.shape(), "; they must be i32 [2*reach+1]");
  for (const int32_t bucket : buckets.span<int32_t>()) {
    tensor::require(bucket >= 0 && bucket < table.rows(), operation, ": bucket ", bucket, " of a bias table ", table.shape(),
                    "; buckets must be from 0 to ", table.rows() - 1);
  }
}

// Records attention whose q, k, v are columns of the inputs: column `first` of inputs[index].
struct Place {
  size_t index;
  int64_t first;
};
static Var attend_columns(std::vector<Var> inputs, Place q, Place k, Place v, int64_t columns, const Tensor& q_offsets,
                          const Tensor& k_offsets, const AttentionOptions& options, const RelativeBias& bias = {}) {
  tensor::require(options.heads > 0 && columns > 0 && columns % options.heads == 0, "attention: q has ", columns,
                  " columns for ", options.heads, " heads; they must be a multiple of the heads");
  tensor::require(options.dropout >= 0 && options.dropout < 1, "attention: dropout is ", options.dropout,
                  "; it must be in [0, 1)");
  const size_t matrices = inputs.size();
  require_bias("attention", bias, inputs[q.index].value(), options.heads);
  if (bias.table.defined()) inputs.push_back(bias.table);
  std::vector<Tensor> values;
  bool needs_grad = false;
  for (const Var& x : inputs) values.push_back(x.value()), needs_grad |= x.needs_grad();
  const auto at = [=](const std::vector<Tensor>& of) -> AttentionInputs {
    const auto columns_of = [&](Place place) { return Columns{of[place.index], place.first}; };
    return {columns_of(q), columns_of(k), columns_of(v), of.size() > matrices ? of.back() : Tensor()};
  };
  attention_kernels::require_sequences(q_offsets, k_offsets, options, at(values).q, at(values).k);
  Tensor out({values[q.index].rows(), columns}, values[q.index].dtype(), values[q.index].device()), saved;
  attention_kernels::forward(q_offsets, k_offsets, options, at(values), bias.buckets, out,
                             Tape::current() && needs_grad ? &saved : nullptr);
  return record(attention_op, inputs, out, [=, buckets = bias.buckets](const Tensor& dout, Wanted wanted) -> Gradients {
    Gradients gradients;
    std::vector<Tensor> rounded;
    for (size_t i = 0; i < matrices; ++i) {
      gradients.push_back(Tensor::like(values[i]));
      rounded.push_back(matmul_kernels::rounded_of(values[i]));
    }
    Wanted::Target table;
    if (values.size() > matrices && wanted[matrices]) table = wanted.target(matrices);
    if (values.size() > matrices) gradients.push_back(table.gradient);
    AttentionInputs parts = at(gradients);
    parts.add_to_table = table.add;
    parts.q.rounded = rounded[q.index], parts.k.rounded = rounded[k.index], parts.v.rounded = rounded[v.index];
    attention_kernels::backward(q_offsets, k_offsets, options, at(values), buckets, saved, dout, parts);
    for (size_t i = 0; i < matrices; ++i) gradients[i].set_rounded(rounded[i]);
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

Var attention_qkv(const Var& qkv, const Tensor& offsets, const AttentionOptions& options, const RelativeBias& bias) {
  tensor::require(qkv.shape().rank() == 2 && qkv.columns() % 3 == 0, "attention: qkv is ", qkv.shape(),
                  "; it must be [tokens, 3*heads*width]");
  const int64_t columns = qkv.columns() / 3;
  return attend_columns({qkv}, {0, 0}, {0, columns}, {0, 2 * columns}, columns, offsets, offsets, options, bias);
}

Var attention_kv(const Var& q, const Var& kv, const Tensor& q_offsets, const Tensor& k_offsets,
                 const AttentionOptions& options) {
  require_matrix("q", q, q.columns(), q);
  require_matrix("kv", kv, 2 * q.columns(), q);
  return attend_columns({q, kv}, {0, 0}, {1, 0}, {1, q.columns()}, q.columns(), q_offsets, k_offsets, options);
}

Var shared_attention(const Var& q, const Var& m, const Tensor& q_offsets, const Tensor& k_offsets,
                     const AttentionOptions& options) {
  const int64_t heads = options.heads;
  tensor::require(heads > 0 && !options.causal && q.shape().rank() == 2 && q.columns() % heads == 0, "shared_attention: q is ",
                  q.shape(), " for ", heads, " heads", options.causal ? ", causal" : "",
                  "; it must be [queries, heads*width] of at least one head, and not causal");
  require_matrix("m", m, q.columns() / heads, q);
  tensor::require_offsets("shared_attention", "q_offsets", q_offsets, q.rows());
  AttentionOptions of_one = options;
  of_one.heads = 1, of_one.rows_per_query = options.heads;
  const Var rows = reshape(q, {q.rows() * heads, m.columns()});
  return reshape(attend_columns({rows, m}, {0, 0}, {1, 0}, {1, 0}, m.columns(), q_offsets, k_offsets, of_one), q.shape());
}

}  // namespace autograd
