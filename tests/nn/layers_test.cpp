// Layers: values, gradients through whole layers in double, dropout streams, positions, module paths in messages.
#include <set>

#include "nn/embedding.h"
#include "nn/feed_forward.h"
#include "nn/layer_norm.h"
#include "nn/mlp.h"
#include "nn/module.h"
#include "nn/positions.h"
#include "tests/nn/gradients.h"

using autograd::Var;
using nn::Activation;
using nn::Context;
using nn::Parameters;
using tensor::DType;
using tensor::Tensor;

namespace {
std::vector<std::string> names(const Parameters& parameters) {
  std::vector<std::string> result;
  for (const nn::Parameter& p : parameters) result.push_back(p.name);
  return result;
}
Tensor ids(const std::vector<int32_t>& values) { return Tensor::from(values); }
}  // namespace

TEST_CASE("linear is x w + b", "[nn]") {
  Parameters p;
  nn::Linear linear(p, "up", 2, 3);
  CHECK(names(p) == std::vector<std::string>{"up.w", "up.b"});
  CHECK_FALSE(p.find("up.b")->options.decay);
  linear.w.mutable_value() = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});
  linear.b.mutable_value() = Tensor::from(std::vector<float>{-10, 0, 1}, {3});
  const Var x(Tensor::from(std::vector<float>{1, 1}, {1, 2}));
  CHECK(linear(x).value().to_vector<float>() == std::vector<float>{-5, 7, 10});
  CHECK(linear.with_relu(x).value().to_vector<float>() == std::vector<float>{0, 7, 10});
  Parameters q;
  const nn::Linear plain(q, "up", 2, 3, {.bias = false});
  CHECK(names(q) == std::vector<std::string>{"up.w"});
  CHECK(plain(Var(Tensor::zeros({0, 2}))).shape() == tensor::Shape{0, 3});
}

TEST_CASE("a packed linear layer keeps its weights and does not learn", "[nn]") {
  Parameters p;
  nn::Linear linear(p, "up", 3, 40);
  const Var x(tests::input({5, 3}).value().to(DType::f32));
  const auto want = linear(x).value().to_vector<float>(), rectified = linear.with_relu(x).value().to_vector<float>();
  linear.pack();
  linear.w.mutable_value().fill(0);
  CHECK(linear(x).value().to_vector<float>() == want);
  CHECK(linear.with_relu(x).value().to_vector<float>() == rectified);
  const autograd::Tape tape;
  CHECK_THAT(tests::error_of([&] { linear(x); }), tests::Contains("up: is packed and does not learn"));
}

TEST_CASE("gradients through whole layers are exact", "[nn][gradients]") {
  Parameters p(1, DType::f64);
  const Context training{.training = true, .seed = 3, .step = 5};
  const Var x = tests::input({5, 4});
  SECTION("linear") {
    const nn::Linear layer(p, "l", 4, 3);
    tests::randomise(p);
    tests::check_layer("linear", p, {x}, [&] { return layer(x); });
  }
  SECTION("embedding") {
    const nn::Embedding layer(p, "e", 6, 3);
    tests::check_layer("embedding", p, {}, [&] { return layer(ids({2, 0, 2, -1, 5})); });
  }
  SECTION("layer norm") {
    const nn::LayerNorm layer(p, "n", 4);
    tests::randomise(p);
    tests::check_layer("layer norm", p, {x}, [&] { return layer(x); });
  }
  SECTION("feed forward with dropout") {
    const nn::FeedForward layer(p, "ffn", 4, 7, {.dropout = 0.4, .bias = true});
    tests::randomise(p);
    tests::check_layer("feed forward", p, {x}, [&] { return layer(x, training); });
  }
  SECTION("mlp") {
    for (int i = 0; i <= static_cast<int>(Activation::tanh); ++i) {
      const Activation a = static_cast<Activation>(i);
      Parameters q(1, DType::f64);
      const nn::Mlp layer(q, "mlp", {4, 6, 5, 2}, {.activation = a, .dropout = 0.3});
      tests::randomise(q);
      tests::check_layer(tensor::join("mlp ", i), q, {x}, [&] { return layer(x, training); });
    }
  }
}

TEST_CASE("a layer's result follows its formula", "[nn]") {
  Parameters p;
  const Var x(Tensor::from(std::vector<float>{1, -2, 3, .5}, {1, 4}));
  nn::LayerNorm norm(p, "norm", 4);
  norm.gamma.mutable_value() = Tensor::from(std::vector<float>{1, .5, 2, 1});
  const std::vector<float> y = norm(x).value().to_vector<float>();
  const double golden[] = {.210558, -.736954, 2.667073, -.070186};
  for (size_t i = 0; i < 4; ++i) CHECK(y[i] == Approx(golden[i]).margin(1e-6));

  const nn::FeedForward ffn(p, "ffn", 4, 8);
  CHECK(names(p) == std::vector<std::string>{"norm.gamma", "norm.beta", "ffn.up.w", "ffn.down.w"});
  CHECK(ffn(x, {}).value().to_vector<float>() == ffn.down(ffn.up.with_relu(x)).value().to_vector<float>());

  const nn::Mlp mlp(p, "mlp", {4, 3, 2}, {.activation = Activation::sigmoid});
  CHECK(p.find("mlp.0.w")->var.shape() == tensor::Shape{4, 3});
  CHECK(p.find("mlp.1.b")->var.shape() == tensor::Shape{2});
  CHECK(mlp(x, {}).shape() == tensor::Shape{1, 2});
  CHECK(tests::error_of([&] { nn::Mlp(p, "m", {4}); }) ==
        "m: needs at least two widths, got 1; give input and output width");
}

