// What the device has been asked for, on its way to the host while both go on.
#pragma once

#include <memory>

#include "tensor/tensor.h"

namespace tensor::cuda {

class Download {
 public:
  Download() = default;
  explicit Download(const Tensor& x);  // as the kernels launched so far leave it; of a tensor on the CPU it is that
  Tensor wait() const;                 // on the CPU

 private:
  struct Copy;
  Tensor there_;                // where there is nothing to wait for
  std::shared_ptr<Copy> copy_;
};

}  // namespace tensor::cuda
