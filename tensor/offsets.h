// Ragged batches: values [total, ...] and offsets [sequences+1]; sequence s is rows offsets[s] .. offsets[s+1].
#pragma once

#include <span>

#include "tensor/tensor.h"

namespace tensor {

// Offsets on the CPU must be i32 [sequences+1], begin with 0, never fall and end at `rows`; else an error that begins with
// `operation` and calls them `name`.
void require_offsets(const char* operation, const char* name, const Tensor& offsets, int64_t rows);

int64_t longest_sequence(std::span<const int32_t> offsets);  // rows of it; 0 without sequences

}  // namespace tensor
