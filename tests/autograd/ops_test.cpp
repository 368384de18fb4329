// Values of the operations against hand computation, and their edge cases.
#include <cmath>

#include "autograd/op.h"
#include "autograd/ops/add.h"
#include "autograd/ops/batched_matmul.h"
#include "autograd/ops/bpr_loss.h"
#include "autograd/ops/concat_columns.h"
#include "autograd/ops/concat_rows.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/l2_penalty.h"
#include "autograd/ops/leaky_relu.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/mean.h"
#include "autograd/ops/mse.h"
#include "autograd/ops/multiply.h"
#include "autograd/ops/normalize_rows.h"
#include "autograd/ops/relu.h"
#include "autograd/ops/repeat_rows_by_segment.h"
#include "autograd/ops/row_dot.h"
#include "autograd/ops/row_scale.h"
#include "autograd/ops/scalar_mlps.h"
#include "autograd/ops/scale.h"
#include "autograd/ops/segment_mean.h"
#include "autograd/ops/segment_sum.h"
#include "autograd/ops/sigmoid.h"
#include "autograd/ops/slice_columns.h"
#include "autograd/ops/slice_rows.h"
#include "autograd/ops/softplus.h"
#include "autograd/ops/square.h"
#include "autograd/ops/stop_gradient.h"
#include "autograd/ops/straight_through.h"
#include "autograd/ops/subtract.h"
#include "autograd/ops/sum.h"
#include "autograd/ops/tanh.h"
#include "tests/catch.h"

using namespace autograd;

namespace {

Tensor floats(std::vector<float> values, Shape shape) { return Tensor::from(values, shape); }
Tensor ints(std::vector<int32_t> values) { return Tensor::from(values); }
Tensor zeros(Shape shape) { return Tensor::zeros(shape); }

void check_values(const Tensor& got, const Shape& shape, const std::vector<float>& want, double tolerance = 1e-6) {
  CHECK(got.shape() == shape);
  const std::vector<float> values = got.to_vector<float>();
  REQUIRE(values.size() == want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    INFO("element " << i);
    CHECK(values[i] == Approx(want[i]).margin(tolerance));
  }
}

}  // namespace

TEST_CASE("linear and matmul compute products, bias and ReLU", "[ops]") {
  const Var x = floats({1, 2, 3, -1, 0, 2}, {2, 3}), w = floats({1, 0, 0, 1, -1, 2}, {3, 2}), bias = floats({0.5f, -7}, {2});
  check_values(linear(x, w).value(), {2, 2}, {-2, 8, -3, 4});
  check_values(linear(x, w, bias).value(), {2, 2}, {-1.5f, 1, -2.5f, -3});
  check_values(linear(x, w, bias, true).value(), {2, 2}, {0, 1, 0, 0});
  check_values(matmul(x, w).value(), {2, 2}, {-2, 8, -3, 4});
  check_values(matmul(x, x, false, true).value(), {2, 2}, {14, 5, 5, 5});
  check_values(matmul(w, x, true, true).value(), {2, 2}, {-2, -3, 8, 4});
  const Var a = floats({1, 2, 3, 4}, {2, 1, 2}), b = floats({1, 1, 2, 0}, {2, 2, 1});
  check_values(batched_matmul(a, b).value(), {2, 1, 1}, {3, 6});
}

TEST_CASE("a product's gradient is added to what is there, but not to what somebody else holds", "[ops]") {
  const Var x = Var::parameter(floats({1, 2, 3, 4}, {2, 2})), w = floats({1, 0, 1, 1}, {2, 2});
  const auto backward = [](const auto& function) {
    Tape tape;
    tape.backward(function(), floats({1, 1, 1, 1}, {2, 2}));
  };
  const auto twice = [&] { return add(linear(x, w), linear(x, w)); };
  backward(twice);
  const Tensor held = x.grad();
  backward(twice);
  check_values(held, {2, 2}, {2, 4, 2, 4});
  check_values(x.grad(), {2, 2}, {4, 8, 4, 8});
  backward([&] { return add(matmul(x, x), x); });
  check_values(x.grad(), {2, 2}, {4 + 8, 8 + 12, 4 + 10, 8 + 14});
}

TEST_CASE("scalar_mlps runs every row through each network", "[ops]") {
  const Var x = floats({1, 2, -1, 1}, {2, 2});
  const ScalarMlp a{floats({1, -1, 1, 1}, {2, 2}), floats({2, 3}, {2, 1})};
  const ScalarMlp b{floats({0, 1, 1, 0}, {2, 2}), floats({1, -1}, {2, 1})};
  check_values(scalar_mlps(x, {a, b}).value(), {2, 2}, {9, 1, 6, 1});
  check_values(scalar_mlps(zeros({0, 2}), {a}).value(), {0, 1}, {});
}