TEST_CASE("an embedding looks rows up and pads with zeros", "[nn]") {
  Parameters p;
  const nn::Embedding table(p, "tokens", 3, 2, nn::from(Tensor::from(std::vector<float>{0, 1, 2, 3, 4, 5}, {3, 2})));
  CHECK(table(ids({2, -1, 0})).value().to_vector<float>() == std::vector<float>{4, 5, 0, 0, 0, 1});
  CHECK(table(ids({})).shape() == tensor::Shape{0, 2});
  CHECK(tests::error_of([&] { table(ids({3})); }).starts_with("tokens: gather_rows: "));
}

TEST_CASE("dropout depends on place, step, seed and pass, and only when training", "[nn]") {
  const Var x(Tensor::full({40, 10}, 1)), rest(Tensor::full({40, 10}, 2));
  const auto mask = [&](const std::string& module, const Context& context) {
    return nn::Dropout(module, 0.5)(x, context).value().to_vector<float>();
  };
  const Context context{.training = true, .seed = 1, .step = 4};
  const std::vector<float> first = mask("a", context);
  CHECK(mask("a", context) == first);
  Context other = context;
  CHECK(mask("b", context) != first);
  other.step = 5;
  CHECK(mask("a", other) != first);
  other = context, other.seed = 2;
  CHECK(mask("a", other) != first);
  other = context, other.pass = "second";
  CHECK(mask("a", other) != first);
  other = context, other.training = false;
  CHECK(mask("a", other) == std::vector<float>(400, 1));
  std::vector<float> sums = nn::Dropout("a", 0.5).add(x, rest, context).value().to_vector<float>();
  for (size_t i = 0; i < sums.size(); ++i) CHECK(sums[i] == first[i] + 2);
  CHECK(nn::Dropout("a", 0.5).add(x, rest, other).value().to_vector<float>() == std::vector<float>(400, 3));
}

TEST_CASE("sinusoids reach the golden values", "[nn][golden]") {
  const Tensor table = nn::sinusoids(5, 64);
  const std::vector<float> t = table.to_vector<float>();
  const double one[] = {.841471, .540302, .681561, .731761, .533168, .846009};
  const double four[] = {-.756802, -.653644, .141539, -.989933, .778472, -.627680};
  for (size_t i = 0; i < 6; ++i) {
    CHECK(t[64 + i] == Approx(one[i]).margin(1e-6));
    CHECK(t[256 + i] == Approx(four[i]).margin(1e-6));
  }
  CHECK(t[256 + 62] == Approx(.000533).margin(1e-6));
  CHECK(t[256 + 63] == Approx(1).margin(1e-6));
  CHECK(t[0] == 0);
  CHECK(t[1] == 1);
  CHECK(tests::error_of([] { nn::sinusoids(5, 3); }) == "sinusoids: the width must be even, it is 3");
}

TEST_CASE("positions count within each sequence", "[nn]") {
  CHECK(nn::positions_of(ids({0, 3, 3, 5})).to_vector<int32_t>() == std::vector<int32_t>{0, 1, 2, 0, 1});
  CHECK(nn::positions_of(ids({0})).size() == 0);
  CHECK(nn::positions_from_end(ids({0, 3, 3, 5})).to_vector<int32_t>() == std::vector<int32_t>{2, 1, 0, 1, 0});
}

TEST_CASE("messages carry the module path once", "[nn]") {
  const auto path_of = [](const std::string& name) {
    const nn::ModuleScope scope(name);
    return tensor::Scope::path();
  };
  CHECK(path_of("encoder.0.ffn") == "encoder.0.ffn");
  const tensor::Scope outer("train");
  CHECK(path_of("encoder.0.ffn") == "train.encoder.0.ffn");
  const nn::ModuleScope layer("encoder.0");
  CHECK(path_of("encoder.0.ffn") == "train.encoder.0.ffn");
  CHECK(path_of("encoder.0") == "train.encoder.0");
  CHECK(path_of("xencoder.0.ffn") == "train.encoder.0.xencoder.0.ffn");
  CHECK(path_of("0.up") == "train.encoder.0.up");

  Parameters p;
  const nn::FeedForward ffn(p, "encoder.0.ffn", 4, 8);
  CHECK(tests::error_of([&] { ffn(Var(Tensor::zeros({2, 3})), {}); }).starts_with("train.encoder.0.ffn.up: linear: "));
}
