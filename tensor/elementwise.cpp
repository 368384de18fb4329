#include "tensor/elementwise.h"

#include <cstring>

#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace tensor {

namespace {

constexpr int64_t kGrain = 1 << 15;

void fill_cpu(Tensor& y, double value) {
  with_element(y, value, [&](auto v) {
    auto* p = y.data<decltype(v)>();
    parallel_for(y.size(), kGrain, [&](int64_t begin, int64_t end) { std::fill(p + begin, p + end, v); });
  });
}

void axpy_cpu(Tensor& y, double a, const Tensor& x) {
  check(y.shape() == x.shape() && y.dtype() == x.dtype(), "axpy: y is ", y.shape(), " ", y.dtype(), ", x is ", x.shape(), " ",
        x.dtype());
  for_real(y.dtype(), "axpy", [&](auto zero) {
    using T = decltype(zero);
    T* py = y.data<T>();
    const T* px = x.data<T>();
    parallel_for(y.size(), kGrain, [&](int64_t begin, int64_t end) {
      simd<T>().axpy(static_cast<T>(a), px + begin, py + begin, end - begin);
    });
  });
}

void add_cpu(const Tensor& x, const Tensor& y, Tensor& z) {
  check(x.shape() == y.shape() && x.dtype() == y.dtype() && z.shape() == y.shape(), "add: x is ", x.shape(), " ", x.dtype(),
        ", y is ", y.shape(), " ", y.dtype(), ", z is ", z.shape());
  for_real(z.dtype(), "add", [&](auto zero) {
    using T = decltype(zero);
    const T *px = x.data<T>(), *py = y.data<T>();
    T* pz = z.data<T>();
    parallel_for(z.size(), kGrain, [&](int64_t begin, int64_t end) {
      simd<T>().add(px + begin, py + begin, pz + begin, end - begin);
    });
  });
}

void copy_on_host(void* destination, Device to, const void* source, Device from, int64_t bytes) {
  require(Fault::resources, to == Device::cpu && from == Device::cpu, "copy: this binary has no CUDA support; use --device cpu");
  std::memcpy(destination, source, static_cast<size_t>(bytes));
}

CopyBytes device_copy = copy_on_host;

}  // namespace

constinit Kernel<void(Tensor&, double)> fill_kernel{"fill", fill_cpu};
constinit Kernel<void(const Tensor&, const Tensor&, Tensor&)> add{"add", add_cpu};
constinit Kernel<void(Tensor&, double, const Tensor&)> axpy_in_place{"axpy_in_place", axpy_cpu};

void set_device_copy(CopyBytes copy) { device_copy = copy; }

void copy_bytes(void* destination, Device to, const void* source, Device from, int64_t bytes) {
  if (bytes > 0) device_copy(destination, to, source, from, bytes);
}

}  // namespace tensor
