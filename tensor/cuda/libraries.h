// cuBLAS, opened when the device is chosen, and cuSPARSE, opened to be measured: the program itself links no NVIDIA library. Typed
// from the vendor's headers.
#pragma once

#include <cublas_v2.h>
#include <cusparse.h>

#include <string>

namespace tensor::cuda {

struct Blas {
  decltype(&cublasCreate_v2) create = nullptr;
  decltype(&cublasSetStream_v2) set_stream = nullptr;
  decltype(&cublasSetWorkspace_v2) set_workspace = nullptr;
  decltype(&cublasGetVersion_v2) version = nullptr;
  decltype(&cublasGetStatusString) text_of = nullptr;
  decltype(&cublasSgemm_v2) sgemm = nullptr;
  decltype(&cublasSgemmStridedBatched) sgemm_strided_batched = nullptr;
  decltype(&cublasGemmEx_64) gemm_ex = nullptr;  // of the others of this name there are several
  decltype(&cublasGemmStridedBatchedEx_64) gemm_strided_batched_ex = nullptr;
};

struct Sparse {
  decltype(&cusparseCreate) create = nullptr;
  decltype(&cusparseSetStream) set_stream = nullptr;
  decltype(&cusparseGetErrorString) text_of = nullptr;
  decltype(&cusparseCreateCsr) create_csr = nullptr;
  decltype(&cusparseCreateDnMat) create_dense = nullptr;
  decltype(&cusparseDestroySpMat) destroy_csr = nullptr;
  decltype(&cusparseDestroyDnMat) destroy_dense = nullptr;
  decltype(&cusparseSpMM_bufferSize) buffer_size = nullptr;
  decltype(&cusparseSpMM_preprocess) preprocess = nullptr;
  decltype(&cusparseSpMM) multiply = nullptr;
};

// Fill the tables. "" when all of it is there, otherwise what was tried.
std::string open_blas(Blas& blas);
std::string open_sparse(Sparse& sparse);

}  // namespace tensor::cuda
