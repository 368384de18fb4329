#include "autograd/gradcheck.h"

#include <cmath>

namespace autograd {

namespace {

using Function = std::function<Var(const Inputs&)>;

double inner(const Tensor& g, const Tensor& y) {
  const auto a = g.span<double>(), b = y.span<double>();
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// df/dx for a function of what x refers to. Fourth order: the truncation error of the second-order formula would exceed the
// tolerance.
template <class F>
double derivative(double& x, F&& f) {
  const double x0 = x, h = 1e-5 * std::max(1.0, std::fabs(x0));
  const auto at = [&](double value) {
    x = value;
    return f();
  };
  const double slope = (8 * (at(x0 + h) - at(x0 - h)) - (at(x0 + 2 * h) - at(x0 - 2 * h))) / (12 * h);
  x = x0;
  return slope;
}

Inputs constants(const std::vector<Tensor>& inputs) { return {inputs.begin(), inputs.end()}; }

// Numeric and returned gradients of <g, run(inputs)>, per input.
struct Comparison {
  std::vector<Tensor> numeric, returned;
};

Comparison compare(const Sample& sample, tensor::Generator& rng) {
  Comparison result;
  Inputs parameters;
  for (const Tensor& x : sample.inputs) parameters.push_back(Var::parameter(x.clone()));
  Tensor g;
  {
    Tape tape;
    const Var y = sample.run(parameters);
    g = random_tensor(y.shape(), rng);
    tape.backward(y, g);
  }
  const Function& truth = sample.surrogate ? sample.surrogate : sample.run;
  std::vector<Tensor> moved;
  for (const Tensor& x : sample.inputs) moved.push_back(x.clone());
  for (size_t i = 0; i < moved.size(); ++i) {
    Tensor numeric = Tensor::like(moved[i]);
    for (int64_t k = 0; k < moved[i].size(); ++k) {
      numeric.data<double>()[k] =
          derivative(moved[i].data<double>()[k], [&] { return inner(g, truth(constants(moved)).value()); });
    }
    result.numeric.push_back(numeric);
    const Tensor& returned = parameters[i].grad();
    result.returned.push_back(returned.defined() ? returned : Tensor::zeros(moved[i].shape(), DType::f64));
  }
  return result;
}

struct Mismatch {
  bool found = false;
  int64_t element = 0;
  double error = 0;  // relative to the tolerance
};

// Compares scale * returned with numeric.
Mismatch mismatch(const Tensor& numeric, const Tensor& returned, double scale) {
  Mismatch worst;
  for (int64_t k = 0; k < numeric.size(); ++k) {
    const double want = numeric.data<double>()[k], got = scale * returned.data<double>()[k];
    const double error = std::fabs(want - got) / (1e-7 + 1e-6 * std::fabs(want));
    if (!(error <= worst.error)) worst = {!(error <= 1), k, error};  // also when error is NaN
    if (std::isnan(error)) break;
  }
  return worst;
}

void judge(const std::string& name, const Comparison& c, GradientReport& report) {
  ++report.samples;
  for (size_t i = 0; i < c.numeric.size(); ++i) {
    report.elements += static_cast<int>(c.numeric[i].size());
    const Mismatch m = mismatch(c.numeric[i], c.returned[i], 1);
    report.largest_error = std::max(report.largest_error, m.error);
    if (m.found) {
      report.failures.push_back(tensor::join(name, ": input ", i, " ", c.numeric[i].shape(), " element ", m.element, ": numeric ",
                                             c.numeric[i].data<double>()[m.element], ", backward ",
                                             c.returned[i].data<double>()[m.element]));
    }
  }
}

void check_sample(const std::string& name, const Sample& sample, tensor::Generator& rng, GradientReport& report) {
  judge(name, compare(sample, rng), report);
}

template <class F>
GradientReport for_samples(const std::string& filter, uint64_t seed, F&& f) {
  GradientReport report;
  for (const Op* op : all_ops()) {
    if (std::string_view(op->name()).find(filter) == std::string_view::npos || op->derivative() == Derivative::none) continue;
    ++report.operations;
    tensor::Generator rng(seed, op->name());
    const std::vector<Sample> samples = op->samples(rng);
    if (samples.empty()) report.failures.push_back(tensor::join(op->name(), ": has no samples"));
    for (size_t s = 0; s < samples.size(); ++s) f(tensor::join(op->name(), " sample ", s), samples[s], rng, report);
  }
  if (report.operations == 0) report.failures.push_back(tensor::join("no operation matches '", filter, "'"));
  return report;
}

}  // namespace

GradientReport check_gradients(const std::string& filter, uint64_t seed) {
  return for_samples(filter, seed, check_sample);
}

GradientReport check_the_checker(const std::string& filter, uint64_t seed) {
  return for_samples(filter, seed, [](const std::string& name, const Sample& sample, tensor::Generator& rng,
                                      GradientReport& report) {
    ++report.samples;
    const Comparison c = compare(sample, rng);
    for (size_t i = 0; i < c.numeric.size(); ++i) {
      if (c.numeric[i].size() == 0) continue;
      for (double scale : {1.01, 0.0, -1.0}) {
        if (!mismatch(c.numeric[i], c.returned[i], scale).found) {
          report.failures.push_back(tensor::join(name, ": input ", i, ": a gradient times ", scale, " goes unnoticed"));
        }
      }
    }
  });
}

GradientReport check_gradient(const std::string& name, const Sample& sample, uint64_t seed) {
  GradientReport report;
  report.operations = 1;
  tensor::Generator rng(seed, name);
  check_sample(name, sample, rng, report);
  return report;
}

GradientReport check_gradient(const std::string& name, const std::vector<Var>& parameters, const std::function<Var()>& run,
                              uint64_t seed) {
  GradientReport report;
  report.operations = 1;
  tensor::Generator rng(seed, name);
  for (Var parameter : parameters) parameter.clear_grad();
  Tensor g;
  {
    Tape tape;
    const Var y = run();
    g = random_tensor(y.shape(), rng);
    tape.backward(y, g);
  }
  Comparison c;
  for (Var parameter : parameters) {
    Tensor& value = parameter.mutable_value();
    Tensor numeric = Tensor::like(value);
    for (int64_t k = 0; k < value.size(); ++k)
      numeric.data<double>()[k] = derivative(value.data<double>()[k], [&] { return inner(g, run().value()); });
    c.numeric.push_back(numeric);
    c.returned.push_back(parameter.grad().defined() ? parameter.grad() : Tensor::zeros(value.shape(), DType::f64));
  }
  judge(name, c, report);
  return report;
}

}  // namespace autograd
