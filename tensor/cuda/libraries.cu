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

}  // namespace

std::string open_blas(Blas& blas) {
  const std::string name = "libcublas.so." + std::to_string(CUBLAS_VER_MAJOR);
  std::string missing;
  void* library = open_library(name, missing);
  if (!library) return missing;
  const auto find = [&](auto& function, const char* symbol) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, symbol));
    if (!function && missing.empty()) missing = name + " has no " + symbol;
  };
  find(blas.create, "cublasCreate_v2");
  find(blas.set_stream, "cublasSetStream_v2");
  find(blas.set_workspace, "cublasSetWorkspace_v2");
  find(blas.version, "cublasGetVersion_v2");
  find(blas.text_of, "cublasGetStatusString");
  find(blas.sgemm, "cublasSgemm_v2");
  find(blas.sgemm_strided_batched, "cublasSgemmStridedBatched");
  find(blas.gemm_ex, "cublasGemmEx_64");
  find(blas.gemm_strided_batched_ex, "cublasGemmStridedBatchedEx_64");
  return missing;
}

}  // namespace tensor::cuda
