// Emulation of the cuBLAS functions that the program calls: the CPU's products behind the vendor's signatures, which are
// column-major. Stands in for tensor/cuda/libraries.cu.
#include "tensor/cuda/libraries.h"

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
  return "";
}

}  // namespace tensor::cuda