TEST_CASE("products of empty matrices are empty or zero", "[ops]") {
  const Var w = Var::parameter(floats({1, 2, 3, 4, 5, 6}, {3, 2})), bias = Var::parameter(floats({1, 2}, {2}));
  Tape tape;
  const Var y = add(linear(zeros({0, 3}), w, bias), matmul(zeros({0, 3}), w));
  CHECK(y.shape() == Shape{0, 2});
  tape.backward(y, zeros({0, 2}));
  check_values(w.grad(), {3, 2}, {0, 0, 0, 0, 0, 0});
  check_values(bias.grad(), {2}, {0, 0});
  check_values(linear(zeros({2, 0}), zeros({0, 2}), bias).value(), {2, 2}, {1, 2, 1, 2});
}

TEST_CASE("gather_rows reads rows and sums the gradients of equal ids", "[ops]") {
  const Var table = Var::parameter(floats({1, 2, 3, 4, 5, 6}, {3, 2}));
  Tape tape;
  const Var y = gather_rows(table, ints({2, -1, 0, 2}));
  check_values(y.value(), {4, 2}, {5, 6, 0, 0, 1, 2, 5, 6});
  tape.backward(y, floats({1, 2, 3, 4, 5, 6, 7, 8}, {4, 2}));
  check_values(table.grad(), {3, 2}, {5, 6, 0, 0, 8, 10});
  const Var none = gather_rows(table, Tensor({0}, DType::i32));
  CHECK(none.shape() == Shape{0, 2});
  tape.backward(none, zeros({0, 2}));
  check_values(table.grad(), {3, 2}, {5, 6, 0, 0, 8, 10});
}

TEST_CASE("elementwise operations", "[ops]") {
  const Var x = floats({-2, 0, 3}, {3}), y = floats({1, 4, -1}, {3});
  check_values(add(x, y).value(), {3}, {-1, 4, 2});
  check_values(add(Var(floats({1, 2, 3, 4, 5, 6}, {2, 3})), x).value(), {2, 3}, {-1, 2, 6, 2, 5, 9});
  check_values(subtract(x, y).value(), {3}, {-3, -4, 4});
  check_values(multiply(x, y).value(), {3}, {-2, 0, -3});
  check_values(scale(x, -0.5).value(), {3}, {1, 0, -1.5f});
  check_values(relu(x).value(), {3}, {0, 0, 3});
  check_values(leaky_relu(x).value(), {3}, {-0.02f, 0, 3});
  check_values(square(x).value(), {3}, {4, 0, 9});
  check_values(sigmoid(x).value(), {3}, {0.1192029f, 0.5f, 0.9525741f});
  check_values(tanh(x).value(), {3}, {-0.9640276f, 0, 0.9950548f});
  check_values(softplus(x).value(), {3}, {0.1269280f, 0.6931472f, 3.0485874f});
}

TEST_CASE("sigmoid, softplus and the BPR loss neither overflow nor give NaN", "[ops]") {
  const Var x = Var::parameter(floats({-1000, 1000}, {2}));
  check_values(sigmoid(x).value(), {2}, {0, 1});
  check_values(softplus(x).value(), {2}, {0, 1000});
  Tape tape;
  tape.backward(add(sum(softplus(x)), add(sum(sigmoid(x)), bpr_loss(x, Var(zeros({2}))))));
  check_values(x.grad(), {2}, {-0.5f, 1});
}

TEST_CASE("reductions", "[ops]") {
  const Var x = floats({1, 2, 3, 4}, {2, 2}), y = floats({1, 0, 5, 4}, {2, 2});
  check_values(sum(x).value(), {}, {10});
  check_values(sum(Var(zeros({0, 3}))).value(), {}, {0});
  check_values(mean(x).value(), {}, {2.5f});
  check_values(mse(x, y).value(), {}, {2});
  check_values(l2_penalty({x, y}).value(), {}, {36});
  check_values(row_dot(x, y).value(), {2}, {1, 31});
  check_values(row_scale(x, Var(floats({2, -1}, {2}))).value(), {2, 2}, {2, 4, -3, -4});
  check_values(bpr_loss(Var(floats({2, 0}, {2})), Var(floats({0, 1}, {2}))).value(), {}, {0.720095f});
}

