// What an operation gives, output and gradients, to compare one way of computing it with another.
#pragma once

#include <cmath>
#include <vector>

#include "autograd/var.h"
#include "tensor/parallel.h"
#include "tests/catch.h"

namespace tests {

// The largest difference of two elements; 1e300 between tensors of different shapes.
inline double distance(const tensor::Tensor& x, const tensor::Tensor& y) {
  if (x.shape() != y.shape()) return 1e300;
  const auto a = x.to(tensor::DType::f64).to_vector<double>(), b = y.to(tensor::DType::f64).to_vector<double>();
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = tests::larger(worst, std::fabs(a[i] - b[i]));
  return worst;
}

struct Results {
  tensor::Tensor y;
  std::vector<tensor::Tensor> gradients;  // of each input
};

// Of y = run(inputs) under the gradient dy.
template <class F>
Results results_of(const std::vector<tensor::Tensor>& inputs, const tensor::Tensor& dy, F&& run) {
  std::vector<autograd::Var> in;
  for (const tensor::Tensor& x : inputs) in.push_back(autograd::Var::parameter(x));
  autograd::Tape tape;
  const autograd::Var y = run(in);
  tape.backward(y, dy);
  Results results{y.value(), {}};
  for (const autograd::Var& x : in) results.gradients.push_back(x.grad());
  return results;
}

// Checks that the results, in fp32, have the same bits for any number of threads; returns them.
template <class F>
Results check_threads(const std::vector<tensor::Tensor>& inputs, const tensor::Tensor& dy, F&& run) {
  Results one;
  for (const int threads : {1, 2, 7}) {
    CAPTURE(threads);
    tensor::set_threads(threads);
    const Results all = results_of(inputs, dy, run);
    if (threads == 1) one = all;
    CHECK(all.y.to_vector<float>() == one.y.to_vector<float>());
    for (size_t i = 0; i < inputs.size(); ++i) {
      CAPTURE(i);
      CHECK(all.gradients[i].to_vector<float>() == one.gradients[i].to_vector<float>());
    }
  }
  tensor::set_threads(0);
  return one;
}

}  // namespace tests
