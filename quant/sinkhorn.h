// Sinkhorn's balanced assignment: rows choose codes such that all codes are chosen about equally often (Cuturi 2013; used
// for the last level by MQL4GRec and LETTER). In double and in the log domain: epsilon 0.003 makes exponents of +-333.
#pragma once

#include "tensor/kernel.h"

namespace quant {

using tensor::Tensor;

struct SinkhornOptions {
  double epsilon = 0.003;  // of the entropy, for distances centred to [-1, 1]
  int iterations = 50;
};

// Q f64 [n, K] for distances f32 or f64 [n, K]: exp(-d / epsilon) of the centred distances, its rows scaled to sum 1/n and
// its columns to 1/K in turns; times n; on the CPU. Centring subtracts the mid-range of the matrix and divides by half its range + 1e-5.
Tensor sinkhorn_plan(const Tensor& distances, const SinkhornOptions& options = {});

// The largest of each row of the plan, i32 [n], where the distances are; the lowest index on ties. Distances that are not
// finite are an Error on the CPU; a GPU, which is not waited for, gives 0.
Tensor sinkhorn_assign(const Tensor& distances, const SinkhornOptions& options = {});

namespace sinkhorn_kernels {
// logs f64 [n, K]: the logarithm of the plan divided by n.
extern tensor::Kernel<void(const Tensor& distances, const SinkhornOptions& options, Tensor& logs)> logarithms;
extern tensor::Kernel<void(const Tensor& logs, Tensor& index)> largest;
}  // namespace sinkhorn_kernels

}  // namespace quant
