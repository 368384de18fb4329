// The gradient check: every operation, every sample, in double on the CPU, central differences of <g, y> with a random
// cotangent g over every element of every input, tolerance 1e-7 + 1e-6 |value|; and the check of the checker.
#pragma once

#include <string>
#include <vector>

#include "autograd/op.h"

namespace autograd {

struct GradientReport {
  int operations = 0, samples = 0, elements = 0;
  double largest_error = 0;             // relative to the tolerance; 1 is the limit
  std::vector<std::string> failures;    // one line each; empty: all is well
};

// Checks the operations whose name contains `filter`. No match, no operations, or an operation without samples is a failure.
GradientReport check_gradients(const std::string& filter = "", uint64_t seed = 7);

// For every (operation, sample, input): the check must fail when the returned gradient is scaled by 1.01, zeroed or negated.
// Lists where it did not.
GradientReport check_the_checker(const std::string& filter = "", uint64_t seed = 7);

// The numeric check of one function, for layers and models.
GradientReport check_gradient(const std::string& name, const Sample& sample, uint64_t seed = 7);

// The same for parameters that `run` uses by itself; they are f64 on the CPU and keep their values.
GradientReport check_gradient(const std::string& name, const std::vector<Var>& parameters, const std::function<Var()>& run,
                              uint64_t seed = 7);

}  // namespace autograd
