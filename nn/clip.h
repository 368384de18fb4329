// Clipping by the global norm of all gradients.
#pragma once

#include "nn/parameters.h"

namespace nn {

struct Clip {
  double norm;   // sqrt of the sum of squares of all gradients; not finite when one of them is not
  double scale;  // min(1, max_norm / norm): give it to Optimizer::step, the gradients themselves stay as they are
};

// max_norm 0: no clipping, the norm only.
Clip clip_scale(const Parameters& parameters, double max_norm);

}  // namespace nn
