#include "autograd/ops/dropout.h"

#include "tensor/parallel.h"
#include "tests/autograd/ragged.h"
#include "tests/catch.h"

using namespace autograd;

TEST_CASE("dropout keeps the right share, scaled, the same for any number of threads", "[dropout]") {
  const tensor::Random stream(1, "encoder.dropout", 3);
  const Tensor x = Tensor::full({101, 203}, 2);
  const std::vector<float> y = dropout(x, .2, stream).value().to_vector<float>();
  int64_t kept = 0;
  for (const float value : y) {
    REQUIRE((value == 0 || value == Approx(2.5)));
    kept += value != 0;
  }
  CHECK(static_cast<double>(kept) / static_cast<double>(y.size()) == Approx(.8).margin(.01));
  for (const int threads : {1, 7}) {
    tensor::set_threads(threads);
    CHECK(dropout(x, .2, stream).value().to_vector<float>() == y);
  }
  tensor::set_threads(0);
  CHECK(dropout(x, .2, tensor::Random(1, "encoder.dropout", 4)).value().to_vector<float>() != y);
  CHECK(dropout(x, .2, tensor::Random(1, "decoder.dropout", 3)).value().to_vector<float>() != y);
}

TEST_CASE("dropout's gradient passes exactly where the value passed", "[dropout]") {
  const tensor::Random stream(1, "test");
  Tape tape;
  Var x = Var::parameter(Tensor::full({5, 7}, 1));
  const Var y = dropout(x, .5, stream);
  tape.backward(y, Tensor::full({5, 7}, 1));
  CHECK(x.grad().to_vector<float>() == y.value().to_vector<float>());
}

TEST_CASE("dropout_add adds the residual to what dropout gives", "[dropout]") {
  const tensor::Random stream(1, "test");
  const Tensor x = tests::random_matrix(9, 5, 1), residual = tests::random_matrix(9, 5, 2);
  const Tensor dropped = dropout(x, .4, stream).value(), sum = dropout_add(x, residual, .4, stream).value();
  for (int64_t i = 0; i < x.size(); ++i) {
    CHECK(sum.data<double>()[i] == dropped.data<double>()[i] + residual.data<double>()[i]);
  }
}

TEST_CASE("dropout refuses what is no probability, and p = 0 changes nothing", "[dropout]") {
  const tensor::Random stream(1, "test");
  const Tensor x = tests::random_matrix(2, 3, 1);
  CHECK(dropout(x, 0, stream).value().to_vector<double>() == x.to_vector<double>());
  CHECK(tests::error_of([&] { dropout(x, 1, stream); }) == "dropout: p is 1; it must be in [0, 1)");
  CHECK(tests::error_of([&] { dropout(x, -.1, stream); }) == "dropout: p is -0.1; it must be in [0, 1)");
  CHECK(tests::error_of([&] {
          dropout_add(x, x.reshape({3, 2}), .1, stream);
        }) == "dropout_add: x is [2,3] f64, residual is [3,2] f64; both must have one shape and type");
}
