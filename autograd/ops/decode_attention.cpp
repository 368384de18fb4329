#include "autograd/ops/decode_attention.h"

#include <algorithm>

#include "autograd/ops/attention_head.h"
#include "tensor/offsets.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace decode_attention_kernels {

static constexpr int64_t kRowsPerPiece = 16;
static constexpr int64_t kHeadsPerPiece = 3;

// Of the last position towards each step, [count, heads].
template <class T>
static std::vector<T> biases_of(const Tensor& table, const Tensor& buckets, int64_t count) {
  if (!table.defined()) return {};
  std::vector<T> biases;
  const int64_t reach = buckets.size() / 2, heads = table.columns();
  for (int64_t j = 0; j < count; ++j) {
    const T* row = table.data<T>() + buckets.data<int32_t>()[reach + std::max(j - (count - 1), -reach)] * heads;
    biases.insert(biases.end(), row, row + heads);
  }
  return biases;
}

static void self_cpu(const std::vector<Tensor>& steps, const Tensor& ancestors, const AttentionOptions& options,
                     const Tensor& table, const Tensor& buckets, Tensor& out) {
  const int64_t rows = out.rows(), columns = out.columns(), count = static_cast<int64_t>(steps.size());
  const int32_t* ancestor = ancestors.data<int32_t>();
  tensor::count_work(4.0 * static_cast<double>(rows * count * columns), 0);
  tensor::for_real(out.dtype(), "decode_attention", [&](auto zero) {
    using T = decltype(zero);
    std::vector<const T*> caches;
    for (const Tensor& step : steps) caches.push_back(step.data<T>());
    const std::vector<T> biases = biases_of<T>(table, buckets, count);
    tensor::parallel_for(rows, kRowsPerPiece, [&](int64_t begin, int64_t end) {
      T* p = thread_scratch<T>(16 * count);
      std::vector<const T*> keys(count);
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t j = 0; j < count; ++j) keys[j] = caches[j] + (3 * int64_t{ancestor[r * count + j]} + 1) * columns;
        tensor::simd<T>().attend_row(options.heads, columns / options.heads, count, caches.back() + 3 * r * columns, keys.data(),
                                     static_cast<T>(options.scale), table.defined() ? biases.data() : nullptr, p,
                                     out.data<T>() + r * columns);
      }
    });
  });
}

// Neighbouring rows of one user.
struct Beams {
  int32_t user;
  int64_t first, count;
};

static std::vector<Beams> beams_of(const Tensor& row_user) {
  std::vector<Beams> all;
  const int32_t* user = row_user.data<int32_t>();
  for (int64_t r = 0; r < row_user.size(); ++r) {
    if (all.empty() || all.back().user != user[r]) all.push_back({user[r], r, 0});
    ++all.back().count;
  }
  return all;
}

// The beams of a user are the queries of one problem: its keys are read once for all of them.
static void cross_cpu(const Tensor& q, const Tensor& kv, const Tensor& k_offsets, const Tensor& row_user,
                      const AttentionOptions& options, Tensor& out) {
  const int64_t columns = q.columns(), width = columns / options.heads, heads = options.heads;
  const int32_t* offsets = k_offsets.data<int32_t>();
  const std::vector<Beams> beams = beams_of(row_user);
  tensor::for_real(q.dtype(), "decode_cross_attention", [&](auto zero) {
    using T = decltype(zero);
    tensor::parallel_for(static_cast<int64_t>(beams.size()) * heads, kHeadsPerPiece, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const auto [user, first, count] = beams[task / heads];
        const int64_t keys = offsets[user + 1] - offsets[user], column = task % heads * width;
        const AttentionHead<T> head{.queries = count,
                                    .keys = keys,
                                    .width = width,
                                    .q = rows_from<T>(q, first, column),
                                    .k = rows_from<T>(kv, offsets[user], column),
                                    .v = rows_from<T>(kv, offsets[user], columns + column),
                                    .scale = static_cast<T>(options.scale)};
        const tensor::Attend<T> problem{head, thread_scratch<T>(count * keys), rows_from<T>(out, first, column)};
        tensor::attend<T>({&problem, 1});
      }
    });
  });
}

// The heads of some beams of a user are the queries of one problem.
static void shared_cpu(const Tensor& q, const Tensor& m, const Tensor& k_offsets, const Tensor& row_user,
                       const AttentionOptions& options, Tensor& out) {
  constexpr int64_t kQueries = 64, kPiece = 4;  // queries of a problem, and problems solved together where there are many
  const int64_t width = m.columns(), heads = options.heads, most = std::max<int64_t>(1, kQueries / heads);
  const int32_t* offsets = k_offsets.data<int32_t>();
  std::vector<Beams> some;
  for (const Beams& beams : beams_of(row_user)) {
    for (int64_t i = 0; i < beams.count; i += most) some.push_back({beams.user, beams.first + i, std::min(most, beams.count - i)});
  }
  tensor::for_real(q.dtype(), "decode_shared_attention", [&](auto zero) {
    using T = decltype(zero);
    const auto tasks = static_cast<int64_t>(some.size());
    tensor::parallel_for(tasks, tasks > kPiece ? kPiece : 1, [&](int64_t begin, int64_t end) {
      std::vector<tensor::Attend<T>> problems;
      int64_t size = 0;
      for (int64_t task = begin; task < end; ++task) {
        const auto [user, first, count] = some[task];
        const Rows<const T> keys = rows_from<T>(m, offsets[user], 0);
        const AttentionHead<T> head{.queries = count * heads,
                                    .keys = offsets[user + 1] - offsets[user],
                                    .width = width,
                                    .q = {q.data<T>() + first * heads * width, width},
                                    .k = keys,
                                    .v = keys,
                                    .scale = static_cast<T>(options.scale),
                                    .precision = tensor::precision()};
        problems.push_back({head, nullptr, {out.data<T>() + first * heads * width, width}});
        size += head.queries * head.keys;
      }
      T* p = thread_scratch<T>(size);
      for (tensor::Attend<T>& problem : problems) {
        problem.p = p;
        p += problem.head.queries * problem.head.keys;
      }
      tensor::attend<T>(problems);
    });
  });
}

