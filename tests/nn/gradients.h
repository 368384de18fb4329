// The numeric gradient check of a layer: over every parameter, in double.
#pragma once

#include "autograd/gradcheck.h"
#include "nn/parameters.h"
#include "tests/catch.h"

namespace tests {

// Parameters that start at 0 would hide what multiplies them.
inline void randomise(nn::Parameters& parameters) {
  for (const nn::Parameter& p : parameters) nn::normal(0.5)(autograd::Var(p.var).mutable_value(), tensor::Random(3, p.name));
}

// inputs: further leaves of the function.
inline void check_layer(const std::string& name, const nn::Parameters& parameters, std::vector<autograd::Var> inputs,
                        const std::function<autograd::Var()>& run) {
  for (const nn::Parameter& p : parameters)
    if (p.options.trainable) inputs.push_back(p.var);
  const autograd::GradientReport report = autograd::check_gradient(name, inputs, run);
  for (const std::string& failure : report.failures) FAIL_CHECK(failure);
  CHECK(report.elements > 0);
}

inline autograd::Var input(tensor::Shape shape, uint64_t seed = 1) {
  tensor::Generator rng(seed, "input");
  return autograd::Var::parameter(autograd::random_tensor(shape, rng));
}

}  // namespace tests
