#include "nn/early_stopping.h"

#include <vector>

namespace nn {

bool EarlyStopping::update(double score) {
  const int64_t index = count_++;
  if (!(score > best_)) {
    ++waited_;
    return false;
  }
  best_ = score, best_at_ = index, waited_ = 0;
  return true;
}

tensor::Tensor EarlyStopping::state() const {
  return tensor::Tensor::from(std::vector<double>{best_, static_cast<double>(best_at_), static_cast<double>(waited_),
                                                  static_cast<double>(count_)});
}

void EarlyStopping::load_state(const tensor::Tensor& state) {
  tensor::require(tensor::Fault::bad_data, state.shape() == tensor::Shape{4} && state.dtype() == tensor::DType::f64,
                  "early stopping: the saved state is ", state.dtype(), " ", state.shape(),
                  ", expected f64 [4]; was the file edited?");
  const std::vector<double> values = state.to_vector<double>();
  best_ = values[0], best_at_ = static_cast<int64_t>(values[1]);
  waited_ = static_cast<int64_t>(values[2]), count_ = static_cast<int64_t>(values[3]);
}

}  // namespace nn
