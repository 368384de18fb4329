// Finds out where numbers stopped being finite, and stops the run with an error that says so.
#pragma once

#include "nn/parameters.h"

namespace nn {

// Index of the first NaN or infinity, -1 when there is none.
int64_t first_not_finite(const Tensor& x);

// After the forward pass, before the backward pass empties the tape: names the first parameter, else the first recorded
// operation with its module, that is not finite.
void require_finite_loss(double loss, int64_t step, const Parameters& parameters, const autograd::Tape& tape);

// After the backward pass, with the norm from clip_scale(): names the first parameter whose gradient is not finite.
void require_finite_gradients(double norm, int64_t step, const Parameters& parameters);

}  // namespace nn
