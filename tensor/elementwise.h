// Kernels on whole tensors that have no derivative of their own: moving, filling, converting, accumulating.
#pragma once

#include <type_traits>

#include "tensor/kernel.h"

namespace tensor {

extern Kernel<void(Tensor& y, double value)> fill_kernel;
// For its implementations: calls f(v), v being `value` as an element of y.
template <class F>
void with_element(const Tensor& y, double value, F&& f) {
  require(y.dtype() != DType::bf16 || value == 0, "fill: bf16 tensors can only be filled with 0");
  for_type(y.dtype(), [&](auto v) {
    if constexpr (!std::is_same_v<decltype(v), bf16>) v = static_cast<decltype(v)>(value);
    f(v);
  });
}
extern Kernel<void(const Tensor& x, const Tensor& y, Tensor& z)> add;  // z = x + y, and may be either; f32 or f64
extern Kernel<void(Tensor& y, double a, const Tensor& x)> axpy_in_place;  // y += a x; f32 or f64

// Copies bytes between any two devices. The CUDA translation unit installs the real one.
using CopyBytes = void (*)(void* destination, Device destination_device, const void* source, Device source_device, int64_t bytes);
void set_device_copy(CopyBytes copy);
void copy_bytes(void* destination, Device destination_device, const void* source, Device source_device, int64_t bytes);

}  // namespace tensor
