// Clipping by the global norm of all gradients.
#pragma once

#include <span>

#include "nn/parameters.h"
#include "tensor/kernel.h"

namespace nn {

// f64 of one element each, on the device of the gradients: nothing waits for them.
struct Clip {
  Tensor norm;   // sqrt of the sum of squares of all gradients; not finite when one of them is not
  Tensor scale;  // min(1, max_norm / norm): give it to Optimizer::step, the gradients themselves stay as they are
};

// max_norm 0: no clipping, the norm only.
Clip clip_scale(const Parameters& parameters, double max_norm);

namespace clip_kernels {  // seam between clip.cpp (CPU) and clip.cu (CUDA); `first` chooses the device
extern tensor::Kernel<void(const Tensor& first, std::span<const Tensor> gradients, double max_norm, Clip& clip)> measure;
}

}  // namespace nn
