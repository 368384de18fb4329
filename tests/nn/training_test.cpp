// A small model learns one batch by heart, and does so with the same bits for any thread count.
#include "autograd/ops/add.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/gather_rows.h"
#include "nn/adam.h"
#include "nn/clip.h"
#include "nn/embedding.h"
#include "nn/feed_forward.h"
#include "nn/layer_norm.h"
#include "nn/multi_head_attention.h"
#include "nn/positions.h"
#include "nn/schedule.h"
#include "tensor/allocator.h"
#include "tensor/parallel.h"
#include "tests/catch.h"

using autograd::Var;
using nn::Parameters;
using tensor::Tensor;

namespace {

// One post-norm causal Transformer layer over tokens; every token must name its successor.
struct Model {
  Parameters parameters{3};
  nn::Embedding tokens{parameters, "tokens", 12, 16, nn::normal(0.5)};
  nn::SelfAttention attention{parameters, "attention", {.width = 16, .heads = 2, .head_width = 8, .causal = true}};
  nn::LayerNorm norm1{parameters, "norm1", 16}, norm2{parameters, "norm2", 16};
  nn::FeedForward ffn{parameters, "ffn", 16, 32, {.dropout = 0.1}};
  nn::Dropout dropout{"attention", 0.1};
  nn::Linear output{parameters, "output", 16, 12, {.bias = false}};

  Var logits(const Tensor& ids, const Tensor& offsets, const nn::Context& context) const {
    const Var places = autograd::gather_rows(nn::sinusoids(8, 16), nn::positions_of(offsets));
    Var x = autograd::add(tokens(ids), places);
    x = norm1(dropout.add(attention(x, offsets), x, context));
    x = norm2(autograd::add(x, ffn(x, context)));
    return output(x);
  }
};

struct Result {
  double first = 0, last = 0;
  int64_t late_allocations = 0;  // of the system, after the second step
  std::vector<float> logits;
};

Result train(int steps) {
  const Tensor ids = Tensor::from(std::vector<int32_t>{0, 3, 7, 3, 1, 8, 9, 9, 2, 11, 5, 0, 4});
  const Tensor targets = Tensor::from(std::vector<int32_t>{3, 7, 3, 1, 2, 9, 9, 2, 11, 0, 0, 4, -1});
  const Tensor offsets = Tensor::from(std::vector<int32_t>{0, 5, 10, 13});
  Model model;
  nn::Adam adam;
  const nn::Schedule schedule{nn::ScheduleShape::cosine, 10, 400};
  Result result;
  int64_t early = 0;
  for (int step = 0; step < steps; ++step) {
    if (step == 2) early = tensor::memory_statistics(tensor::Device::cpu).system_allocations;
    model.parameters.clear_gradients();
    autograd::Tape tape;
    const nn::Context context{.training = true, .seed = 1, .step = static_cast<uint64_t>(step)};
    const Var loss = autograd::cross_entropy(model.logits(ids, offsets, context), targets);
    (step == 0 ? result.first : result.last) = loss.value().item();
    tape.backward(loss);
    adam.set_learning_rate(1e-2 * schedule.multiplier(step));
    adam.step(model.parameters, nn::clip_scale(model.parameters, 1).scale);
  }
  result.late_allocations = tensor::memory_statistics(tensor::Device::cpu).system_allocations - early;
  result.logits = model.logits(ids, offsets, {}).value().to_vector<float>();
  return result;
}

}  // namespace

TEST_CASE("a small Transformer learns one batch by heart", "[nn][training]") {
  const Result result = train(200);
  CHECK(result.first > 2);
  CHECK(result.last < 0.1);
  CHECK(result.late_allocations == 0);  // the steady state lives on the cache
}

TEST_CASE("training has the same bits for any thread count", "[nn][training]") {
  std::vector<Result> results;
  for (int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    results.push_back(train(5));
  }
  tensor::set_threads(0);
  for (const Result& r : results) {
    CHECK(r.last == results[0].last);
    CHECK(r.logits == results[0].logits);
  }
}
