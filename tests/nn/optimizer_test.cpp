// Optimisers against the golden values, their state after a resume, their bits for any thread count; clipping.
#include <cmath>
#include <memory>

#include "nn/adam.h"
#include "nn/clip.h"
#include "nn/sgd.h"
#include "tensor/parallel.h"
#include "tests/catch.h"

using autograd::Var;
using nn::Optimizer;
using nn::Parameters;
using tensor::DType;
using tensor::Tensor;

namespace {

// Leaves g behind as the gradient of w.
void set_gradient(Var w, const Tensor& g) {
  w.clear_grad();
  autograd::Tape tape;
  tape.backward(w, g.to(w.value().dtype()));
}

void set_gradients(Parameters& parameters, uint64_t step) {
  for (const nn::Parameter& p : parameters) {
    if (!p.options.trainable) continue;
    Tensor g(p.var.shape());
    nn::normal(1)(g, tensor::Random(1, p.name, step));
    set_gradient(p.var, g);
  }
}

std::unique_ptr<Optimizer> make(const std::string& name) {
  if (name == "sgd") return std::make_unique<nn::Sgd>(nn::SgdOptions{.momentum = 0.9, .decay = 1e-4});
  if (name == "adam") return std::make_unique<nn::Adam>(nn::AdamOptions{.decay = 1e-4});
  return std::make_unique<nn::AdamW>();
}

void add_parameters(Parameters& p) {
  p.add("a.w", {300, 211}, nn::xavier_uniform());
  p.add("a.b", {7}, nn::zeros(), {.decay = false});
  p.add("frozen", {3, 3}, nn::ones(), {.trainable = false});
  p.add("one", {1}, nn::ones());
}

std::vector<float> values(const Parameters& parameters) {
  std::vector<float> all;
  for (const nn::Parameter& p : parameters) {
    const auto v = p.var.value().to_vector<float>();
    all.insert(all.end(), v.begin(), v.end());
  }
  return all;
}

Tensor pair_of(double a, double b) { return Tensor::from(std::vector<double>{a, b}); }

void check_pair(const Var& w, double a, double b, double margin) {
  const auto got = w.value().to(DType::f64).to_vector<double>();
  CHECK(got[0] == Approx(a).margin(margin).epsilon(0));
  CHECK(got[1] == Approx(b).margin(margin).epsilon(0));
}

}  // namespace

TEST_CASE("optimisers reach the golden values", "[nn][golden]") {
  for (DType dtype : {DType::f32, DType::f64}) {
    Parameters p(0, dtype);
    const Var w = p.add("w", {2}, nn::from(pair_of(1, -2)));
    SECTION(tensor::join("AdamW ", dtype)) {
      nn::AdamW adamw({.decay = 0.01});
      set_gradient(w, pair_of(.5, -.1));
      adamw.set_learning_rate(1e-3);
      adamw.step(p);
      check_pair(w, .998990, -1.998980, 6e-7);
      set_gradient(w, pair_of(.2, .3));
      adamw.step(p);
      check_pair(w, .998081, -1.999454, 6e-7);
    }
    SECTION(tensor::join("Adam, coupled decay ", dtype)) {
      nn::Adam adam({.decay = 0.01});
      set_gradient(w, pair_of(.5, -.1));
      adam.set_learning_rate(1e-3);
      adam.step(p);
      check_pair(w, .999, -1.999, 6e-7);
    }
    SECTION(tensor::join("SGD, momentum, coupled decay ", dtype)) {
      nn::Sgd sgd({.momentum = 0.99, .decay = 1e-5});
      const double margin = dtype == DType::f64 ? 6e-9 : 3e-7;
      for (auto [a, b] : {std::pair{.99949999, -1.99989998}, std::pair{.99850497, -1.99970094}}) {
        set_gradient(w, pair_of(.5, -.1));
        sgd.set_learning_rate(1e-3);
        sgd.step(p);
        check_pair(w, a, b, margin);
      }
    }
  }
}

TEST_CASE("AdamW shrinks only what may decay", "[nn]") {
  Parameters p;
  const Var w = p.add("w", {1}, nn::ones()), b = p.add("b", {1}, nn::ones(), {.decay = false});
  set_gradient(w, Tensor::zeros({1}));
  set_gradient(b, Tensor::zeros({1}));
  nn::AdamW adamw({.decay = 0.5});
  adamw.set_learning_rate(0.1);
  adamw.step(p);
  CHECK(w.value().item() == Approx(0.95));
  CHECK(b.value().item() == 1);
}

TEST_CASE("a parameter without a gradient keeps its value and state", "[nn]") {
  Parameters p;
  const Var w = p.add("w", {2}, nn::ones()), idle = p.add("idle", {2}, nn::ones());
  nn::Adam adam({.decay = 0.1});
  adam.set_learning_rate(0.1);
  CHECK(adam.state().empty());
  adam.step(p);  // nothing at all
  CHECK(adam.state().empty());
  set_gradient(w, Tensor::full({2}, 1));
  adam.step(p);
  CHECK(idle.value().to_vector<float>() == std::vector<float>{1, 1});
  CHECK(w.value().to_vector<float>() != std::vector<float>{1, 1});
  std::vector<std::string> names;
  for (const auto& [name, value] : adam.state()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"adam.m/w", "adam.v/w", "adam.count/w"});
}

