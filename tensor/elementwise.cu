#include "tensor/elementwise.h"

#include "tensor/cuda/map.h"

namespace tensor {

template <class T>
static void fill_with(Tensor& y, T value) {
  T* p = y.data<T>();
  cuda::for_each("fill", y.size(), [=] __device__(int64_t i) { p[i] = value; });
}

static void fill_cuda(Tensor& y, double value) {
  with_element(y, value, [&](auto v) { fill_with(y, v); });
}

static void axpy_cuda(Tensor& y, double a, const Tensor& x) {
  check(y.shape() == x.shape(), "axpy: y is ", y.shape(), ", x is ", x.shape());
  const float factor = static_cast<float>(a);
  cuda::map("axpy", y, [=] __device__(float y, float x) { return y + factor * x; }, y, x);
}

static void add_cuda(const Tensor& x, const Tensor& y, Tensor& z) {
  check(x.shape() == y.shape() && z.shape() == y.shape(), "add: x is ", x.shape(), ", y is ", y.shape(), ", z is ", z.shape());
  cuda::map("add", z, [] __device__(float x, float y) { return x + y; }, x, y);
}

static const bool elementwise_bound =
    fill_kernel.bind_cuda(fill_cuda) && axpy_in_place.bind_cuda(axpy_cuda) && add.bind_cuda(add_cuda);

}  // namespace tensor
