// NumPy's .npy files: one array of numbers in C order, format versions 1 to 3. Pickled (object) arrays are refused.
#pragma once

#include <string>

#include "tensor/tensor.h"

namespace tensor {

// f2, f4 and f8 become f32; i4 and i8 become i32 and i64. `array` is what messages call the array ("visual
// features"), `rank` the number of dimensions it must have; 0: any.
Tensor read_npy(const std::string& path, const std::string& array = "array", int rank = 0);

void write_npy(const std::string& path, const Tensor& value);  // f32, i32 or i64; replaces the file in one step

}  // namespace tensor
