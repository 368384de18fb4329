#include "nn/optimizer.h"

#include "tensor/cuda/replays.h"

namespace nn {

using tensor::Fault;
using tensor::require;

void Optimizer::step(Parameters& parameters, const Tensor& gradient_scale) {
  std::vector<Update> updates;
  std::vector<int64_t*> counts;
  for (const Parameter& p : parameters) {
    const Tensor& g = p.var.grad();
    if (!g.defined()) continue;
    State& state = states_[p.name];
    if (state.slots.empty()) {
      for (size_t s = 0; s < slots_.size(); ++s) state.slots.push_back(Tensor::zeros(g.shape(), g.dtype(), g.device()));
    }
    counts.push_back(&state.count);
    updates.push_back({.w = p.var.value(), .g = g, .m = state.slots[0], .v = slots_.size() > 1 ? state.slots[1] : Tensor(),
                       .count = &state.count, .decay = p.options.decay});
  }
  tensor::cuda::every_run({}, [counts] {
    for (int64_t* count : counts) ++*count;
  });
  if (!updates.empty()) apply(updates, learning_rate_, gradient_scale);
}

NamedTensors Optimizer::state() const {
  NamedTensors result;
  const std::string prefix = std::string(name_) + ".";
  for (const auto& [parameter, state] : states_) {
    for (size_t s = 0; s < slots_.size(); ++s) result.emplace_back(prefix + slots_[s] + "/" + parameter, state.slots[s]);
    result.emplace_back(prefix + "count/" + parameter, Tensor::from(std::vector<int64_t>{state.count}));
  }
  return result;
}

void Optimizer::load_state(const NamedTensors& state, const Parameters& parameters, const std::string& source) {
  std::map<std::string, Tensor> given(state.begin(), state.end());
  const auto take = [&](const std::string& name, Shape shape, DType dtype) {
    const auto found = given.find(name);
    require(Fault::bad_data, found != given.end(), source, ": optimiser state '", name,
            "' is missing; was the file cut or edited?");
    const Tensor value = found->second;
    require(Fault::bad_data, value.shape() == shape && value.dtype() == dtype, source, ": optimiser state '", name, "' is ",
            value.dtype(), " ", value.shape(), ", expected ", dtype, " ", shape, "; was it trained with other options?");
    given.erase(found);
    return value;
  };
  std::map<std::string, State> loaded;
  const std::string prefix = std::string(name_) + ".";
  for (const Parameter& p : parameters) {
    if (!given.contains(prefix + "count/" + p.name)) continue;  // it never had a gradient
    State& s = loaded[p.name];
    for (const char* slot : slots_) {
      const Tensor saved = take(prefix + slot + "/" + p.name, p.var.shape(), p.var.value().dtype());
      s.slots.push_back(saved.clone().to(p.var.value().device()));
    }
    s.count = take(prefix + "count/" + p.name, {1}, DType::i64).to_vector<int64_t>()[0];
    require(Fault::bad_data, s.count > 0, source, ": optimiser state '", prefix, "count/", p.name, "' is ", s.count,
            ", expected at least 1; was the file edited?");
  }
  require(Fault::bad_data, given.empty(), source, ": unexpected optimiser state '",
          given.empty() ? "" : given.begin()->first, "', this optimiser is ", name_,
          "; use the optimiser and model options of the run that wrote it");
  states_ = std::move(loaded);
}

}  // namespace nn
