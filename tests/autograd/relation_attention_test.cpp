// The relation-aware attention of the MMGRec encoder.
#include "autograd/ops/relation_attention.h"

#include <cmath>

#include "tensor/parallel.h"
#include "tests/autograd/ragged.h"
#include "tests/catch.h"

using namespace autograd;
using tests::offsets_of;
using tests::random_matrix;

namespace {

// [a | b | c], each x times a small matrix [2, 2], for x [3, 2].
Tensor project(const std::vector<double>& x, const std::vector<std::vector<double>>& weights) {
  Tensor y({static_cast<int64_t>(x.size()) / 2, 6}, DType::f64);
  for (size_t i = 0; i < x.size() / 2; ++i) {
    for (size_t m = 0; m < 3; ++m) {
      for (size_t c = 0; c < 2; ++c)
        y.data<double>()[i * 6 + m * 2 + c] = x[2 * i] * weights[m][c] + x[2 * i + 1] * weights[m][2 + c];
    }
  }
  return y;
}

// The same by way of plain attention: q = [Q, a XU_Q], k = [K, b XU_K], v = [V + g XU_V, 0] for each head, twice as wide.
Tensor by_plain_attention(const Tensor& qkv, const Tensor& quv, const Tensor& s, const Tensor& offsets,
                          AttentionOptions options) {
  const int64_t width = quv.columns() / 3, tokens = qkv.rows(), heads = options.heads;
  Tensor wide[3];
  for (int64_t part = 0; part < 3; ++part) {
    wide[part] = Tensor::zeros({tokens, heads * 2 * width}, DType::f64);
    for (int64_t sequence = 0; sequence + 1 < offsets.size(); ++sequence) {
      const double scalar = s.data<double>()[sequence * 3 + part];
      for (int64_t i = offsets.data<int32_t>()[sequence]; i < offsets.data<int32_t>()[sequence + 1]; ++i) {
        for (int64_t h = 0; h < heads; ++h) {
          for (int64_t c = 0; c < width; ++c) {
            double* y = wide[part].data<double>() + i * heads * 2 * width + h * 2 * width + c;
            const double user = scalar * quv.data<double>()[i * 3 * width + part * width + c];
            y[0] = qkv.data<double>()[i * 3 * heads * width + (part * heads + h) * width + c];
            (part < 2 ? y[width] : y[0]) += user;
          }
        }
      }
    }
  }
  const Tensor y = attention(wide[0], wide[1], wide[2], offsets, offsets, options).value();
  Tensor out({tokens, heads * width}, DType::f64);
  for (int64_t i = 0; i < tokens * heads; ++i) {
    for (int64_t c = 0; c < width; ++c) out.data<double>()[i * width + c] = y.data<double>()[i * 2 * width + c];
  }
  return out;
}

double distance(const Tensor& x, const Tensor& y) {
  const auto a = x.to(DType::f64).to_vector<double>(), b = y.to(DType::f64).to_vector<double>();
  double worst = a.size() == b.size() ? 0 : 1e300;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) worst = std::max(worst, std::fabs(a[i] - b[i]));
  return worst;
}

}  // namespace

TEST_CASE("relation_attention gives the golden values", "[relation_attention]") {
  // The third key of the example is padding, which a ragged batch does not hold.
  const std::vector<double> x = {1, 0, 0, 1};
  const Tensor qkv = project(x, {{1, .5, 0, 1}, {.5, 0, 1, 1}, {1, 0, .5, 1}});
  const Tensor quv = project(x, {{0, 1, 1, 0}, {1, 0, 0, 1}, {.1, 0, 0, .2}});
  const Tensor s = Tensor::from<double>({.5, 2, -1}, {1, 3});
  const Tensor out = relation_attention(qkv, quv, s, offsets_of({2}), {.heads = 1, .scale = std::sqrt(.5)}).value();
  const std::vector<double> want = {.578228, .643544, .7, .4};
  for (int i = 0; i < 4; ++i) CHECK(out.data<double>()[i] == Approx(want[i]).margin(1e-6));
}

