// Relation-aware attention, of joined projections and the user's share in them.
#include "autograd/ops/user_term.h"

#include <cmath>

#include "autograd/ops/attention.h"
#include "autograd/ops/joined_projections.h"
#include "autograd/ops/matmul.h"
#include "tests/autograd/ragged.h"
#include "tests/autograd/results.h"

using namespace autograd;
using tests::distance;
using tests::offsets_of;
using tests::random_matrix;

namespace {

struct Weights {
  Tensor qkv, user, out;  // [D, 3*heads*D], [D, 3*D], [heads*D, D]
};

// As an encoder layer of MMGRec computes it.
Var relation_attention(const Var& x, const Weights& w, const Var& s, const Tensor& offsets, const AttentionOptions& options) {
  const auto [keys, values] = joined_self_projections(w.qkv, w.out, options.heads, w.user);
  const Var asked = user_term(matmul(x, keys), s, 0, 2, offsets, options.heads);
  return user_term(matmul(shared_attention(asked, x, offsets, offsets, options), values), s, 2, 3, offsets, 1);
}

// By way of plain attention, before the last projection: for each head, twice as wide, q = [Q, a XU_Q], k = [K, b XU_K],
// v = [V + g XU_V, 0].
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

}  // namespace

TEST_CASE("relation-aware attention gives the golden values", "[user_term]") {
  // The third key of the example is padding, which a ragged batch does not hold; x is the identity, so each weight [2, 2] is a
  // projection.
  const Tensor identity = Tensor::from<double>({1, 0, 0, 1}, {2, 2});
  const Weights w{Tensor::from<double>({1, .5, .5, 0, 1, 0, 0, 1, 1, 1, .5, 1}, {2, 6}),
                  Tensor::from<double>({0, 1, 1, 0, .1, 0, 1, 0, 0, 1, 0, .2}, {2, 6}), identity};
  const Tensor s = Tensor::from<double>({.5, 2, -1}, {1, 3});
  const Tensor y = relation_attention(identity, w, s, offsets_of({2}), {.heads = 1, .scale = std::sqrt(.5)}).value();
  const std::vector<double> want = {.578228, .643544, .7, .4};
  for (int i = 0; i < 4; ++i) CHECK(y.data<double>()[i] == Approx(want[i]).margin(1e-6));
}

TEST_CASE("relation-aware attention equals plain attention on concatenated heads", "[user_term]") {
  const std::vector<int> lengths = {3, 0, 1, 33, 7, 2, 16, 5, 12, 1, 0, 9};
  const Tensor offsets = offsets_of(lengths);
  for (const int64_t width : {1, 5, 64}) {
    const AttentionOptions options{.heads = 3, .scale = .3 / static_cast<double>(width)};
    const Weights w{random_matrix(width, 9 * width, 1), random_matrix(width, 3 * width, 2), random_matrix(3 * width, width, 3)};
    const Tensor x = random_matrix(tests::total(lengths), width, 4), s = random_matrix(offsets.size() - 1, 3, 5);
    const Tensor heads = by_plain_attention(matmul(x, w.qkv).value(), matmul(x, w.user).value(), s, offsets, options);
    const Tensor want = matmul(heads, w.out).value();
    double size = 0;
    for (const double value : want.to_vector<double>()) size = std::max(size, std::fabs(value));
    CHECK(distance(relation_attention(x, w, s, offsets, options).value(), want) < 1e-12 * size);
    const Weights narrow{w.qkv.to(DType::f32), w.user.to(DType::f32), w.out.to(DType::f32)};
    CHECK(distance(relation_attention(x.to(DType::f32), narrow, s.to(DType::f32), offsets, options).value(), want) < 1e-4 * size);
  }
}

TEST_CASE("without user scalars relation-aware attention is plain attention", "[user_term]") {
  const Weights w{random_matrix(4, 24, 1), random_matrix(4, 12, 2), random_matrix(8, 4, 3)};
  const Tensor x = random_matrix(8, 4, 4), s = Tensor::zeros({2, 3}, DType::f64), offsets = offsets_of({5, 3});
  const AttentionOptions options{.heads = 2, .scale = .3};
  CHECK(distance(relation_attention(x, w, s, offsets, options).value(),
                 matmul(attention_qkv(matmul(x, w.qkv), offsets, options), w.out).value()) < 1e-12);
}

TEST_CASE("the user's share has the same bits for any number of threads", "[user_term]") {
  std::vector<int> lengths;
  for (int i = 0; i < 500; ++i) lengths.push_back((i * 7) % 13);
  const int64_t rows = tests::total(lengths);
  const Tensor offsets = offsets_of(lengths), z = random_matrix(rows, 160, 1).to(DType::f32),
               s = random_matrix(500, 3, 2).to(DType::f32), dy = random_matrix(rows, 128, 3).to(DType::f32);
  tests::check_threads({z, s}, dy, [&](const std::vector<Var>& in) { return user_term(in[0], in[1], 0, 2, offsets, 4); });
}

TEST_CASE("the user's share says what is wrong with its inputs", "[user_term]") {
  const Tensor z = random_matrix(4, 12, 1), s = random_matrix(1, 3, 3), offsets = offsets_of({4});
  CHECK(tests::error_of([&] { user_term(z, s, 0, 2, offsets, 4); }) ==
        "user_term: z is [4,12] for 4 blocks; it must be [rows, (blocks+1)*width]");
  CHECK(tests::error_of([&] { user_term(z, s, 0, 4, offsets, 2); }) ==
        "user_term: scalars are [1,3] f64, z is f64, offsets has 1 sequences, columns 0 to 4 are asked for; they must be "
        "[sequences, n] of z's type, with these columns");
  CHECK(tests::error_of([&] { user_term(z, s, 0, 2, offsets_of({2, 2}), 2); }) ==
        "user_term: scalars are [1,3] f64, z is f64, offsets has 2 sequences, columns 0 to 2 are asked for; they must be "
        "[sequences, n] of z's type, with these columns");
  CHECK(tests::error_of([&] { user_term(z, s, 0, 2, offsets_of({3}), 2); }) ==
        "user_term: offsets ends at 3, the values have 4 rows; both must be equal");
}
