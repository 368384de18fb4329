// The steps of k-means that run where the data lives: seeding, measuring, filling, moving. The loop around them is kmeans.cpp.
#pragma once

#include "tensor/kernel.h"

namespace quant::kmeans_kernels {

using tensor::Tensor;

// k-means++: center c is the row drawn by uniforms[c], f64 [clusters] on the CPU, with probability proportional to the
// squared distance to the centers before it. chosen i32 [1]: how many centers were drawn before no row had a distance left;
// the rest of centers [clusters, d] is not filled.
extern tensor::Kernel<void(const Tensor& x, const Tensor& uniforms, Tensor& centers, Tensor& chosen)> seed;

// distances f64 [n]: the squared distance of each row to the center that its label, i32 [n], names, without the cancellation
// of |x|^2 + |y|^2 - 2 x.y: equal rows are at distance 0. summary f64 [2]: their sum, and how many centers no label names.
extern tensor::Kernel<void(const Tensor& x, const Tensor& centers, const Tensor& labels, Tensor& distances, Tensor& summary)>
    measure;

// Every center that no label names gets the row that is farthest from its own center, the first of equals, as long as one is not on
// its center; the row's distance becomes 0. distances and labels as measure() leaves them.
extern tensor::Kernel<void(Tensor& distances, Tensor& labels, int64_t clusters)> fill_empty;

// Centers become the means of their members; a center without members stays.
extern tensor::Kernel<void(const Tensor& x, const Tensor& labels, Tensor& centers)> move;

}  // namespace quant::kmeans_kernels
