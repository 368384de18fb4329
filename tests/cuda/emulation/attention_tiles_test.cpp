// Attention in bf16 on emulated tensor cores, forward and backward, against its definition in double on inputs rounded here.
#include <cmath>

#include "autograd/ops/attention.h"
#include "autograd/ops/dropout.h"
#include "tensor/cuda/device.h"
#include "tensor/precision.h"
#include "tests/autograd/ragged.h"
#include "tests/catch.h"

using namespace autograd;
using tensor::Device;
using tensor::round_bf16;
using tests::offsets_of;

namespace {

using Values = std::vector<float>;

struct Shape2 {  // of ragged q, k, v, [rows, heads*width] each
  std::vector<int> queries, keys;
  int heads;
  int64_t width;
  int64_t columns() const { return heads * width; }
};

struct Result {
  Values out, dq, dk, dv;
  std::vector<Values> ds;  // of each sequence and head, [queries, keys]
};

double rounded(double x) { return round_bf16(static_cast<float>(x)); }

// Straight from the definition. bias(sequence, head, i, j) stands beside q k.
template <class Bias>
Result reference(const Shape2& shape, const AttentionOptions& options, const Values& q, const Values& k, const Values& v,
                 const Values& dout, Bias bias) {
  const int64_t columns = shape.columns();
  Result r{Values(q.size()), Values(q.size()), Values(k.size()), Values(k.size()), {}};
  int64_t probabilities = 0;
  for (size_t s = 0; s < shape.queries.size(); ++s) probabilities += int64_t{shape.queries[s]} * shape.keys[s] * shape.heads;
  std::vector<double> mask(probabilities, 1.0);
  mask = dropout(Tensor::from(mask), options.dropout, options.stream).value().to_vector<double>();
  const double* kept = mask.data();
  int64_t q_row = 0, k_row = 0;
  for (size_t s = 0; s < shape.queries.size(); q_row += shape.queries[s], k_row += shape.keys[s], ++s) {
    const int n = shape.queries[s], m = shape.keys[s];
    for (int h = 0; h < shape.heads; ++h, kept += n * m) {
      const auto at = [&](const Values& x, int64_t row, int64_t c) {
        return rounded(x[row * columns + h * shape.width + c]);
      };
      const auto to = [&](Values& x, int64_t row, int64_t c) -> float& { return x[row * columns + h * shape.width + c]; };
      Values p(n * m), weight(n * m), ds(n * m);
      for (int i = 0; i < n; ++i) {
        const int seen = options.causal ? i + 1 : m;
        std::vector<double> e(seen), dp(seen);
        double total = 0, mean = 0;
        for (int j = 0; j < seen; ++j) {
          double score = bias(s, h, i, j);
          for (int64_t c = 0; c < shape.width; ++c) score += at(q, q_row + i, c) * at(k, k_row + j, c);
          total += e[j] = std::exp(options.scale * score);
        }
        for (int j = 0; j < seen; ++j) {
          p[i * m + j] = static_cast<float>(e[j] / total);
          weight[i * m + j] = round_bf16(static_cast<float>(kept[i * m + j]) * p[i * m + j]);
          for (int64_t c = 0; c < shape.width; ++c) dp[j] += at(dout, q_row + i, c) * at(v, k_row + j, c);
          mean += p[i * m + j] * (dp[j] *= kept[i * m + j]);
        }
        for (int j = 0; j < seen; ++j) ds[i * m + j] = static_cast<float>(options.scale * p[i * m + j] * (dp[j] - mean));
      }
      for (int64_t c = 0; c < shape.width; ++c) {
        for (int i = 0; i < n; ++i) {
          for (int j = 0; j < m; ++j) {
            const double w = weight[i * m + j], d = rounded(ds[i * m + j]);
            to(r.out, q_row + i, c) += static_cast<float>(w * at(v, k_row + j, c));
            to(r.dq, q_row + i, c) += static_cast<float>(d * at(k, k_row + j, c));
            to(r.dk, k_row + j, c) += static_cast<float>(d * at(q, q_row + i, c));
            to(r.dv, k_row + j, c) += static_cast<float>(w * at(dout, q_row + i, c));
          }
        }
      }
      r.ds.push_back(ds);
    }
  }
  return r;
}

// A probability or a gradient of a score half-way between two numbers of bf16 may be rounded either way: then a row moves by
// up to one part in 256. `moved`: which part of the elements may.
void check_near(const char* name, const Values& got, const Values& want, double moved) {
  INFO(name);
  REQUIRE(got.size() == want.size());
  double scale = 1e-3, worst = 0;
  size_t off = 0;
  for (const float x : want) scale = std::max(scale, std::fabs(double{x}));
  for (size_t i = 0; i < want.size(); ++i) {
    const double error = std::fabs(double{got[i]} - want[i]) / scale;
    worst = tests::larger(worst, error);
    off += !(error < 1e-5);
  }
  INFO(off << " of " << want.size() << " differ");
  CHECK(worst < (moved > 0 ? 4e-3 : 1e-5));
  CHECK(static_cast<double>(off) <= moved * static_cast<double>(want.size()));
}

Values random_values(int64_t count, uint64_t seed) {
  const Tensor x = tests::random_matrix(count, 1, seed).to(DType::f32);
  return x.to_vector<float>();
}

// Column blocks side by side, and block `index` of `count` again.
Values beside(const std::vector<Values>& blocks, int64_t columns) {
  Values x;
  for (size_t row = 0; row * columns < blocks[0].size(); ++row) {
    for (const Values& block : blocks) x.insert(x.end(), block.begin() + row * columns, block.begin() + (row + 1) * columns);
  }
  return x;
}
Values block_of(const Tensor& x, int64_t index, int64_t count) {
  const Values all = x.to(Device::cpu).to_vector<float>();
  const int64_t columns = x.columns() / count;
  Values y;
  for (int64_t row = 0; row < x.rows(); ++row) {
    const auto from = all.begin() + (row * count + index) * columns;
    y.insert(y.end(), from, from + columns);
  }
  return y;
}

Var parameter(const Values& x, int64_t columns) {
  return Var::parameter(Tensor::from(x).reshape({static_cast<int64_t>(x.size()) / columns, columns}).to(Device::cuda));
}

AttentionOptions options_of(int heads, bool causal, double dropout) {
  AttentionOptions options{.heads = heads, .scale = .3, .causal = causal};
  options.dropout = dropout;
  options.stream = tensor::Random(3, "probabilities", 7);
  return options;
}

const auto kNoBias = [](size_t, int, int, int) { return 0.; };

void check_self(const std::vector<int>& lengths, int heads, int64_t width, bool causal, double dropout, bool biased,
                double moved) {
  CAPTURE(width, causal, dropout, biased);
  const Shape2 shape{lengths, lengths, heads, width};
  const AttentionOptions options = options_of(heads, causal, dropout);
  const int64_t count = tests::total(lengths) * shape.columns();
  const Values q = random_values(count, 1), k = random_values(count, 2), v = random_values(count, 3),
               dout = random_values(count, 4), biases = random_values(6 * heads, 5);
  const std::vector<int32_t> buckets = {4, 3, 1, 0, 2, 2, 5};  // of the distances -3 .. 3
  const auto bucket = [&](int i, int j) { return buckets[3 + std::clamp(j - i, -3, 3)]; };
  const Result want = reference(shape, options, q, k, v, dout, [&](size_t, int h, int i, int j) {
    return biased ? double{biases[bucket(i, j) * heads + h]} : 0.;
  });
  const Var qkv = parameter(beside({q, k, v}, shape.columns()), 3 * shape.columns());
  RelativeBias bias;
  if (biased) bias = {parameter(biases, heads), Tensor::from(buckets)};
  Tape tape;
  const Var y = attention_qkv(qkv, offsets_of(lengths), options, bias);
  tape.backward(y, parameter(dout, shape.columns()).value());
  check_near("out", block_of(y.value(), 0, 1), want.out, moved);
  check_near("dq", block_of(qkv.grad(), 0, 3), want.dq, moved);
  check_near("dk", block_of(qkv.grad(), 1, 3), want.dk, moved);
  check_near("dv", block_of(qkv.grad(), 2, 3), want.dv, moved);
  if (!biased) return;
  Values dtable(biases.size());
  for (size_t problem = 0; problem < want.ds.size(); ++problem) {
    const int n = lengths[problem / heads], h = static_cast<int>(problem % heads);
    for (int e = 0; e < n * n; ++e) dtable[bucket(e / n, e % n) * heads + h] += want.ds[problem][e];
  }
  check_near("dtable", block_of(bias.table.grad(), 0, 1), dtable, 0);  // nothing of it is rounded
}

struct InBf16 {
  tensor::PrecisionScope scope{tensor::Precision::bf16};
  InBf16() { tensor::cuda::open(); }
};

}  // namespace

