#include "nn/finite.h"

#include <cmath>

namespace nn {

namespace {

constexpr const char* kAdvice = "; lower the learning rate or clip the gradients, the last checkpoint is unharmed";

std::string element(const Tensor& x, int64_t index) {
  double value = 0;
  tensor::for_real(x.dtype(), "finite", [&](auto zero) { value = x.to(tensor::Device::cpu).data<decltype(zero)>()[index]; });
  return tensor::join("element ", index, " of ", x.shape(), " is ", value);
}

std::string first_value(const Parameters& parameters) {
  for (const Parameter& p : parameters) {
    const int64_t index = first_not_finite(p.var.value());
    if (index >= 0) return tensor::join("parameter ", p.name, ": ", element(p.var.value(), index));
  }
  return "";
}

}  // namespace

int64_t first_not_finite(const Tensor& x) {
  if (x.dtype() != DType::f32 && x.dtype() != DType::f64) return -1;
  return tensor::for_real(x.dtype(), "finite", [&](auto zero) -> int64_t {
    const Tensor host = x.to(tensor::Device::cpu);
    const auto* p = host.data<decltype(zero)>();
    for (int64_t i = 0; i < x.size(); ++i)
      if (!std::isfinite(p[i])) return i;
    return -1;
  });
}

void require_finite_loss(double loss, int64_t step, const Parameters& parameters, const autograd::Tape& tape) {
  if (std::isfinite(loss)) return;
  std::string where = first_value(parameters);
  if (where.empty()) where = tape.first_where([](const Tensor& y) { return first_not_finite(y) >= 0; });
  if (where.empty()) where = "not in what was recorded";
  tensor::fail(tensor::Fault::bug, "step ", step, ": the loss is ", loss, "; first not finite: ", where, kAdvice);
}

void require_finite_gradients(double norm, int64_t step, const Parameters& parameters) {
  if (std::isfinite(norm)) return;
  std::string where = "only their norm";
  for (const Parameter& p : parameters) {
    const Tensor& g = p.var.grad();
    const int64_t index = g.defined() ? first_not_finite(g) : -1;
    if (index < 0) continue;
    where = tensor::join("gradient of ", p.name, ": ", element(g, index));
    break;
  }
  tensor::fail(tensor::Fault::bug, "step ", step, ": the gradient norm is ", norm, "; first not finite: ", where, kAdvice);
}

}  // namespace nn