TEST_CASE("relation_attention equals plain attention on concatenated heads", "[relation_attention]") {
  const std::vector<int> lengths = {3, 0, 1, 33, 7, 2, 16, 5, 12, 1, 0, 9};
  const Tensor offsets = offsets_of(lengths);
  for (const int64_t width : {1, 5, 64}) {
    const AttentionOptions options{.heads = 3, .scale = .3};
    const Tensor qkv = random_matrix(tests::total(lengths), 9 * width, 1),
                 quv = random_matrix(tests::total(lengths), 3 * width, 2);
    const Tensor s = random_matrix(offsets.size() - 1, 3, 3), want = by_plain_attention(qkv, quv, s, offsets, options);
    CHECK(distance(relation_attention(qkv, quv, s, offsets, options).value(), want) < 1e-12);
    const Tensor narrow =
        relation_attention(qkv.to(DType::f32), quv.to(DType::f32), s.to(DType::f32), offsets, options).value();
    CHECK(distance(narrow, want) < 1e-4);
  }
}

TEST_CASE("without user scalars relation_attention is plain attention", "[relation_attention]") {
  const Tensor qkv = random_matrix(8, 24, 1), quv = random_matrix(8, 12, 2), s = Tensor::zeros({2, 3}, DType::f64);
  const AttentionOptions options{.heads = 2, .scale = .3};
  CHECK(distance(relation_attention(qkv, quv, s, offsets_of({5, 3}), options).value(),
                 attention_qkv(qkv, offsets_of({5, 3}), options).value()) < 1e-14);
}

TEST_CASE("relation_attention has the same bits for any number of threads", "[relation_attention]") {
  std::vector<int> lengths;
  for (int i = 0; i < 50; ++i) lengths.push_back((i * 7) % 13);
  const int64_t tokens = tests::total(lengths);
  const Tensor offsets = offsets_of(lengths), dy = random_matrix(tokens, 32, 4).to(DType::f32);
  const Tensor inputs[] = {random_matrix(tokens, 96, 1).to(DType::f32), random_matrix(tokens, 24, 2).to(DType::f32),
                           random_matrix(50, 3, 3).to(DType::f32)};
  std::vector<float> first;
  for (const int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    Tape tape;
    const Var x[] = {Var::parameter(inputs[0]), Var::parameter(inputs[1]), Var::parameter(inputs[2])};
    const Var y = relation_attention(x[0], x[1], x[2], offsets, {.heads = 4, .scale = .35});
    tape.backward(y, dy);
    std::vector<float> all = y.value().to_vector<float>();
    for (const Var& v : x) {
      const auto g = v.grad().to_vector<float>();
      all.insert(all.end(), g.begin(), g.end());
    }
    if (threads == 1) first = all;
    CHECK(all == first);
  }
  tensor::set_threads(0);
}

TEST_CASE("relation_attention says what is wrong with its inputs", "[relation_attention]") {
  const Tensor qkv = random_matrix(4, 12, 1), quv = random_matrix(4, 6, 2), s = random_matrix(1, 3, 3),
               offsets = offsets_of({4});
  CHECK(tests::error_of([&] { relation_attention(qkv, quv, s, offsets, {.heads = 1}); }) ==
        "relation_attention: qkv is [4,12], quv is [4,6] for 1 heads; they must be [tokens, 3*heads*width] and [tokens, "
        "3*width]");
  CHECK(tests::error_of([&] {
          relation_attention(qkv, quv, s, offsets_of({2, 2}), {.heads = 2});
        }) == "relation_attention: s is [1,3], offsets has 2 sequences; s must be [sequences, 3]");
  CHECK(tests::error_of([&] { relation_attention(qkv, quv, s, offsets_of({3}), {.heads = 2}); }) ==
        "relation_attention: offsets ends at 3, the values have 4 rows; both must be equal");
  CHECK(tests::error_of([&] { relation_attention(qkv, quv, s, offsets, {.heads = 2, .causal = true}); }) ==
        "relation_attention: 2 heads, causal; it needs at least one head and is never causal");
  CHECK(tests::error_of([&] { relation_attention(qkv, quv.to(DType::f32), s, offsets, {.heads = 2}); }) ==
        "relation_attention: qkv is f64, quv is f32, s is f64; all must have one type");
}
