// How a parameter starts. An initialiser fills a CPU tensor of f32 or f64; every element is a function of the random stream
// and its index, so a start depends on the seed and the parameter's name only.
#pragma once

#include <functional>
#include <vector>

#include "tensor/random.h"
#include "tensor/tensor.h"

namespace nn {

using Initializer = std::function<void(tensor::Tensor& w, const tensor::Random& random)>;

Initializer zeros();
Initializer ones();
Initializer uniform(double low, double high);
Initializer normal(double deviation);
Initializer normal_blocks(std::vector<double> deviations);  // equal blocks of columns side by side, one deviation each
Initializer from(tensor::Tensor values);  // a copy, converted to the parameter's element type

// Glorot and Bengio (2010): uniform in +-sqrt(6 / (in + out)), normal with variance 2 / (in + out). For w [..., in, out].
Initializer xavier_uniform();
Initializer xavier_normal();
// For matrices that hold several side by side, such as the heads of an attention: the fan of one of them.
Initializer xavier_uniform(int64_t fan_in, int64_t fan_out);

}  // namespace nn
