// Graph convolutions against their formulas on dense matrices, and their gradients.
#include <cmath>

#include "autograd/gradcheck.h"
#include "graph/bipartite.h"
#include "graph/gcn_layer.h"
#include "graph/light_gcn.h"
#include "graph/ngcf_layer.h"
#include "tensor/random.h"
#include "tests/catch.h"

using namespace graph;
using autograd::Inputs;
using autograd::random_tensor;
using Matrix = std::vector<std::vector<double>>;

namespace {

const std::vector<Pair> kEdges{{0, 0}, {0, 1}, {1, 1}, {2, 1}};  // user 3 and item 2 have none; 7 nodes

Matrix matrix(const Tensor& x) {
  Matrix y(x.rows(), std::vector<double>(x.columns()));
  for (int64_t i = 0; i < x.size(); ++i) y[i / x.columns()][i % x.columns()] = x.data<double>()[i];
  return y;
}

Matrix matrix(const Csr& a) {
  Matrix y(a.rows, std::vector<double>(a.columns));
  for (int64_t r = 0; r < a.rows; ++r)
    for (int32_t e = a.offsets.data<int32_t>()[r]; e < a.offsets.data<int32_t>()[r + 1]; ++e)
      y[r][a.indices.data<int32_t>()[e]] += a.values.data<float>()[e];
  return y;
}

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix y(a.size(), std::vector<double>(b[0].size()));
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t k = 0; k < b.size(); ++k)
      for (size_t j = 0; j < b[0].size(); ++j) y[i][j] += a[i][k] * b[k][j];
  return y;
}

template <class F>
Matrix combine(const Matrix& a, const Matrix& b, F f) {
  Matrix y = a;
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < a[0].size(); ++j) y[i][j] = f(a[i][j], b[i][j]);
  return y;
}

void check_equal(const Tensor& y, const Matrix& expected) {
  REQUIRE(y.rows() == static_cast<int64_t>(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i)
    for (size_t j = 0; j < expected[0].size(); ++j)
      CHECK(y.data<double>()[i * expected[0].size() + j] == Approx(expected[i][j]).margin(1e-12));
}

// Gives the biases, which start at 0, values that matter.
void randomise(nn::Parameters& parameters, tensor::Generator& rng) {
  for (const nn::Parameter& parameter : parameters) {
    Var var = parameter.var;
    var.mutable_value().copy_from(random_tensor(var.shape(), rng));
  }
}

Matrix value_of(const nn::Parameters& parameters, const std::string& name) {
  REQUIRE(parameters.find(name) != nullptr);
  return matrix(parameters.find(name)->var.value());
}

void check_gradient_of(const std::string& name, const Tensor& x, const std::function<Var(const Inputs&)>& run) {
  const autograd::GradientReport report = autograd::check_gradient(name, {{x}, run});
  CHECK(report.elements == x.size());
  CHECK(report.failures.empty());
}

}  // namespace

TEST_CASE("the graph convolution equals its formula in both orders of product", "[graph][layers]") {
  const SparseMatrix a = bipartite_matrix(4, 3, kEdges, Normalisation::mean);
  for (const int64_t out : {2, 5}) {
    nn::Parameters parameters(1, tensor::DType::f64);
    const GcnLayer layer(parameters, "gcn.0", 3, out, {.dropout = 0.5});
    tensor::Generator rng(2, "layers-test");
    randomise(parameters, rng);
    const Tensor x = random_tensor({7, 3}, rng);
    const Matrix root = value_of(parameters, "gcn.0.root.w"), bias = value_of(parameters, "gcn.0.root.b");
    const Matrix neighbour = value_of(parameters, "gcn.0.neighbour.w");
    const Matrix propagated = product(matrix(a.forward), matrix(x));
    Matrix expected = combine(product(matrix(x), root), product(propagated, neighbour), std::plus());
    for (auto& row : expected)
      for (int64_t j = 0; j < out; ++j) {
        row[j] += bias[0][j];
        if (row[j] < 0) row[j] *= 0.01;
      }
    check_equal(layer(a, x, {}).value(), expected);
    check_gradient_of("gcn", x, [&](const Inputs& in) { return layer(a, in[0], {}); });
    CHECK(parameters.size() == 3);

    const nn::Context training{.training = true, .seed = 3, .step = 0, .pass = ""};
    const std::vector<double> dropped = layer(a, x, training).value().to_vector<double>();
    CHECK(std::count(dropped.begin(), dropped.end(), 0.0) > 0);
    CHECK(layer(a, x, training).value().to_vector<double>() == dropped);
  }
}

TEST_CASE("LightGCN is the mean over the powers of the matrix", "[graph][layers]") {
  const SparseMatrix a = bipartite_matrix(4, 3, kEdges, Normalisation::symmetric);
  tensor::Generator rng(4, "layers-test");
  const Tensor x = random_tensor({7, 2}, rng);
  const Matrix once = product(matrix(a.forward), matrix(x)), twice = product(matrix(a.forward), once);
  const Matrix sum = combine(combine(matrix(x), once, std::plus()), twice, std::plus());
  check_equal(light_gcn(a, x, 2).value(), combine(sum, sum, [](double s, double) { return s / 3; }));
  check_equal(light_gcn(a, x, 0).value(), matrix(x));
  check_gradient_of("light_gcn", x, [&](const Inputs& in) { return light_gcn(a, in[0], 2); });
  CHECK_THAT(tests::error_of([&] { light_gcn(a, x, -1); }),
             Catch::Matchers::Contains("light_gcn: the number of layers must not be negative, got -1"));
}

TEST_CASE("the NGCF layer equals its formula", "[graph][layers]") {
  const SparseMatrix a = bipartite_matrix(4, 3, kEdges, Normalisation::symmetric);
  nn::Parameters parameters(1, tensor::DType::f64);
  const NgcfLayer layer(parameters, "ngcf", 3, 2, 0.1);
  tensor::Generator rng(5, "layers-test");
  randomise(parameters, rng);
  const Tensor x = random_tensor({7, 3}, rng);
  const Matrix neighbours = product(matrix(a.forward), matrix(x));
  Matrix expected = combine(
      product(combine(matrix(x), neighbours, std::plus()), value_of(parameters, "ngcf.sum.w")),
      product(combine(matrix(x), neighbours, std::multiplies()), value_of(parameters, "ngcf.product.w")), std::plus());
  for (auto& row : expected)
    for (size_t j = 0; j < 2; ++j) {
      row[j] += value_of(parameters, "ngcf.sum.b")[0][j] + value_of(parameters, "ngcf.product.b")[0][j];
      if (row[j] < 0) row[j] *= 0.2;
    }
  check_equal(layer(a, x, {}).value(), expected);
  check_gradient_of("ngcf", x, [&](const Inputs& in) { return layer(a, in[0], {}); });
}