constinit decltype(shared) shared{"decode_attention.shared", shared_cpu};
constinit decltype(self) self{"decode_attention.self", self_cpu};
constinit decltype(cross) cross{"decode_attention.cross", cross_cpu};

}  // namespace decode_attention_kernels

Tensor decode_attention(const std::vector<Tensor>& steps, const Tensor& ancestors, const AttentionOptions& options,
                        const RelativeBias& bias) {
  tensor::check(!steps.empty(), "decode_attention: no step");
  const Tensor& qkv = steps.back();
  tensor::require(qkv.shape().rank() == 2 && options.heads > 0 && qkv.columns() % (3 * options.heads) == 0,
                  "decode_attention: queries, keys and values are ", qkv.shape(), " for ", options.heads,
                  " heads; they must be [rows, 3*heads*width]");
  for (const Tensor& step : steps) {
    tensor::require(step.shape().rank() == 2 && step.columns() == qkv.columns() && step.dtype() == qkv.dtype(),
                    "decode_attention: a step is ", step.shape(), " ", step.dtype(), ", the last one ", qkv.shape(), " ",
                    qkv.dtype(), "; they must have as many columns and the same type");
  }
  const Shape table{qkv.rows(), static_cast<int64_t>(steps.size())};
  tensor::require(ancestors.shape() == table && ancestors.dtype() == DType::i32, "decode_attention: ancestors is ",
                  ancestors.dtype(), " ", ancestors.shape(), "; it must be i32 ", table);
  require_bias("decode_attention", bias, qkv, options.heads);
  const int64_t checked = ancestors.device() == tensor::Device::cpu ? ancestors.size() : 0;
  for (int64_t i = 0; i < checked; ++i) {
    const int32_t* ancestor = ancestors.data<int32_t>();
    const int64_t step = i % ancestors.columns(), before = steps[step].rows();
    tensor::require(ancestor[i] >= 0 && ancestor[i] < before, "decode_attention: row ", i / ancestors.columns(),
                    " descends from row ", ancestor[i], " of step ", step, ", which has ", before, " rows; the table is wrong");
  }
  Tensor out({qkv.rows(), qkv.columns() / 3}, qkv.dtype(), qkv.device());
  const Tensor bias_table = value_or_none(bias.table);
  decode_attention_kernels::self(steps, ancestors, options, bias_table, bias.buckets, out);
  return out;
}

// m: what is cached, with that many columns.
static void require_cached(const char* name, const Tensor& q, const Tensor& m, int64_t columns, const Tensor& k_offsets,
                           const Tensor& row_user, const AttentionOptions& options) {
  tensor::require(q.shape().rank() == 2 && options.heads > 0 && q.columns() % options.heads == 0, name, ": q is ", q.shape(),
                  " for ", options.heads, " heads; it must be [rows, heads*width]");
  tensor::require(m.shape().rank() == 2 && m.columns() == columns && m.dtype() == q.dtype(), name, ": q is ", q.shape(), " ",
                  q.dtype(), ", keys and values are ", m.shape(), " ", m.dtype(), "; they must have ", columns,
                  " columns and the same type");
  const Shape rows{q.rows()};
  tensor::require(row_user.shape() == rows && row_user.dtype() == DType::i32, name, ": row_user is ", row_user.dtype(), " ",
                  row_user.shape(), "; it must be i32 ", rows);
  tensor::require_offsets(name, "k_offsets", k_offsets, m.rows());
  const int64_t users = k_offsets.size() - 1;
  for (int64_t r = 0; row_user.device() == tensor::Device::cpu && r < q.rows(); ++r) {
    const int32_t user = row_user.data<int32_t>()[r];
    tensor::require(user >= 0 && user < users, name, ": row ", r, " belongs to user ", user, " of ", users,
                    "; it must be one of k_offsets");
  }
}

Tensor decode_cross_attention(const Tensor& q, const Tensor& kv, const Tensor& k_offsets, const Tensor& row_user,
                              const AttentionOptions& options) {
  require_cached("decode_cross_attention", q, kv, 2 * q.columns(), k_offsets, row_user, options);
  Tensor out = Tensor::like(q);
  decode_attention_kernels::cross(q, kv, k_offsets, row_user, options, out);
  return out;
}

Tensor decode_shared_attention(const Tensor& q, const Tensor& m, const Tensor& k_offsets, const Tensor& row_user,
                               const AttentionOptions& options) {
  require_cached("decode_shared_attention", q, m, q.columns() / std::max(1, options.heads), k_offsets, row_user, options);
  Tensor out = Tensor::like(q);
  decode_attention_kernels::shared(q, m, k_offsets, row_user, options, out);
  return out;
}

}  // namespace autograd
