#include "autograd/ops/feed_forward.h"

#include "autograd/op.h"
#include "autograd/ops/linear.h"
#include "tensor/feed_forward.h"

namespace autograd {

static std::vector<Sample> feed_forward_samples(tensor::Generator& rng) {
  const tensor::Random stream(5, "sample");
  const auto run = [=](const Inputs& in) {
    return in.size() == 3 ? feed_forward(in[0], {in[1], {}, in[2], {}}, 0.5, stream)
                          : feed_forward(in[0], {in[1], in[2], in[3], in[4]}, 0, stream);
  };
  // Away from the kink: |x w| < 39 where there is a bias, |x w| >= 0.01 where there is none.
  Tensor bias = random_away_from_zero({32}, rng);
  for (double& value : bias.span<double>()) value *= 400;
  return {{{random_away_from_zero({5, 1}, rng), random_away_from_zero({1, 32}, rng), random_tensor({32, 3}, rng)}, run},
          {{random_away_from_zero({2, 3, 4}, rng), random_away_from_zero({4, 32}, rng), bias, random_tensor({32, 2}, rng),
            random_tensor({2}, rng)}, run}};
}
static const Op feed_forward_op("feed_forward", feed_forward_samples);

bool has_joined_feed_forward(const Var& x, const FeedForwardWeights& weights) {
  const Tensor& in = x.value();
  const auto& [up, up_bias, down, down_bias] = weights;
  const auto fits = [](const Var& bias, const Var& w) { return !bias.defined() || bias.shape() == Shape{w.columns()}; };
  return in.device() == tensor::Device::cpu && in.dtype() == DType::f32 && in.shape().rank() >= 1 && in.size() > 0 &&
         up.shape().rank() == 2 && down.shape().rank() == 2 && in.columns() == up.rows() && up.columns() == down.rows() &&
         fits(up_bias, up) && fits(down_bias, down) &&
         tensor::has_feed_forward(up.rows(), up.columns(), down.columns());
}

Var feed_forward(const Var& x, const FeedForwardWeights& weights, double p, const tensor::Random& stream) {
  const auto& [up, up_bias, down, down_bias] = weights;
  if (!has_joined_feed_forward(x, weights)) {  // where they do not fit together, too: the operations say so
    const Var h = p == 0 ? linear(x, up, up_bias, true) : linear_relu_dropout(x, up, up_bias, p, stream);
    return linear(h, down, down_bias);
  }
  const Tensor in = x.value();
  std::vector<Var> inputs{x, up, down};
  if (up_bias.defined()) inputs.push_back(up_bias);
  if (down_bias.defined()) inputs.push_back(down_bias);
  bool learns = false;
  for (const Var& input : inputs) learns |= input.needs_grad();
  const tensor::FeedForward block{up.value(), value_or_none(up_bias), down.value(), value_or_none(down_bias), p};
  Tensor y(x.shape().with(-1, down.columns()), DType::f32), h;
  tensor::feed_forward(block, in, stream, y, Tape::current() && learns ? &h : nullptr);
  return record(feed_forward_op, inputs, y, [=, count = inputs.size()](const Tensor& dy, Wanted wanted) -> Gradients {
    Gradients all(count);
    tensor::FeedForwardGradients made;
    const auto target = [&](size_t input, Tensor& gradient, bool& add) {
      if (!wanted[input]) return;
      const Wanted::Target to = wanted.target(input);
      all[input] = gradient = to.gradient, add = to.add;
    };
    target(0, made.dx, made.add.dx), target(1, made.dw1, made.add.dw1), target(2, made.dw2, made.add.dw2);
    size_t bias = 3;
    if (block.b1.defined()) all[bias] = made.db1 = Tensor::like(block.b1), ++bias;
    if (block.b2.defined()) all[bias] = made.db2 = Tensor::like(block.b2);
    tensor::feed_forward_backward(block, in, h, dy, made);
    return all;
  });
}

}  // namespace autograd
