// Attention with a relative position bias and dropout on the probabilities, against a plain implementation in double.
#include <cmath>

#include "autograd/ops/attention.h"
#include "autograd/ops/dropout.h"
#include "tensor/simd/simd.h"
#include "tests/autograd/ragged.h"
#include "tests/autograd/results.h"

using namespace autograd;
using tests::offsets_of;
using tests::random_matrix;

namespace {

const Tensor kBuckets = Tensor::from<int32_t>({4, 3, 1, 0, 2, 2, 5});  // of the distances -3 .. 3
const std::vector<int> kLengths = {3, 0, 1, 33, 7, 16, 17, 5, 20, 2};

// Straight from the definition: the probabilities of all sequences and heads are packed, then dropped by dropout().
std::vector<double> reference(const Tensor& qkv, const Tensor& table, const Tensor& offsets,
                              const AttentionOptions& options) {
  const int64_t inner = qkv.columns() / 3, width = inner / options.heads;
  const double* x = qkv.data<double>();
  const auto at = offsets.span<int32_t>();
  std::vector<double> packed;
  for (size_t s = 0; s + 1 < at.size(); ++s) {
    for (int h = 0; h < options.heads; ++h) {
      for (int32_t i = at[s]; i < at[s + 1]; ++i) {
        const size_t first = packed.size();
        double total = 0;
        for (int32_t j = at[s]; j < at[s + 1]; ++j) {
          double score = table.data<double>()[kBuckets.data<int32_t>()[3 + std::clamp(j - i, -3, 3)] * options.heads + h];
          for (int64_t c = h * width; c < (h + 1) * width; ++c) score += x[i * 3 * inner + c] * x[j * 3 * inner + inner + c];
          packed.push_back(options.causal && j > i ? 0 : std::exp(options.scale * score));
          total += packed.back();
        }
        for (size_t e = first; e < packed.size(); ++e) packed[e] /= total;
      }
    }
  }
  packed = dropout(Tensor::from(packed), options.dropout, options.stream).value().to_vector<double>();
  std::vector<double> out(qkv.rows() * inner, 0.0);
  const double* p = packed.data();
  for (size_t s = 0; s + 1 < at.size(); ++s) {
    for (int h = 0; h < options.heads; ++h) {
      for (int32_t i = at[s]; i < at[s + 1]; ++i) {
        for (int32_t j = at[s]; j < at[s + 1]; ++j, ++p) {
          for (int64_t c = h * width; c < (h + 1) * width; ++c) out[i * inner + c] += *p * x[j * 3 * inner + 2 * inner + c];
        }
      }
    }
  }
  return out;
}

double distance(const Tensor& got, const std::vector<double>& want) {
  REQUIRE(got.size() == static_cast<int64_t>(want.size()));
  const std::vector<double> values = got.to(DType::f64).to_vector<double>();
  double worst = 0;
  for (size_t i = 0; i < want.size(); ++i) worst = tests::larger(worst, std::fabs(values[i] - want[i]));
  return worst;
}

AttentionOptions options_of(int heads, bool causal, double dropout) {
  AttentionOptions options{.heads = heads, .scale = .4, .causal = causal};
  options.dropout = dropout;
  options.stream = tensor::Random(3, "probabilities", 7);
  return options;
}

}  // namespace

TEST_CASE("attention with bias and dropout equals its definition on every instruction set", "[attention]") {
  const Tensor offsets = offsets_of(kLengths);
  for (const int64_t width : {3, 64}) {
    const Tensor x = random_matrix(tests::total(kLengths), 9 * width, 1), table = random_matrix(6, 3, 2);
    for (const bool causal : {false, true}) {
      for (const double dropout : {0.0, .3}) {
        const AttentionOptions options = options_of(3, causal, dropout);
        const std::vector<double> want = reference(x, table, offsets, options);
        for (const tensor::Isa isa : {tensor::Isa::generic, tensor::Isa::avx2, tensor::Isa::avx512}) {
          if (!tensor::has_isa(isa)) continue;
          tensor::set_isa(tensor::name_of(isa));
          CHECK(distance(attention_qkv(x, offsets, options, {table, kBuckets}).value(), want) < 1e-11);
          CHECK(distance(attention_qkv(x.to(DType::f32), offsets, options, {table.to(DType::f32), kBuckets}).value(), want) <
                1e-4);
        }
        tensor::set_isa("auto");
      }
    }
  }
}

