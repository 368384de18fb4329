#include "nn/parameters.h"

namespace nn {

Var Parameters::add(const std::string& name, Shape shape, const Initializer& initializer, ParameterOptions options) {
  tensor::check(!index_.contains(name), "two parameters are called '", name, "'");
  const tensor::Scope scope(name);
  Tensor value(shape, dtype_);
  initializer(value, tensor::Random(seed_, "init/" + name));
  value = value.to(tensor::default_device());
  const Var var = options.trainable ? Var::parameter(value) : Var(value);
  index_[name] = list_.size();
  list_.push_back({name, var, options});
  return var;
}

const Parameter* Parameters::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &list_[found->second];
}

int64_t Parameters::elements() const {
  int64_t sum = 0;
  for (const Parameter& p : list_) sum += p.options.trainable ? p.var.value().size() : 0;
  return sum;
}

void Parameters::clear_gradients() {
  for (Parameter& p : list_) p.var.clear_grad();
}

void Parameters::move_to(tensor::Device device) {
  for (Parameter& p : list_) {
    p.var.mutable_value() = p.var.value().to(device);
    p.var.clear_grad();
  }
}

}  // namespace nn
