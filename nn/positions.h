// Positions in the sequences of a ragged batch, and their fixed sinusoidal encoding (Vaswani et al. 2017, section 3.5).
#pragma once

#include "autograd/var.h"

namespace nn {

// Place of every token in its sequence: offsets i32 [sequences+1] -> i32 [tokens], on the CPU.
tensor::Tensor positions_of(const tensor::Tensor& offsets);
tensor::Tensor positions_from_end(const tensor::Tensor& offsets);  // the last token of a sequence has 0

// table[pos, 2k] = sin(pos / 10000^(2k/width)), table[pos, 2k+1] = cos of the same. [positions, width], width even.
tensor::Tensor sinusoids(int64_t positions, int64_t width, tensor::DType dtype = tensor::DType::f32);

}  // namespace nn
