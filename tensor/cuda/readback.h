// Numbers of the device that the host gets a little later, without ever waiting for them.
#pragma once

#include <memory>
#include <span>

#include "tensor/tensor.h"

namespace tensor::cuda {

class Readback {
 public:
  Readback();
  ~Readback();

  // Puts what an earlier call asked for into `values`, if it has arrived: then true. Asks for x, f64 on the device, as the
  // kernels launched so far leave it, unless an answer is still on its way.
  bool poll(const Tensor& x, std::span<double> values);
  void drop();  // an answer on its way is out of date

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tensor::cuda
