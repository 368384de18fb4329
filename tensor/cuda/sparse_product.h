// cuSPARSE's product of a sparse matrix in compressed rows with a dense one: what graph/spmm.cu is measured against. The program
// computes with its own kernel, whose result is the same in every run.
#pragma once

#include <memory>

#include "tensor/tensor.h"

namespace tensor::cuda {

// "" when cuSPARSE can be opened, otherwise what was missing. open() (tensor/cuda/device.h) must have succeeded.
std::string open_sparse_library();

// y[rows, D] = A x of x[columns, D]. offsets i32 [rows + 1], indices i32 and values f32 [entries], all on the device; they, x and
// y must live as long as the plan, which prepares the product once.
class SparseProduct {
 public:
  SparseProduct(const Tensor& offsets, const Tensor& indices, const Tensor& values, const Tensor& x, Tensor& y);
  ~SparseProduct();
  SparseProduct(const SparseProduct&) = delete;
  SparseProduct& operator=(const SparseProduct&) = delete;
  void run();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tensor::cuda
