// Attention over a matrix that is both keys and values, by projections that were multiplied by each other.
#include "autograd/ops/joined_projections.h"

#include "autograd/ops/attention.h"
#include "autograd/ops/matmul.h"
#include "tests/autograd/ragged.h"
#include "tests/autograd/results.h"

using namespace autograd;
using tests::distance;
using tests::offsets_of;
using tests::random_matrix;
using tests::Results;
using tests::results_of;

namespace {

const std::vector<int> kQueries = {5, 2, 0, 1, 5, 3}, kKeys = {20, 1, 4, 0, 33, 16};

// The matrix `copies` times side by side.
Tensor repeated(const Tensor& x, int64_t copies) {
  Tensor y({x.rows(), copies * x.columns()}, x.dtype());
  for (int64_t r = 0; r < x.rows(); ++r) {
    for (int64_t c = 0; c < y.columns(); ++c) {
      y.data<double>()[r * y.columns() + c] = x.data<double>()[r * x.columns() + c % x.columns()];
    }
  }
  return y;
}

}  // namespace

TEST_CASE("heads that share keys and values are attention on copies of them", "[attention]") {
  const Tensor q_offsets = offsets_of(kQueries), k_offsets = offsets_of(kKeys);
  for (const int64_t width : {3, 64}) {
    const Tensor q = random_matrix(tests::total(kQueries), 3 * width, 1), m = random_matrix(tests::total(kKeys), width, 2);
    const Tensor dy = random_matrix(q.rows(), q.columns(), 3), copies = repeated(m, 3);
    const AttentionOptions options{.heads = 3, .scale = 0.2};
    const Results want = results_of({q, copies}, dy, [&](const std::vector<Var>& in) {
      return attention(in[0], in[1], in[1], q_offsets, k_offsets, options);
    });
    const Results got = results_of({q, m}, dy, [&](const std::vector<Var>& in) {
      return shared_attention(in[0], in[1], q_offsets, k_offsets, options);
    });
    CHECK(distance(got.y, want.y) < 1e-12);
    CHECK(distance(got.gradients[0], want.gradients[0]) < 1e-12);
    Tensor dm = Tensor::zeros(m.shape(), DType::f64);  // that of a row is the sum of those of its copies
    for (int64_t i = 0; i < copies.size(); ++i) {
      dm.data<double>()[i / (3 * width) * width + i % width] += want.gradients[1].data<double>()[i];
    }
    CHECK(distance(got.gradients[1], dm) < 1e-11);
  }
}

TEST_CASE("joined projections give the attention of projected keys and values, with its gradients", "[attention]") {
  const int64_t d = 7, m = 6, w = 4, e = 5, heads = 3;
  const Tensor q_offsets = offsets_of(kQueries), k_offsets = offsets_of(kKeys);
  const AttentionOptions options{.heads = static_cast<int>(heads), .scale = 0.1};
  const std::vector<Tensor> inputs{random_matrix(tests::total(kQueries), d, 1), random_matrix(tests::total(kKeys), m, 2),
                                   random_matrix(d, heads * w, 3), random_matrix(m, 2 * heads * w, 4),
                                   random_matrix(heads * w, e, 5)};
  const Tensor dy = random_matrix(inputs[0].rows(), e, 6);
  const Results want = results_of(inputs, dy, [&](const std::vector<Var>& in) {
    return matmul(attention_kv(matmul(in[0], in[2]), matmul(in[1], in[3]), q_offsets, k_offsets, options), in[4]);
  });
  const Results got = results_of(inputs, dy, [&](const std::vector<Var>& in) {
    const auto [keys, values] = joined_projections(in[2], in[3], in[4], static_cast<int>(heads));
    return matmul(shared_attention(matmul(in[0], keys), in[1], q_offsets, k_offsets, options), values);
  });
  CHECK(distance(got.y, want.y) < 1e-11);
  for (size_t i = 0; i < inputs.size(); ++i) CHECK(distance(got.gradients[i], want.gradients[i]) < 1e-10);
}

TEST_CASE("joined projections of which only the keys are used have no gradient of the rest", "[attention]") {
  const std::vector<Tensor> inputs{random_matrix(3, 4, 1), random_matrix(5, 8, 2), random_matrix(4, 2, 3)};
  const Results got = results_of(inputs, random_matrix(3, 10, 4), [&](const std::vector<Var>& in) {
    return joined_projections(in[0], in[1], in[2], 2).keys;
  });
  for (const double value : got.gradients[2].to_vector<double>()) CHECK(value == 0);
  for (int64_t i = 0; i < 40; ++i) CHECK((got.gradients[1].data<double>()[i] == 0) == (i % 8 >= 4));
}

TEST_CASE("attention over shared keys has the same bits for any number of threads", "[attention]") {
  std::vector<int> queries, keys;  // of more sequences than one piece of work has
  for (int s = 0; s < 60; ++s) queries.push_back(s * 5 % 7), keys.push_back(s * 7 % 23);
  const Tensor q_offsets = offsets_of(queries), k_offsets = offsets_of(keys);
  const Tensor q = random_matrix(tests::total(queries), 128, 1).to(DType::f32),
               m = random_matrix(tests::total(keys), 32, 2).to(DType::f32), dy = random_matrix(q.rows(), 128, 3).to(DType::f32);
  const AttentionOptions options{.heads = 4, .scale = 0.2, .dropout = 0.3};
  tests::check_threads({q, m}, dy, [&](const std::vector<Var>& in) {
    return shared_attention(in[0], in[1], q_offsets, k_offsets, options);
  });
}

TEST_CASE("attention over shared keys says what is wrong with its inputs", "[attention]") {
  const Tensor q = random_matrix(4, 12, 1), m = random_matrix(5, 6, 2), offsets = offsets_of({4}), keys = offsets_of({5});
  CHECK(tests::error_of([&] { shared_attention(q, m, offsets, keys, {.heads = 2, .causal = true}); }) ==
        "shared_attention: q is [4,12] for 2 heads, causal; it must be [queries, heads*width] of at least one head, and not causal");
  CHECK(tests::error_of([&] { shared_attention(q, m, offsets, keys, {.heads = 3}); }) ==
        "attention: m is [5,6] f64, q is [4,12] f64; it must be [rows, 4] of the same type");
  CHECK(tests::error_of([&] { shared_attention(q, m, offsets_of({3}), keys, {.heads = 2}); }) ==
        "shared_attention: q_offsets ends at 3, the values have 4 rows; both must be equal");
  CHECK(tests::error_of([&] { joined_projections(q, m, random_matrix(12, 3, 3), 2); }) ==
        "joined_projections: out is [12,3], kv [5,6], q [4,12], for 2 heads; out must be [heads*W, E], q [D, heads*W] and kv "
        "[M, 2*heads*W]");
  CHECK(tests::error_of([&] { joined_self_projections(m, random_matrix(12, 3, 2), 2); }) ==
        "joined_projections: out is [12,3], qkv [5,6], for 2 heads; out must be [heads*W, E], qkv [D, 3*heads*W]");
  CHECK(tests::error_of([&] { joined_self_projections(random_matrix(4, 36, 1), random_matrix(12, 3, 2), 2, m); }) ==
        "joined_projections: user is [5,6]; it must be [4,18], [D, 3*W]");
  CHECK(tests::error_of([&] { joined_self_projections(q, m.to(DType::f32), 1); }) ==
        "joined_projections: a weight is [5,6] f32, kv is f64; all must be matrices of one type");
}
