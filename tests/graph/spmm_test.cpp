// Sparse products against dense ones, the user-item matrix, and independence of the number of threads.
#include "graph/spmm.h"

#include <cmath>

#include "autograd/gradcheck.h"
#include "graph/bipartite.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/catch.h"

using namespace graph;
using autograd::Var;

namespace {

// [rows][columns] in double.
std::vector<std::vector<double>> dense(const Csr& a) {
  std::vector<std::vector<double>> y(a.rows, std::vector<double>(a.columns));
  const auto offsets = a.offsets.to_vector<int32_t>(), indices = a.indices.to_vector<int32_t>();
  for (int64_t r = 0; r < a.rows; ++r)
    for (int32_t e = offsets[r]; e < offsets[r + 1]; ++e)
      y[r][indices[e]] += a.values.defined() ? a.values.data<float>()[e] : 1;
  return y;
}

std::vector<Pair> random_edges(int64_t users, int64_t items, int count, uint64_t seed) {
  tensor::Generator rng(seed, "spmm-test");
  std::vector<Pair> edges;
  for (int i = 0; i < count; ++i)
    edges.push_back({static_cast<int32_t>(rng.below(users)), static_cast<int32_t>(rng.below(items))});
  return edges;
}

struct Threads {
  explicit Threads(int count) { tensor::set_threads(count); }
  ~Threads() { tensor::set_threads(0); }
};

}  // namespace

TEST_CASE("spmm equals the dense product in both directions", "[graph][spmm]") {
  for (const int columns : {1, 7, 64}) {
    const SparseMatrix a = with_transpose(csr_from_pairs(40, 30, random_edges(40, 30, 90, 5), Duplicates::keep));
    tensor::Generator rng(1, "spmm-test");
    const Var x = Var::parameter(autograd::random_tensor({30, columns}, rng));
    autograd::Tape tape;
    const Var y = spmm(a, x);
    const Tensor dy = autograd::random_tensor({40, columns}, rng);
    tape.backward(y, dy);
    const auto matrix = dense(a.forward);
    for (int64_t j = 0; j < columns; ++j) {
      for (int64_t r = 0; r < 40; ++r) {
        double sum = 0;
        for (int64_t c = 0; c < 30; ++c) sum += matrix[r][c] * x.value().data<double>()[c * columns + j];
        CHECK(y.value().data<double>()[r * columns + j] == Approx(sum).margin(1e-12));
      }
      for (int64_t c = 0; c < 30; ++c) {
        double sum = 0;
        for (int64_t r = 0; r < 40; ++r) sum += matrix[r][c] * dy.data<double>()[r * columns + j];
        CHECK(x.grad().data<double>()[c * columns + j] == Approx(sum).margin(1e-12));
      }
    }
  }
}

TEST_CASE("spmm's gradient equals the numeric one", "[graph][spmm]") {
  const autograd::GradientReport report = autograd::check_gradients("spmm"), checker = autograd::check_the_checker("spmm");
  CHECK(report.failures.empty());
  CHECK(report.samples == 3);
  CHECK(checker.failures.empty());
}

TEST_CASE("spmm gives the same bits for any number of threads", "[graph][spmm]") {
  const SparseMatrix a = bipartite_matrix(700, 300, random_edges(700, 300, 9000, 2), Normalisation::mean);
  Tensor x({1000, 48});
  const tensor::Random random(4, "spmm-test");
  for (int64_t i = 0; i < x.size(); ++i) x.data<float>()[i] = static_cast<float>(random.normal(i));
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 7}) {
    const Threads scope(threads);
    results.push_back(spmm(a, x).value().to_vector<float>());
  }
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("normalised user-item matrices", "[graph][bipartite]") {
  // User 0 has items 0 and 1, user 1 has item 1 (twice), user 2 and item 2 have nothing. Nodes: users 0-2, items 3-5.
  const std::vector<Pair> edges{{1, 1}, {0, 1}, {0, 0}, {1, 1}};
  const auto none = bipartite_matrix(3, 3, edges, Normalisation::none);
  const auto mean = bipartite_matrix(3, 3, edges, Normalisation::mean);
  const auto symmetric = bipartite_matrix(3, 3, edges, Normalisation::symmetric);
  CHECK(none.forward.entries() == 6);
  CHECK(dense(none.forward)[0] == std::vector<double>{0, 0, 0, 1, 1, 0});
  CHECK(dense(none.forward)[2] == std::vector<double>(6));
  CHECK(dense(mean.forward)[0] == std::vector<double>{0, 0, 0, .5, .5, 0});
  CHECK(dense(mean.forward)[4] == std::vector<double>{.5, .5, 0, 0, 0, 0});
  CHECK(dense(mean.forward)[5] == std::vector<double>(6));
  CHECK(dense(symmetric.forward)[0][3] == Approx(1 / std::sqrt(2.0)));
  CHECK(dense(symmetric.forward)[0][4] == Approx(0.5));
  const auto with_loops = bipartite_matrix(3, 3, edges, Normalisation::mean, true);
  CHECK(dense(with_loops.forward)[2] == std::vector<double>{0, 0, 1, 0, 0, 0});
  CHECK(dense(with_loops.forward)[1] == std::vector<double>{0, .5, 0, 0, .5, 0});
  for (const auto& a : {none, mean, symmetric, with_loops}) {
    validate(a.forward), validate(a.transposed);
    CHECK(dense(a.transposed) == dense(transpose(a.forward)));
  }
}

TEST_CASE("what graphs and products refuse", "[graph][spmm][bipartite]") {
  using Catch::Matchers::Contains;
  CHECK_THAT(tests::error_of([] { bipartite_matrix(2, 3, std::vector<Pair>{{2, 0}}, Normalisation::mean); }),
             Contains("graph: interaction of user 2 with item 0, but there are 2 users and 3 items; ids count from 0"));
  CHECK_THAT(tests::error_of([] { bipartite_matrix(int64_t{1} << 30, int64_t{1} << 30, {}, Normalisation::mean); }),
             Contains("do not fit 32-bit indices; at most 2147483646 nodes"));
  CHECK_THAT(tests::error_of([] { bipartite_matrix(-1, 3, {}, Normalisation::mean); }), Contains("got -1 users, 3 items"));
  const SparseMatrix a = with_transpose(csr_from_pairs(2, 3, std::vector<Pair>{{1, 2}}));
  CHECK_THAT(tests::error_of([&] { spmm(a, Tensor({2, 4})); }),
             Contains("spmm: the matrix is [2,3], x is [2,4]; x needs one row for each column of the matrix"));
  CHECK_THAT(tests::error_of([&] { spmm(a, Tensor({3, 4}, tensor::DType::i32)); }),
             Contains("spmm: needs f32 or f64, got i32"));
}
