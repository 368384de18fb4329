// Rows of a table by index: embeddings.
#pragma once

#include "autograd/var.h"
#include "tensor/kernel.h"

namespace autograd {

// y[i] = table[ids[i]] for table [n,d], ids i32 [m]; y is [m,d]. An id of -1 gives a row of zeros and takes no gradient.
// The gradient of the table is dense [n,d]: sums over equal ids, in the order in which they occur.
Var gather_rows(const Var& table, const Tensor& ids);

namespace gather_rows_kernels {  // seam between gather_rows.cpp (CPU) and gather_rows.cu (CUDA)
extern tensor::Kernel<void(const Tensor& table, const Tensor& ids, Tensor& y)> forward;
// add: to what dtable holds.
extern tensor::Kernel<void(const Tensor& dy, const Tensor& ids, bool add, Tensor& dtable)> backward;

// The positions of each id < rows, in order, i32: those of id r are position[start[r]] .. position[start[r + 1] - 1]. Of ids on
// the CPU.
struct Positions {
  Tensor start, position;
};
Positions sort_by_id(const Tensor& ids, int64_t rows);
}  // namespace gather_rows_kernels

}  // namespace autograd
