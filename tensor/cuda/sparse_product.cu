#include "tensor/cuda/sparse_product.h"

#include "tensor/cuda/libraries.h"
#include "tensor/cuda/runtime.h"

namespace tensor::cuda {

namespace {

struct Library {
  Sparse functions;
  std::string missing = open_sparse(functions);
  cusparseHandle_t handle = nullptr;
};

Library& library() {
  static Library& opened = *new Library;  // never destroyed, as the device
  return opened;
}

void check_sparse(cusparseStatus_t status, const char* what) {
  require(Fault::resources, status == CUSPARSE_STATUS_SUCCESS, what, ": ", library().functions.text_of(status));
}

constexpr cusparseSpMMAlg_t kAlgorithm = CUSPARSE_SPMM_CSR_ALG2;  // the vendor's advice for row-major matrices
constexpr float kOne = 1, kZero = 0;

}  // namespace

std::string open_sparse_library() { return library().missing; }

struct SparseProduct::State {
  cusparseSpMatDescr_t a = nullptr;
  cusparseDnMatDescr_t x = nullptr, y = nullptr;
  Tensor workspace;
};

SparseProduct::SparseProduct(const Tensor& offsets, const Tensor& indices, const Tensor& values, const Tensor& x, Tensor& y)
    : state_(std::make_unique<State>()) {
  require(Fault::resources, library().missing.empty(), "cuSPARSE: ", library().missing);
  const Sparse& f = library().functions;
  cusparseHandle_t& handle = library().handle;
  if (!handle) check_sparse(f.create(&handle), "cuSPARSE");
  check_sparse(f.set_stream(handle, stream()), "cuSPARSE");
  check_sparse(f.create_csr(&state_->a, y.rows(), x.rows(), indices.size(), offsets.raw(), indices.raw(), values.raw(),
                            CUSPARSE_INDEX_32I, CUSPARSE_INDEX_32I, CUSPARSE_INDEX_BASE_ZERO, CUDA_R_32F),
               "cusparseCreateCsr");
  const auto dense = [&](cusparseDnMatDescr_t& descriptor, const Tensor& m) {
    check_sparse(f.create_dense(&descriptor, m.rows(), m.columns(), m.columns(), m.raw(), CUDA_R_32F, CUSPARSE_ORDER_ROW),
                 "cusparseCreateDnMat");
  };
  dense(state_->x, x), dense(state_->y, y);
  size_t bytes = 0;
  check_sparse(f.buffer_size(handle, CUSPARSE_OPERATION_NON_TRANSPOSE, CUSPARSE_OPERATION_NON_TRANSPOSE, &kOne, state_->a,
                             state_->x, &kZero, state_->y, CUDA_R_32F, kAlgorithm, &bytes),
               "cusparseSpMM_bufferSize");
  state_->workspace = Tensor({static_cast<int64_t>(bytes)}, DType::u8, Device::cuda);
  check_sparse(f.preprocess(handle, CUSPARSE_OPERATION_NON_TRANSPOSE, CUSPARSE_OPERATION_NON_TRANSPOSE, &kOne, state_->a,
                            state_->x, &kZero, state_->y, CUDA_R_32F, kAlgorithm, state_->workspace.raw()),
               "cusparseSpMM_preprocess");
}

SparseProduct::~SparseProduct() {
  const Sparse& f = library().functions;
  if (state_->a) f.destroy_csr(state_->a);
  if (state_->x) f.destroy_dense(state_->x);
  if (state_->y) f.destroy_dense(state_->y);
}

void SparseProduct::run() {
  count_launches(1);
  check_sparse(library().functions.multiply(library().handle, CUSPARSE_OPERATION_NON_TRANSPOSE, CUSPARSE_OPERATION_NON_TRANSPOSE,
                                            &kOne, state_->a, state_->x, &kZero, state_->y, CUDA_R_32F, kAlgorithm,
                                            state_->workspace.raw()),
               "cusparseSpMM");
}

}  // namespace tensor::cuda
