// The part of `genrec selftest --device cuda` that goes beyond single operations: kernels without a derivative, optimisers,
// and whole models, trained for some steps on both devices. Limits as in autograd/device_check.h.
#pragma once

#include "autograd/device_check.h"

namespace genrec {

autograd::DeviceReport compare_kernels(uint64_t seed = 7);

// Losses, parameters after the steps, and recommendations of a T5, MACRec's generator, the MMGRec Transformer, its graph and its
// quantiser. In model_check.cpp.
autograd::DeviceReport compare_models(int steps, uint64_t seed = 7);

}  // namespace genrec
