// Emulation of the cuBLAS functions that the program calls: the CPU's products behind the vendor's signatures, which are
// column-major. Stands in for tensor/cuda/libraries.cu.
#include "tensor/cuda/libraries.h"

#include <vector>

#include "tensor/error.h"
#include "tensor/gemm.h"
#include "tests/cuda/emulation/fibers.h"
#include "tests/cuda/emulation/streams.h"

namespace {

// Column-major C = alpha op(A) op(B) + beta C is row-major C^T = op(B)^T op(A)^T.
cublasStatus_t sgemm(cublasHandle_t, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const float* alpha,
                     const float* a, int lda, const float* b, int ldb, const float* beta, float* c, int ldc) {
  for (const void* p : {static_cast<const void*>(a), static_cast<const void*>(b), static_cast<const void*>(c)}) {
    emulation::check_pointer("sgemm", p);
  }
  const bool good = lda >= (ta == CUBLAS_OP_N ? m : k) && ldb >= (tb == CUBLAS_OP_N ? k : n) && ldc >= m && *alpha == 1 &&
                    lda > 0 && ldb > 0 && ldc > 0 && (*beta == 0 || *beta == 1);
  if (!good) return CUBLAS_STATUS_INVALID_VALUE;
  emulation::submit_kernel([=, accumulate = *beta == 1] {
    tensor::gemm<float>(tb != CUBLAS_OP_N, ta != CUBLAS_OP_N, n, m, k, b, ldb, a, lda, c, ldc, {.accumulate = accumulate});
  });
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t sgemm_strided_batched(cublasHandle_t handle, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                                     const float* alpha, const float* a, int lda, long long a_stride, const float* b,
                                     int ldb, long long b_stride, const float* beta, float* c, int ldc, long long c_stride,
                                     int batch) {
  for (int i = 0; i < batch; ++i) {
    const cublasStatus_t status = sgemm(handle, ta, tb, m, n, k, alpha, a + i * a_stride, lda, b + i * b_stride, ldb, beta,
                                        c + i * c_stride, ldc);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
  }
  return CUBLAS_STATUS_SUCCESS;
}

// [rows, columns] of column-major bf16 as fp32, transposed into rows.
std::vector<float> widened(const void* x, int64_t rows, int64_t columns, int64_t ld) {
  const auto* bits = static_cast<const uint16_t*>(x);
  std::vector<float> values;
  for (int64_t j = 0; j < columns; ++j) {
    for (int64_t i = 0; i < rows; ++i) values.push_back(tensor::bf16_value(bits[j * ld + i]));
  }
  return values;
}

cublasStatus_t gemm_ex(cublasHandle_t, cublasOperation_t ta, cublasOperation_t tb, int64_t m, int64_t n, int64_t k,
                       const void* alpha, const void* a, cudaDataType a_type, int64_t lda, const void* b, cudaDataType b_type,
                       int64_t ldb, const void* beta, void* c, cudaDataType c_type, int64_t ldc, cublasComputeType_t compute,
                       cublasGemmAlgo_t) {
  for (const void* p : {a, b, static_cast<const void*>(c)}) emulation::check_pointer("gemm_ex", p);
  const int64_t a_rows = ta == CUBLAS_OP_N ? m : k, b_rows = tb == CUBLAS_OP_N ? k : n;
  const float one = *static_cast<const float*>(alpha), more = *static_cast<const float*>(beta);
  const bool good = a_type == CUDA_R_16BF && b_type == CUDA_R_16BF && c_type == CUDA_R_32F && compute == CUBLAS_COMPUTE_32F &&
                    lda >= a_rows && ldb >= b_rows && ldc >= m && lda > 0 && ldb > 0 && one == 1 && (more == 0 || more == 1);
  if (!good) return CUBLAS_STATUS_INVALID_VALUE;
  emulation::submit_kernel([=] {
    const std::vector<float> wide_a = widened(a, a_rows, m + k - a_rows, lda), wide_b = widened(b, b_rows, k + n - b_rows, ldb);
    tensor::gemm<float>(tb != CUBLAS_OP_N, ta != CUBLAS_OP_N, n, m, k, wide_b.data(), b_rows, wide_a.data(), a_rows,
                        static_cast<float*>(c), ldc, {.accumulate = more == 1});
  });
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t gemm_strided_batched_ex(cublasHandle_t handle, cublasOperation_t ta, cublasOperation_t tb, int64_t m,
                                       int64_t n, int64_t k, const void* alpha, const void* a, cudaDataType a_type,
                                       int64_t lda, long long a_stride, const void* b, cudaDataType b_type, int64_t ldb,
                                       long long b_stride, const void* beta, void* c, cudaDataType c_type, int64_t ldc,
                                       long long c_stride, int64_t batch, cublasComputeType_t compute, cublasGemmAlgo_t how) {
  for (int64_t i = 0; i < batch; ++i) {
    const auto* ai = static_cast<const uint16_t*>(a) + i * a_stride;
    const auto* bi = static_cast<const uint16_t*>(b) + i * b_stride;
    const cublasStatus_t status = gemm_ex(handle, ta, tb, m, n, k, alpha, ai, a_type, lda, bi, b_type, ldb, beta,
                                          static_cast<float*>(c) + i * c_stride, c_type, ldc, compute, how);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
  }
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

namespace tensor::cuda {

std::string open_blas(Blas& blas) {
  blas.create = [](cublasHandle_t* handle) { return *handle = nullptr, CUBLAS_STATUS_SUCCESS; };
  blas.set_stream = [](cublasHandle_t, cudaStream_t) { return CUBLAS_STATUS_SUCCESS; };
  blas.set_workspace = [](cublasHandle_t, void*, size_t) { return CUBLAS_STATUS_SUCCESS; };
  blas.version = [](cublasHandle_t, int* version) { return *version = 0, CUBLAS_STATUS_SUCCESS; };
  blas.text_of = [](cublasStatus_t) { return "emulated error"; };
  blas.sgemm = sgemm;
  blas.sgemm_strided_batched = sgemm_strided_batched;
  blas.gemm_ex = gemm_ex;
  blas.gemm_strided_batched_ex = gemm_strided_batched_ex;
  return "";
}

}  // namespace tensor::cuda