TEST_CASE("concatenation and slices are inverse to each other", "[ops]") {
  const Var a = floats({1, 2, 3, 4}, {2, 2}), b = floats({5, 6}, {2, 1});
  const Var wide = concat_columns({a, b});
  check_values(wide.value(), {2, 3}, {1, 2, 5, 3, 4, 6});
  check_values(slice_columns(wide, 0, 2).value(), {2, 2}, {1, 2, 3, 4});
  check_values(slice_columns(wide, 2, 3).value(), {2, 1}, {5, 6});
  CHECK(slice_columns(wide, 1, 1).shape() == Shape{2, 0});
  const Var high = concat_rows({a, a, Var(floats({7, 8}, {1, 2}))});
  check_values(high.value(), {5, 2}, {1, 2, 3, 4, 1, 2, 3, 4, 7, 8});
  check_values(slice_rows(high, 3, 5).value(), {2, 2}, {3, 4, 7, 8});
  CHECK(slice_rows(high, 5, 5).shape() == Shape{0, 2});
}

TEST_CASE("segments are summed, averaged and repeated; an empty one is 0", "[ops]") {
  const Var x = floats({1, 2, 3, 4, 5, 6}, {3, 2});
  const Tensor offsets = ints({0, 2, 2, 3});
  check_values(segment_sum(x, offsets).value(), {3, 2}, {4, 6, 0, 0, 5, 6});
  check_values(segment_mean(x, offsets).value(), {3, 2}, {2, 3, 0, 0, 5, 6});
  check_values(repeat_rows_by_segment(x, ints({0, 1, 1, 3}), 3).value(), {3, 2}, {1, 2, 5, 6, 5, 6});
  CHECK(segment_sum(Var(zeros({0, 2})), ints({0})).shape() == Shape{0, 2});
}

TEST_CASE("normalize_rows divides by the length, but not by less than the floor", "[ops]") {
  const Var x = Var::parameter(floats({3, 4, 0, 0, 0.003f, 0.004f}, {3, 2}));
  Tape tape;
  const Var y = normalize_rows(x, {.least = 0.01});
  check_values(y.value(), {3, 2}, {0.6f, 0.8f, 0, 0, 0.3f, 0.4f});
  tape.backward(y, floats({1, 0, 1, 2, 1, 0}, {3, 2}));
  check_values(x.grad(), {3, 2}, {0.128f, -0.096f, 100, 200, 100, 0}, 1e-4);
}

TEST_CASE("gradients pass straight_through to its first argument only, and stop at stop_gradient", "[ops]") {
  const Var a = Var::parameter(floats({1, 2}, {2})), b = Var::parameter(floats({3, 5}, {2}));
  Tape tape;
  const Var y = straight_through(a, b);
  check_values(y.value(), {2}, {3, 5});
  tape.backward(sum(multiply(y, y)));
  check_values(a.grad(), {2}, {6, 10});
  CHECK_FALSE(b.grad().defined());
  tape.backward(sum(multiply(b, stop_gradient(b))));
  check_values(b.grad(), {2}, {3, 5});
}

