#include "tensor/elementwise.h"

#include "tensor/cuda/map.h"

namespace tensor {

template <class T>
static void fill_as(Tensor& y, double value) {
  T* p = y.data<T>();
  const T v = static_cast<T>(value);
  cuda::for_each("fill", y.size(), [=] __device__(int64_t i) { p[i] = v; });
}

static void fill_cuda(Tensor& y, double value) {
  switch (y.dtype()) {
    case DType::f32: return fill_as<float>(y, value);
    case DType::f64: return fill_as<double>(y, value);
    case DType::i32: return fill_as<int32_t>(y, value);
    case DType::i64: return fill_as<int64_t>(y, value);
    case DType::u8: return fill_as<uint8_t>(y, value);
    case DType::bf16: break;
  }
  require(value == 0, "fill: bf16 tensors can only be filled with 0");
  auto* p = reinterpret_cast<uint16_t*>(y.raw());
  cuda::for_each("fill", y.size(), [=] __device__(int64_t i) { p[i] = 0; });
}

static void axpy_cuda(Tensor& y, double a, const Tensor& x) {
  check(y.shape() == x.shape(), "axpy: y is ", y.shape(), ", x is ", x.shape());
  const float factor = static_cast<float>(a);
  cuda::map("axpy", y, [=] __device__(float y, float x) { return y + factor * x; }, y, x);
}

static void add_cuda(Tensor& y, const Tensor& x) {
  check(y.shape() == x.shape(), "add_in_place: y is ", y.shape(), ", x is ", x.shape());
  cuda::map("add_in_place", y, [] __device__(float y, float x) { return y + x; }, y, x);
}

static const bool elementwise_bound =
    fill_kernel.bind_cuda(fill_cuda) && axpy_in_place.bind_cuda(axpy_cuda) && add_in_place.bind_cuda(add_cuda);

}  // namespace tensor
