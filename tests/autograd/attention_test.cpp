// Attention against a plain implementation in double over random ragged batches, and its properties.
#include "autograd/ops/attention.h"

#include <cmath>

#include "tensor/random.h"
#include "tensor/simd/simd.h"
#include "tests/autograd/ragged.h"
#include "tests/autograd/results.h"

using namespace autograd;
using tests::offsets_of;
using tests::random_matrix;

namespace {

// Straight from the definition; q, k, v are [rows, heads*width].
std::vector<double> reference(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& q_offsets,
                              const Tensor& k_offsets, const AttentionOptions& options) {
  const int64_t columns = q.columns(), width = columns / options.heads;
  const double *pq = q.data<double>(), *pk = k.data<double>(), *pv = v.data<double>();
  std::vector<double> out(q.size(), 0.0);
  for (int64_t s = 0; s + 1 < q_offsets.size(); ++s) {
    const int32_t q0 = q_offsets.data<int32_t>()[s], q1 = q_offsets.data<int32_t>()[s + 1];
    const int32_t k0 = k_offsets.data<int32_t>()[s], k1 = k_offsets.data<int32_t>()[s + 1];
    for (int h = 0; h < options.heads; ++h) {
      for (int32_t i = q0; i < q1; ++i) {
        const int32_t end = options.causal ? k0 + (i - q0) + 1 : k1;
        double total = 0;
        std::vector<double> weight;
        for (int32_t j = k0; j < end; ++j) {
          double score = 0;
          for (int64_t c = h * width; c < (h + 1) * width; ++c) score += pq[i * columns + c] * pk[j * columns + c];
          total += weight.emplace_back(std::exp(options.scale * score));
        }
        for (int32_t j = k0; j < end; ++j) {
          for (int64_t c = h * width; c < (h + 1) * width; ++c) {
            out[i * columns + c] += weight[j - k0] / total * pv[j * columns + c];
          }
        }
      }
    }
  }
  return out;
}

void check_close(const Tensor& got, const std::vector<double>& want, double tolerance) {
  REQUIRE(got.size() == static_cast<int64_t>(want.size()));
  const std::vector<double> values = got.to(DType::f64).to_vector<double>();
  double worst = 0;
  for (size_t i = 0; i < want.size(); ++i) worst = tests::larger(worst, std::fabs(values[i] - want[i]));
  CHECK(worst < tolerance);
}

Tensor beside(const std::vector<Tensor>& parts) {  // concatenation of columns
  const int64_t rows = parts[0].rows(), columns = parts[0].columns();
  Tensor y({rows, columns * static_cast<int64_t>(parts.size())}, DType::f64);
  for (size_t p = 0; p < parts.size(); ++p) {
    for (int64_t i = 0; i < rows * columns; ++i) {
      y.data<double>()[(i / columns) * y.columns() + p * columns + i % columns] = parts[p].data<double>()[i];
    }
  }
  return y;
}

const std::vector<int> kLengths = {3, 0, 1, 33, 7, 2, 16, 5, 12, 1, 0, 9};

}  // namespace

TEST_CASE("attention equals its definition on ragged batches", "[attention]") {
  for (const bool causal : {false, true}) {
    for (const int64_t width : {1, 5, 64}) {
      const AttentionOptions options{.heads = 3, .scale = 0.4, .causal = causal};
      const std::vector<int> q_lengths = causal ? kLengths : std::vector<int>{5, 2, 4, 1, 0, 33, 3, 5, 6, 1, 2, 8};
      const Tensor q_offsets = offsets_of(q_lengths), k_offsets = offsets_of(kLengths);
      const Tensor q = random_matrix(tests::total(q_lengths), 3 * width, 1),
                   k = random_matrix(tests::total(kLengths), 3 * width, 2),
                   v = random_matrix(tests::total(kLengths), 3 * width, 3);
      const std::vector<double> want = reference(q, k, v, q_offsets, k_offsets, options);
      check_close(attention(q, k, v, q_offsets, k_offsets, options).value(), want, 1e-12);
      check_close(attention_kv(q, beside({k, v}), q_offsets, k_offsets, options).value(), want, 1e-12);
      check_close(attention(q.to(DType::f32), k.to(DType::f32), v.to(DType::f32), q_offsets, k_offsets, options).value(),
                  want, 2e-5);
      if (causal) check_close(attention_qkv(beside({q, k, v}), q_offsets, options).value(), want, 1e-12);
    }
  }
}

