#include "tensor/cuda/libraries.h"

#include <dlfcn.h>

namespace tensor::cuda {

namespace {

constexpr const char* kFolders[] = {"", "/usr/local/cuda/lib64/", "/usr/local/cuda/targets/x86_64-linux/lib/"};

void* open_library(const std::string& name, std::string& tried) {
  for (const char* folder : kFolders) {
    if (void* library = dlopen((folder + name).c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    const char* reason = dlerror();
    if (tried.empty()) tried = reason ? reason : name + ": cannot be opened";
  }
  tried += " (also looked for in /usr/local/cuda)";
  return nullptr;
}

// Looks up the functions of one library; `missing` says what the first trouble was.
struct Functions {
  std::string name, missing;
  void* library = open_library(name, missing);

  template <class Function>
  void find(Function& function, const char* symbol) {
    if (library) function = reinterpret_cast<Function>(dlsym(library, symbol));
    if (!function && missing.empty()) missing = name + " has no " + symbol;
  }
};

}  // namespace

std::string open_blas(Blas& blas) {
  Functions of{"libcublas.so." + std::to_string(CUBLAS_VER_MAJOR), ""};
  of.find(blas.create, "cublasCreate_v2");
  of.find(blas.set_stream, "cublasSetStream_v2");
  of.find(blas.set_workspace, "cublasSetWorkspace_v2");
  of.find(blas.version, "cublasGetVersion_v2");
  of.find(blas.text_of, "cublasGetStatusString");
  of.find(blas.sgemm, "cublasSgemm_v2");
  of.find(blas.sgemm_strided_batched, "cublasSgemmStridedBatched");
  of.find(blas.gemm_ex, "cublasGemmEx_64");
  of.find(blas.gemm_strided_batched_ex, "cublasGemmStridedBatchedEx_64");
  return of.missing;
}

std::string open_sparse(Sparse& sparse) {
  Functions of{"libcusparse.so." + std::to_string(CUSPARSE_VER_MAJOR), ""};
  of.find(sparse.create, "cusparseCreate");
  of.find(sparse.set_stream, "cusparseSetStream");
  of.find(sparse.text_of, "cusparseGetErrorString");
  of.find(sparse.create_csr, "cusparseCreateCsr");
  of.find(sparse.create_dense, "cusparseCreateDnMat");
  of.find(sparse.destroy_csr, "cusparseDestroySpMat");
  of.find(sparse.destroy_dense, "cusparseDestroyDnMat");
  of.find(sparse.buffer_size, "cusparseSpMM_bufferSize");
  of.find(sparse.preprocess, "cusparseSpMM_preprocess");
  of.find(sparse.multiply, "cusparseSpMM");
  return of.missing;
}

}  // namespace tensor::cuda
