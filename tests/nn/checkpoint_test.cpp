// Checkpoints: a run that is written and read goes on with the same bits; files that do not fit are refused.
#include "nn/checkpoint.h"

#include "autograd/ops/mse.h"
#include "nn/adam.h"
#include "nn/feed_forward.h"
#include "tests/catch.h"

using autograd::Var;
using nn::Checkpoint;
using nn::Parameters;
using tensor::Tensor;

namespace {

// A small run: its model, its optimiser, its place in the random streams.
struct Run {
  Parameters parameters{1};
  nn::FeedForward ffn{parameters, "ffn", 4, 8, {.dropout = 0.2, .bias = true}};
  nn::AdamW optimizer;
  Tensor x = Tensor({6, 4});

  Run() { nn::normal(1)(x, tensor::Random(1, "x")); }
  void train(uint64_t begin, uint64_t end) {
    for (uint64_t step = begin; step < end; ++step) {
      parameters.clear_gradients();
      autograd::Tape tape;
      tape.backward(autograd::mse(ffn(x, {.training = true, .seed = 5, .step = step}), Var(Tensor::full({6, 4}, 0.5))));
      optimizer.set_learning_rate(0.01);
      optimizer.step(parameters);
    }
  }
  std::vector<float> values() const {
    std::vector<float> all;
    for (const nn::Parameter& p : parameters)
      for (float v : p.var.value().to_vector<float>()) all.push_back(v);
    return all;
  }
};

}  // namespace

TEST_CASE("training goes on from a checkpoint with the same bits", "[nn]") {
  const tests::TemporaryFolder folder;
  const std::string path = folder / "run.safetensors";
  Run whole;
  whole.train(0, 6);
  {
    Run first;
    first.train(0, 3);
    Checkpoint checkpoint;
    checkpoint.put("model", first.parameters);
    checkpoint.put("optimizer", first.optimizer);
    checkpoint.put("extra", Tensor::from(std::vector<double>{0.1, 7}));
    checkpoint.set("step", "3");
    checkpoint.write(path);
  }
  Run second;
  const Checkpoint checkpoint = Checkpoint::read(path);
  checkpoint.restore("model", second.parameters);
  checkpoint.restore("optimizer", second.optimizer, second.parameters);
  CHECK(checkpoint.text("step") == "3");
  CHECK(checkpoint.tensor("extra").to_vector<double>() == std::vector<double>{0.1, 7});
  CHECK_FALSE(checkpoint.has_tensor("other"));
  second.train(3, 6);
  CHECK(second.values() == whole.values());
}

TEST_CASE("a restored value is where the layers look", "[nn]") {
  const tests::TemporaryFolder folder;
  Parameters a(1), b(2);
  const Var wa = a.add("w", {2, 2}, nn::normal(1)), wb = b.add("w", {2, 2}, nn::normal(1));
  Checkpoint checkpoint;
  checkpoint.put("model", a);
  checkpoint.write(folder / "c.safetensors");
  Checkpoint::read(folder / "c.safetensors").restore("model", b);
  CHECK(wa.value().to_vector<float>() == wb.value().to_vector<float>());
}

TEST_CASE("checkpoints of another model are refused", "[nn]") {
  const tests::TemporaryFolder folder;
  const std::string path = folder / "c.safetensors";
  const std::string advice = "; use the model options of the run that wrote it";
  Parameters written, same, misshaped, more, fewer, wide(0, tensor::DType::f64);
  for (Parameters* p : {&written, &same, &more, &fewer}) p->add("a", {2, 3}, nn::ones());
  for (Parameters* p : {&written, &same, &more}) p->add("b", {4}, nn::ones());
  more.add("c", {5}, nn::zeros());
  misshaped.add("a", {3, 2}, nn::zeros());
  misshaped.add("b", {4}, nn::zeros());
  wide.add("a", {2, 3}, nn::zeros());
  wide.add("b", {4}, nn::zeros());
  Checkpoint checkpoint;
  checkpoint.put("model", written);
  checkpoint.write(path);
  const Checkpoint read = Checkpoint::read(path);
  const auto error = [&](Parameters& p) { return tests::error_of([&] { read.restore("model", p); }); };
  CHECK(error(same) == "");
  CHECK(error(more) == path + ": tensor 'model/c' is missing, expected f32 [5]" + advice);
  CHECK(error(fewer) == path + ": holds 'model/b' f32 [4], which this model does not have" + advice);
  CHECK(error(misshaped) == path + ": tensor 'model/a' is f32 [2,3], expected f32 [3,2]" + advice);
  CHECK(error(wide) == path + ": tensor 'model/a' is f32 [2,3], expected f64 [2,3]" + advice);
  CHECK(misshaped.find("b")->var.value().to_vector<float>() == std::vector<float>(4, 0));  // nothing half-loaded
  CHECK(tests::error_of([&] { checkpoint.put("model/a", Tensor::zeros({1})); }).find("two tensors are called 'model/a'") !=
        std::string::npos);
}

TEST_CASE("files that are no checkpoints, or newer ones, are refused", "[nn]") {
  const tests::TemporaryFolder folder;
  const std::string path = folder / "c.safetensors";
  tensor::write_safetensors(path, {{"w", Tensor::zeros({2})}}, {{"by", "somebody else"}});
  CHECK(tests::error_of([&] { Checkpoint::read(path); }) ==
        path + ": is no checkpoint, its metadata lack 'genrec.checkpoint'; give a file that training wrote");
  tensor::write_safetensors(path, {}, {{"genrec.checkpoint", "9"}});
  CHECK(tests::error_of([&] { Checkpoint::read(path); }) ==
        path + ": has checkpoint format 9, this program reads 1; use the version of the program that wrote it");
}
