// Emulation of the cuSPARSE functions that the program calls, for fp32 in compressed rows and row-major matrices. Stands in for
// tensor/cuda/libraries.cu.
#include "tensor/cuda/libraries.h"
#include "tests/cuda/emulation/fibers.h"
#include "tests/cuda/emulation/streams.h"

struct cusparseSpMatDescr {
  int64_t rows, columns;
  const int32_t *offsets, *indices;
  const float* values;
};
struct cusparseDnMatDescr {
  int64_t rows, columns, ld;
  float* values;
};

namespace {

constexpr size_t kWorkspace = 64;

cusparseStatus_t create_csr(cusparseSpMatDescr_t* a, int64_t rows, int64_t columns, int64_t, void* offsets, void* indices,
                            void* values, cusparseIndexType_t offset_type, cusparseIndexType_t index_type,
                            cusparseIndexBase_t base, cudaDataType type) {
  const bool good = offset_type == CUSPARSE_INDEX_32I && index_type == CUSPARSE_INDEX_32I &&
                    base == CUSPARSE_INDEX_BASE_ZERO && type == CUDA_R_32F;
  if (!good) return CUSPARSE_STATUS_INVALID_VALUE;
  for (const void* p : {offsets, indices, values}) emulation::check_pointer("cusparseCreateCsr", p);
  *a = new cusparseSpMatDescr{rows, columns, static_cast<const int32_t*>(offsets), static_cast<const int32_t*>(indices),
                              static_cast<const float*>(values)};
  return CUSPARSE_STATUS_SUCCESS;
}

cusparseStatus_t create_dense(cusparseDnMatDescr_t* x, int64_t rows, int64_t columns, int64_t ld, void* values,
                              cudaDataType type, cusparseOrder_t order) {
  if (type != CUDA_R_32F || order != CUSPARSE_ORDER_ROW || ld < columns) return CUSPARSE_STATUS_INVALID_VALUE;
  emulation::check_pointer("cusparseCreateDnMat", values);
  *x = new cusparseDnMatDescr{rows, columns, ld, static_cast<float*>(values)};
  return CUSPARSE_STATUS_SUCCESS;
}

cusparseStatus_t multiply(cusparseHandle_t, cusparseOperation_t of_a, cusparseOperation_t of_x, const void* alpha,
                          cusparseConstSpMatDescr_t a, cusparseConstDnMatDescr_t x, const void* beta, cusparseDnMatDescr_t y,
                          cudaDataType type, cusparseSpMMAlg_t, void* workspace) {
  emulation::check_pointer("cusparseSpMM", workspace);
  const bool good = of_a == CUSPARSE_OPERATION_NON_TRANSPOSE && of_x == of_a && *static_cast<const float*>(alpha) == 1 &&
                    *static_cast<const float*>(beta) == 0 && type == CUDA_R_32F && workspace && a->columns == x->rows &&
                    a->rows == y->rows && x->columns == y->columns;
  if (!good) return CUSPARSE_STATUS_INVALID_VALUE;
  emulation::submit_kernel([a = *a, x = *x, y = *y] {
    for (int64_t r = 0; r < a.rows; ++r) {
      float* row = y.values + r * y.ld;
      std::fill(row, row + y.columns, 0.f);
      for (int32_t e = a.offsets[r]; e < a.offsets[r + 1]; ++e) {
        for (int64_t j = 0; j < y.columns; ++j) row[j] += a.values[e] * x.values[a.indices[e] * x.ld + j];
      }
    }
  });
  return CUSPARSE_STATUS_SUCCESS;
}

}  // namespace

namespace tensor::cuda {

std::string open_sparse(Sparse& sparse) {
  sparse.create = [](cusparseHandle_t* handle) {
    static int anything;
    return *handle = reinterpret_cast<cusparseHandle_t>(&anything), CUSPARSE_STATUS_SUCCESS;
  };
  sparse.set_stream = [](cusparseHandle_t, cudaStream_t) { return CUSPARSE_STATUS_SUCCESS; };
  sparse.text_of = [](cusparseStatus_t) { return "emulated error"; };
  sparse.create_csr = create_csr;
  sparse.create_dense = create_dense;
  sparse.destroy_csr = [](cusparseConstSpMatDescr_t a) { return delete a, CUSPARSE_STATUS_SUCCESS; };
  sparse.destroy_dense = [](cusparseConstDnMatDescr_t x) { return delete x, CUSPARSE_STATUS_SUCCESS; };
  sparse.buffer_size = [](cusparseHandle_t, cusparseOperation_t, cusparseOperation_t, const void*, cusparseConstSpMatDescr_t,
                          cusparseConstDnMatDescr_t, const void*, cusparseDnMatDescr_t, cudaDataType, cusparseSpMMAlg_t,
                          size_t* bytes) { return *bytes = kWorkspace, CUSPARSE_STATUS_SUCCESS; };
  sparse.preprocess = [](cusparseHandle_t, cusparseOperation_t, cusparseOperation_t, const void*, cusparseConstSpMatDescr_t,
                         cusparseConstDnMatDescr_t, const void*, cusparseDnMatDescr_t, cudaDataType, cusparseSpMMAlg_t,
                         void*) { return CUSPARSE_STATUS_SUCCESS; };
  sparse.multiply = multiply;
  return "";
}

}  // namespace tensor::cuda