TEST_CASE("attention and its gradient agree on every instruction set", "[attention]") {
  const std::vector<int> lengths = {3, 0, 1, 33, 7, 16, 17, 20};
  for (const int64_t width : {5, 24, 64}) {
    const Tensor x = random_matrix(tests::total(lengths), 6 * width, 1), dy = random_matrix(x.rows(), 2 * width, 2);
    for (const bool causal : {false, true}) {
      const auto run = [&](DType type) {
        Tape tape;
        const Var input = Var::parameter(x.to(type));
        const Var y = attention_qkv(input, offsets_of(lengths), {.heads = 2, .scale = .3, .causal = causal});
        tape.backward(y, dy.to(type));
        return std::pair(y.value(), input.grad());
      };
      tensor::set_isa("generic");
      const auto [y, dx] = run(DType::f64);
      for (const tensor::Isa isa : {tensor::Isa::generic, tensor::Isa::avx2, tensor::Isa::avx512}) {
        if (!tensor::has_isa(isa)) continue;
        tensor::set_isa(tensor::name_of(isa));
        check_close(run(DType::f64).first, y.to_vector<double>(), 1e-12);
        check_close(run(DType::f64).second, dx.to_vector<double>(), 1e-11);
        check_close(run(DType::f32).first, y.to_vector<double>(), 5e-5);
        check_close(run(DType::f32).second, dx.to_vector<double>(), 1e-3);
      }
      tensor::set_isa("auto");
    }
  }
}

TEST_CASE("permuting the tokens of a sequence permutes its attention", "[attention]") {
  const Tensor x = random_matrix(6, 3 * 8, 4), offsets = offsets_of({6});
  const AttentionOptions options{.heads = 2, .scale = 0.5};
  const std::vector<int> order = {4, 2, 0, 5, 1, 3};
  Tensor permuted = Tensor::like(x);
  for (int i = 0; i < 6; ++i) permuted.row_range(i, i + 1).copy_from(x.row_range(order[i], order[i] + 1));
  const Tensor y = attention_qkv(x, offsets, options).value(), z = attention_qkv(permuted, offsets, options).value();
  for (int i = 0; i < 6; ++i)
    check_close(z.row_range(i, i + 1), y.row_range(order[i], order[i] + 1).to_vector<double>(), 1e-12);
}

TEST_CASE("a later token does not change causal attention to earlier ones", "[attention]") {
  const AttentionOptions options{.heads = 2, .scale = 0.5, .causal = true};
  const Tensor x = random_matrix(5, 3 * 8, 4), offsets = offsets_of({5});
  Tensor other = x.clone();
  other.row_range(3, 5).fill(7);
  const auto y = attention_qkv(x, offsets, options).value().to_vector<double>();
  const auto z = attention_qkv(other, offsets, options).value().to_vector<double>();
  CHECK(std::equal(y.begin(), y.begin() + 3 * 8, z.begin()));
  CHECK_FALSE(std::equal(y.begin(), y.end(), z.begin()));
}

TEST_CASE("attention has the same bits for any number of threads, with and without a tape", "[attention]") {
  std::vector<int> lengths;
  for (int s = 0; s < 50; ++s) lengths.push_back((s * 7) % 13);
  const Tensor offsets = offsets_of(lengths), x = random_matrix(tests::total(lengths), 3 * 32, 8).to(DType::f32);
  const Tensor dy = random_matrix(x.rows(), 32, 9).to(DType::f32);
  const AttentionOptions options{.heads = 4, .scale = 0.35};
  const auto run = [&](const std::vector<Var>& in) { return attention_qkv(in[0], offsets, options); };
  const tests::Results results = tests::check_threads({x}, dy, run);
  CHECK(run({x}).value().to_vector<float>() == results.y.to_vector<float>());
}

TEST_CASE("attention says what is wrong with its inputs", "[attention]") {
  const Tensor x = random_matrix(4, 6, 1), offsets = offsets_of({1, 3});
  const auto error = [&](const Tensor& q, const Tensor& k, const Tensor& qo, const Tensor& ko, AttentionOptions options) {
    return tests::error_of([&] { attention(q, k, k, qo, ko, options); });
  };
  CHECK(error(x, x, offsets, offsets, {.heads = 4}) ==
        "attention: q has 6 columns for 4 heads; they must be a multiple of the heads");
  CHECK(error(x, x.reshape({8, 3}), offsets, offsets, {}) ==
        "attention: k is [8,3] f64, q is [4,6] f64; it must be [rows, 6] of the same type");
  CHECK(error(x, x, offsets_of({1, 2}), offsets, {}) ==
        "attention: q_offsets ends at 3, the values have 4 rows; both must be equal");
  CHECK(error(x, x, offsets, Tensor::from<int32_t>({0, 5, 4}), {}) ==
        "attention: k_offsets falls from 5 to 4 at sequence 1; offsets must not fall");
  CHECK(error(x, x, offsets, Tensor::from<int32_t>({1, 4}), {}) ==
        "attention: k_offsets begins with 1; it must begin with 0");
  CHECK(error(x, x, Tensor::from<int64_t>({0, 4}), offsets, {}) ==
        "attention: q_offsets is i64 [2]; it must be i32 [sequences+1]");
  CHECK(error(x, x, offsets, offsets_of({4}), {}) ==
        "attention: q_offsets has 2 sequences, k_offsets 1; both must have the same");
  CHECK(error(x, x, offsets, offsets_of({2, 2}), {.causal = true}) ==
        "attention: sequence 0 has 1 queries and 2 keys; causal attention needs as many queries as keys");
  CHECK(tests::error_of([&] { attention_qkv(random_matrix(4, 7, 1), offsets, {}); }) ==
        "attention: qkv is [4,7]; it must be [tokens, 3*heads*width]");
}