TEST_CASE("a resumed optimiser takes the same steps", "[nn]") {
  for (const std::string name : {"sgd", "adam", "adamw"}) {
    INFO(name);
    Parameters whole(1), first(1), second(1);
    const Tensor half = Tensor::scalar(0.5, DType::f64);
    add_parameters(whole), add_parameters(first), add_parameters(second);
    const auto straight = make(name), before = make(name), after = make(name);
    for (uint64_t step = 0; step < 6; ++step) {
      set_gradients(whole, step);
      for (nn::Optimizer* each : {straight.get(), before.get(), after.get()}) each->set_learning_rate(0.01);
      straight->step(whole, half);
      if (step == 3) {
        for (const nn::Parameter& p : first) Var(second.find(p.name)->var).mutable_value().copy_from(p.var.value());
        after->load_state(before->state(), second, "checkpoint");
      }
      set_gradients(step < 3 ? first : second, step);
      (step < 3 ? before : after)->step(step < 3 ? first : second, half);
    }
    CHECK(values(whole) == values(second));
    CHECK(values(whole) != values(first));
  }
}

TEST_CASE("a step has the same bits for any thread count", "[nn]") {
  for (const std::string name : {"sgd", "adam", "adamw"}) {
    std::vector<std::vector<float>> results;
    std::vector<double> norms;
    for (int threads : {1, 2, 7}) {
      tensor::set_threads(threads);
      Parameters p(1);
      add_parameters(p);
      const auto optimizer = make(name);
      for (uint64_t step = 0; step < 3; ++step) {
        set_gradients(p, step);
        const nn::Clip clip = nn::clip_scale(p, 1);
        norms.push_back(clip.norm.item());
        optimizer->set_learning_rate(0.01);
        optimizer->step(p, clip.scale);
      }
      results.push_back(values(p));
    }
    tensor::set_threads(0);
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
    for (size_t i = 0; i < 6; ++i) CHECK(norms[i] == norms[i + 3]);
  }
}

TEST_CASE("optimiser state that does not fit is refused", "[nn]") {
  Parameters p, other;
  const Var w = p.add("w", {2, 3}, nn::ones());
  other.add("w", {2, 4}, nn::ones());
  nn::Adam adam;
  set_gradient(w, Tensor::full({2, 3}, 1));
  adam.set_learning_rate(0.1);
  adam.step(p);
  const auto error = [&](nn::NamedTensors state, const Parameters& parameters, auto optimizer) {
    return tests::error_of([&] { optimizer.load_state(state, parameters, "run.safetensors"); });
  };
  nn::NamedTensors state = adam.state();
  CHECK(error(state, p, nn::Adam()) == "");
  CHECK(error(state, other, nn::Adam()) ==
        "run.safetensors: optimiser state 'adam.m/w' is f32 [2,3], expected f32 [2,4]; was it trained with other options?");
  CHECK(error(state, p, nn::Sgd()) ==
        "run.safetensors: unexpected optimiser state 'adam.count/w', this optimiser is sgd; use the optimiser and model "
        "options of the run that wrote it");
  nn::NamedTensors cut = state;
  cut.erase(cut.begin() + 1);
  CHECK(error(cut, p, nn::Adam()) ==
        "run.safetensors: optimiser state 'adam.v/w' is missing; was the file cut or edited?");
  state.back().second = Tensor::from(std::vector<int64_t>{0});
  CHECK(error(state, p, nn::Adam()) ==
        "run.safetensors: optimiser state 'adam.count/w' is 0, expected at least 1; was the file edited?");
}

TEST_CASE("clipping scales by the global norm", "[nn]") {
  Parameters p;
  const Var a = p.add("a", {3}, nn::ones()), b = p.add("b", {1}, nn::ones());
  p.add("idle", {5}, nn::ones());
  CHECK(nn::clip_scale(p, 1).norm.item() == 0);
  CHECK(nn::clip_scale(p, 1).scale.item() == 1);
  set_gradient(a, Tensor::full({3}, 2));
  set_gradient(b, Tensor::full({1}, 2));
  CHECK(nn::clip_scale(p, 1).norm.item() == 4);
  CHECK(nn::clip_scale(p, 1).scale.item() == 0.25);
  CHECK(nn::clip_scale(p, 5).scale.item() == 1);
  CHECK(nn::clip_scale(p, 0).scale.item() == 1);
  CHECK(a.grad().to_vector<float>() == std::vector<float>{2, 2, 2});
  set_gradient(b, Tensor::full({1}, NAN));
  CHECK(std::isnan(nn::clip_scale(p, 1).norm.item()));
  CHECK(tests::error_of([&] { nn::clip_scale(p, -1); }) == "clip: the largest norm is -1; give 0 (no clipping) or more");
}