TEST_CASE("gradients of attention with bias and dropout agree on every instruction set", "[attention]") {
  const Tensor offsets = offsets_of(kLengths);
  const Tensor x = random_matrix(tests::total(kLengths), 6 * 24, 1), table = random_matrix(6, 2, 2),
               dy = random_matrix(x.rows(), 48, 3);
  for (const bool causal : {false, true}) {
    const auto run = [&](DType type) {
      Tape tape;
      const Var input = Var::parameter(x.to(type)), bias = Var::parameter(table.to(type));
      tape.backward(attention_qkv(input, offsets, options_of(2, causal, .3), {bias, kBuckets}), dy.to(type));
      return std::pair(input.grad(), bias.grad());
    };
    tensor::set_isa("generic");
    const auto [dx, dtable] = run(DType::f64);
    for (const tensor::Isa isa : {tensor::Isa::generic, tensor::Isa::avx2, tensor::Isa::avx512}) {
      if (!tensor::has_isa(isa)) continue;
      tensor::set_isa(tensor::name_of(isa));
      CHECK(distance(run(DType::f64).first, dx.to_vector<double>()) < 1e-11);
      CHECK(distance(run(DType::f64).second, dtable.to_vector<double>()) < 1e-11);
      CHECK(distance(run(DType::f32).first, dx.to_vector<double>()) < 1e-3);
      CHECK(distance(run(DType::f32).second, dtable.to_vector<double>()) < 1e-3);
    }
    tensor::set_isa("auto");
  }
}

TEST_CASE("attention with bias and dropout has the same bits for any number of threads", "[attention]") {
  std::vector<int> lengths;
  for (int s = 0; s < 60; ++s) lengths.push_back((s * 7) % 23);
  const Tensor offsets = offsets_of(lengths), x = random_matrix(tests::total(lengths), 3 * 32, 8).to(DType::f32);
  const Tensor dy = random_matrix(x.rows(), 32, 9).to(DType::f32), table = random_matrix(6, 4, 2).to(DType::f32);
  AttentionOptions options = options_of(4, false, .1);
  const auto run = [&](const std::vector<Var>& in) { return attention_qkv(in[0], offsets, options, {in[1], kBuckets}); };
  const std::vector<float> want = tests::check_threads({x, table}, dy, run).y.to_vector<float>();
  // Without a tape the same numbers come out; another stream drops others.
  CHECK(run({x, table}).value().to_vector<float>() == want);
  options.stream = tensor::Random(3, "probabilities", 8);
  CHECK(run({x, table}).value().to_vector<float>() != want);
}

TEST_CASE("cross-attention drops probabilities by their place in the batch", "[attention]") {
  const Tensor q = random_matrix(6, 8, 1), kv = random_matrix(9, 16, 2);
  const Tensor q_offsets = offsets_of({2, 0, 3, 1}), k_offsets = offsets_of({4, 2, 3, 0});
  const AttentionOptions options = options_of(2, false, .5);
  Tensor ones = Tensor::full({(2 * 4 + 3 * 3) * 2}, 1, DType::f64);
  const std::vector<double> kept = dropout(ones, .5, options.stream).value().to_vector<double>();
  // Values of 1 make every output the sum of its kept probabilities; without bias and scores these are 1 / keys.
  Tensor flat = Tensor::zeros({9, 16}, DType::f64);
  for (int64_t r = 0; r < 9; ++r) std::fill_n(flat.data<double>() + r * 16 + 8, 8, 1.0);
  const Tensor y = attention_kv(q, flat, q_offsets, k_offsets, options).value();
  size_t element = 0;
  for (const auto& [first, queries, keys] : {std::tuple{0, 2, 4}, {2, 3, 3}}) {
    for (int h = 0; h < 2; ++h) {
      for (int i = 0; i < queries; ++i) {
        double sum = 0;
        for (int j = 0; j < keys; ++j) sum += kept[element++] / keys;
        CHECK(y.data<double>()[(first + i) * 8 + h * 4] == Approx(sum).margin(1e-14));
      }
    }
  }
  CHECK(y.data<double>()[5 * 8] == 0);  // no keys
}

TEST_CASE("a table of bias that is frozen gets no gradient", "[attention]") {
  const Tensor x = random_matrix(4, 12, 1), table = random_matrix(6, 2, 2), offsets = offsets_of({4});
  Tape tape;
  const Var input = Var::parameter(x);
  tape.backward(attention_qkv(input, offsets, options_of(2, false, 0), {table, kBuckets}), random_matrix(4, 4, 3));
  CHECK(input.grad().defined());
}

TEST_CASE("attention says what is wrong with its bias and its dropout", "[attention]") {
  const Tensor x = random_matrix(4, 12, 1), table = random_matrix(6, 2, 2), offsets = offsets_of({4});
  const auto error = [&](const AttentionOptions& options, const Tensor& of, const Tensor& buckets) {
    return tests::error_of([&] { attention_qkv(x, offsets, options, {of, buckets}); });
  };
  CHECK(error(options_of(2, false, 1), table, kBuckets) == "attention: dropout is 1; it must be in [0, 1)");
  CHECK(error(options_of(2, false, 0), random_matrix(6, 3, 1), kBuckets) ==
        "attention: the bias table is [6,3] f64 for 2 heads and q of f64; it must be [buckets, heads] of the same type");
  CHECK(error(options_of(2, false, 0), table, Tensor::from<int32_t>({0, 1})) ==
        "attention: the buckets are i32 [2]; they must be i32 [2*reach+1]");
  CHECK(error(options_of(2, false, 0), table, Tensor::from<int32_t>({0, 6, 1})) ==
        "attention: bucket 6 of a bias table [6,2]; buckets must be from 0 to 5");
}