TEST_CASE("bf16 attention on tensor cores equals its definition", "[cuda][emulation][bf16]") {
  const InBf16 bf16;
  const std::vector<int> lengths = {3, 0, 1, 33, 7, 16, 17};
  for (const bool causal : {false, true}) {
    for (const double dropout : {0.0, .3}) check_self(lengths, 2, 32, causal, dropout, true, .01);
    check_self(lengths, 3, 5, causal, 0, false, .01);
  }
}

TEST_CASE("bf16 attention of long sequences, wide heads and what does not fit into shared memory",
          "[cuda][emulation][bf16]") {
  const InBf16 bf16;
  for (const bool causal : {false, true}) {
    check_self({65, 2, 150}, 1, 16, causal, .2, true, .05);
    check_self({90}, 1, 130, causal, .2, false, .05);
    check_self({20, 3}, 1, 700, causal, .2, true, .02);
  }
}

TEST_CASE("bf16 cross-attention on tensor cores equals its definition", "[cuda][emulation][bf16]") {
  const InBf16 bf16;
  const Shape2 shape{{5, 2, 0, 4, 1, 20}, {21, 0, 6, 3, 17, 80}, 2, 24};
  const AttentionOptions options = options_of(2, false, .1);
  const int64_t queries = tests::total(shape.queries) * shape.columns(), keys = tests::total(shape.keys) * shape.columns();
  const Values q = random_values(queries, 1), k = random_values(keys, 2), v = random_values(keys, 3),
               dout = random_values(queries, 4);
  const Result want = reference(shape, options, q, k, v, dout, kNoBias);
  const Var x = parameter(q, shape.columns()), kv = parameter(beside({k, v}, shape.columns()), 2 * shape.columns());
  Tape tape;
  const Var y = attention_kv(x, kv, offsets_of(shape.queries), offsets_of(shape.keys), options);
  tape.backward(y, parameter(dout, shape.columns()).value());
  check_near("out", block_of(y.value(), 0, 1), want.out, .01);
  check_near("dq", block_of(x.grad(), 0, 1), want.dq, .01);
  check_near("dk", block_of(kv.grad(), 0, 2), want.dk, .01);
  check_near("dv", block_of(kv.grad(), 1, 2), want.dv, .01);
}