TEST_CASE("an operation that is given wrong shapes says so", "[ops]") {
  const Var x = zeros({3, 5}), y = zeros({2, 5}), v = zeros({4}), s = zeros({});
  const auto message = [](auto f) { return tests::error_of([&] { (void)f(); }); };
  CHECK(message([&] { return linear(x, x); }) ==
        "linear: inner sizes differ, x is [3,5], w is [3,5]; x must be [.., in], w [in,out]");
  CHECK(message([&] { return linear(x, Var(zeros({5, 2})), v); }) == "linear: bias is [4], w is [5,2]; bias must be [2]");
  CHECK(message([&] { return matmul(x, v); }) == "matmul: a is [3,5], b is [4]; both must have 2 dimensions");
  CHECK(message([&] { return matmul(x, x, true, true); }) ==
        "matmul: inner sizes differ, a is [3,5] transposed, b is [3,5] transposed; the columns of a must be the rows of b");
  CHECK(message([&] { return batched_matmul(Var(zeros({2, 1, 3})), Var(zeros({2, 1, 3}))); }) ==
        "batched_matmul: inner sizes differ, a is [2,1,3], b is [2,1,3]; the columns of each a must be the rows of its b");
  CHECK(message([&] { return batched_matmul(Var(zeros({2, 1, 3})), x); }) ==
        "batched_matmul: a is [2,1,3], b is [3,5]; both must have 3 dimensions and as many matrices");
  CHECK(message([&] { return gather_rows(x, ints({0, 3})); }) ==
        "gather_rows: id 3 at position 1, table is [3,5]; ids must be -1 (no row) or from 0 to 2");
  CHECK(message([&] { return gather_rows(x, ints({-2})); }) ==
        "gather_rows: id -2 at position 0, table is [3,5]; ids must be -1 (no row) or from 0 to 2");
  CHECK(message([&] { return gather_rows(x, zeros({2})); }) ==
        "gather_rows: table is [3,5], ids are [2] f32; table must be [n,d], ids i32 [m]");
  CHECK(message([&] { return add(x, v); }) == "add: x is [3,5], y is [4]; y must have the shape of x or of one row of it");
  CHECK(message([&] { return subtract(x, y); }) == "subtract: x is [3,5], y is [2,5]; both must have one shape");
  CHECK(message([&] { return multiply(x, y); }) == "multiply: x is [3,5], y is [2,5]; both must have one shape");
  CHECK(message([&] { return leaky_relu(x, -1); }) == "leaky_relu: slope is -1; it must not be negative");
  CHECK(message([&] { return row_dot(x, y); }) == "row_dot: a is [3,5], b is [2,5]; both must be [n,d]");
  CHECK(message([&] { return row_scale(x, v); }) == "row_scale: x is [3,5], s is [4]; x must be [n,d], s [n]");
  CHECK(message([&] { return scalar_mlps(x, {}); }) == "scalar_mlps: 0 networks; it takes from 1 to 4");
  CHECK(message([&] { return scalar_mlps(x, {{zeros({5, 2}), zeros({2})}}); }) ==
        "scalar_mlps: x is [3,5], weights are [5,2] and [2]; they must be [rows, width], and of every network "
        "[width, 2] and [2,1]");
  CHECK(message([&] { return mean(Var(zeros({0, 2}))); }) == "mean: x is [0,2]; it must have elements");
  CHECK(message([&] { return mse(x, y); }) ==
        "mse: x is [3,5], y is [2,5]; both must have one shape and at least one element");
  CHECK(message([&] { return l2_penalty({}); }) == "l2_penalty: needs at least one tensor");
  CHECK(message([&] { return bpr_loss(v, Var(zeros({3}))); }) ==
        "bpr_loss: positive is [4], negative is [3]; both must be [n], n > 0");
}

TEST_CASE("concatenation, slices and segments check what they are given", "[ops]") {
  const Var x = zeros({3, 5}), y = zeros({2, 5}), s = zeros({});
  const auto message = [](auto f) { return tests::error_of([&] { (void)f(); }); };
  CHECK(message([&] { return concat_columns({x, y}); }) ==
        "concat_columns: part 0 is [3,5], part 1 is [2,5]; all but their last sizes must be equal");
  CHECK(message([&] { return concat_columns({s}); }) == "concat_columns: needs a part, of rank 1 or more");
  CHECK(message([&] { return concat_rows({x, Var(zeros({3, 4}))}); }) ==
        "concat_rows: part 0 is [3,5], part 1 is [3,4]; all but their first sizes must be equal");
  CHECK(message([&] { return concat_rows({}); }) == "concat_rows: needs a part, of rank 1 or more");
  CHECK(message([&] { return slice_columns(x, 2, 6); }) ==
        "slice_columns: columns 2 to 6 of x [3,5]; they must lie within its last size");
  CHECK(message([&] { return slice_rows(x, -1, 2); }) ==
        "slice_rows: rows -1 to 2 of x [3,5]; they must lie within its first size");
  CHECK(message([&] { return segment_sum(x, ints({0, 2})); }) ==
        "segment_sum: offsets ends at 2, the values have 3 rows; both must be equal");
  CHECK(message([&] { return segment_mean(x, ints({0, 4, 3})); }) ==
        "segment_mean: offsets falls from 4 to 3 at sequence 1; offsets must not fall");
  CHECK(message([&] { return segment_sum(s, ints({0, 2})); }) ==
        "segment_sum: x is [], offsets are [2]; x must be [n,d], offsets [segments+1]");
  CHECK(message([&] { return segment_mean(s, ints({0, 2})); }) ==
        "segment_mean: x is [], offsets are [2]; x must be [n,d], offsets [segments+1]");
  CHECK(message([&] { return repeat_rows_by_segment(x, ints({0, 2}), 2); }) ==
        "repeat_rows_by_segment: x is [3,5], offsets are [2]; x must be [segments,d], offsets [segments+1]");
  CHECK(message([&] { return normalize_rows(x, {.least = 0}); }) ==
        "normalize_rows: x is [3,5], floor is 0; x must be [n,d], floor positive");
  CHECK(message([&] { return straight_through(x, y); }) ==
        "straight_through: a is [3,5], b is [2,5]; both must have one shape");
}
