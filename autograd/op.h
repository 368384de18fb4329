// Every operation owns one static Op. Constructing it puts the operation into the table that the gradient check walks; nothing
// can be recorded without one, and an Op needs samples: an untested operation cannot exist.
#pragma once

#include <functional>
#include <vector>

#include "autograd/var.h"
#include "tensor/random.h"

namespace autograd {

using Inputs = std::vector<Var>;

// One case of the gradient check. Inputs are f64 on the CPU; `run` may capture whatever else the operation takes (ids, offsets,
// a random stream). An operation whose declared gradient is not its derivative (straight-through) names a surrogate: the check
// compares the gradients of `run` with the numeric ones of `surrogate`.
struct Sample {
  std::vector<Tensor> inputs;
  std::function<Var(const Inputs&)> run;
  std::function<Var(const Inputs&)> surrogate = nullptr;
};
using Samples = std::vector<Sample> (*)(tensor::Generator& rng);

enum class Derivative { yes, none };

class Op {
 public:
  Op(const char* name, Samples samples, Derivative derivative = Derivative::yes);
  const char* name() const { return name_; }
  std::vector<Sample> samples(tensor::Generator& rng) const { return samples_(rng); }
  Derivative derivative() const { return derivative_; }

 private:
  const char* name_;
  Samples samples_;
  Derivative derivative_;
};

const std::vector<const Op*>& all_ops();  // in order of name

Tensor random_tensor(Shape shape, tensor::Generator& rng);                       // f64, standard normal
Tensor random_away_from_zero(Shape shape, tensor::Generator& rng);               // |x| in [0.1, 1.1): for kinks at 0

}  // namespace autograd