TEST_CASE("bf16 attention over shared keys adds the gradients of keys and values on tensor cores", "[cuda][emulation][bf16]") {
  const InBf16 bf16;
  const Shape2 shape{{10, 4, 0, 8, 2, 40}, {21, 0, 6, 3, 17, 80}, 1, 24};  // the rows of two heads are queries of one
  const AttentionOptions options = options_of(1, false, .1);
  const int64_t queries = tests::total(shape.queries) * shape.width, keys = tests::total(shape.keys) * shape.width;
  const Values q = random_values(queries, 1), m = random_values(keys, 2), dout = random_values(queries, 3);
  Result want = reference(shape, options, q, m, m, dout, kNoBias);
  for (size_t i = 0; i < want.dk.size(); ++i) want.dk[i] += want.dv[i];
  const Var x = parameter(q, 2 * shape.width), shared = parameter(m, shape.width);
  Tape tape;
  const Var y = shared_attention(x, shared, offsets_of({5, 2, 0, 4, 1, 20}), offsets_of(shape.keys), options_of(2, false, .1));
  tape.backward(y, parameter(dout, 2 * shape.width).value());
  check_near("out", block_of(y.value(), 0, 1), want.out, .01);
  check_near("dq", block_of(x.grad(), 0, 1), want.dq, .01);
  check_near("dm", block_of(shared.grad(), 0, 1), want.dk, .01);
}
