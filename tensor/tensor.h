// A dense array: shape, element type, device, shared memory. Always contiguous and row-major. Copying a Tensor copies the
// handle, not the elements. No notion of a derivative: see autograd/var.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace tensor {

class Tensor {
 public:
  Tensor() = default;  // undefined
  explicit Tensor(Shape shape, DType dtype = DType::f32, Device device = Device::cpu);  // elements are uninitialised

  static Tensor zeros(Shape shape, DType dtype = DType::f32, Device device = Device::cpu);
  static Tensor full(Shape shape, double value, DType dtype = DType::f32, Device device = Device::cpu);
  static Tensor like(const Tensor& other) { return Tensor(other.shape(), other.dtype(), other.device()); }
  static Tensor scalar(double value, DType dtype = DType::f32, Device device = Device::cpu);  // rank 0
  template <class T>
  static Tensor from(std::span<const T> values, Shape shape);  // copies to the CPU
  template <class T>
  static Tensor from(const std::vector<T>& values, Shape shape) { return from(std::span<const T>(values), shape); }
  template <class T>
  static Tensor from(const std::vector<T>& values) { return from(values, {static_cast<int64_t>(values.size())}); }

  bool defined() const { return memory_ != nullptr; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  int64_t size() const { return shape_.size(); }
  int64_t rows() const { return shape_.rows(); }
  int64_t columns() const { return shape_.columns(); }
  int64_t bytes() const { return size() * size_of(dtype_); }

  // The elements; T must be the element type. On a CUDA tensor the pointer is a device pointer.
  template <class T>
  T* data() { check_type(dtype_of<T>); if (rounded_) rounded_ = nullptr; return reinterpret_cast<T*>(raw()); }
  template <class T>
  const T* data() const { check_type(dtype_of<T>); return reinterpret_cast<const T*>(raw()); }
  template <class T>
  std::span<T> span() { return {data<T>(), static_cast<size_t>(size())}; }
  template <class T>
  std::span<const T> span() const { return {data<T>(), static_cast<size_t>(size())}; }
  std::byte* raw() const { return memory_.get(); }

  // The elements in bf16, where what made them rounded them too, for products that read them so; else undefined. Copies of this
  // handle have it as well. Asking for the elements to write them drops it; other handles of the memory do not notice that. Without
  // it, several threads may ask.
  Tensor rounded() const;
  void set_rounded(const Tensor& rounded);  // of the same shape, or undefined

  std::weak_ptr<std::byte> memory() const { return memory_; }  // tells whether this memory is still the same
  bool sole() const { return memory_.use_count() == 1; }       // no other tensor shares the memory

  Tensor reshape(Shape shape) const;                   // same elements, same memory
  Tensor row_range(int64_t begin, int64_t end) const;  // rows [begin, end) of the first dimension, same memory
  Tensor clone() const;
  Tensor to(Device device) const;  // itself when already there
  Tensor to(DType dtype) const;    // itself when already so; CPU only
  void copy_from(const Tensor& other);  // same shape and type; any devices
  void fill(double value);
  double item() const;  // the only element, as double; synchronises with the device
  template <class T>
  std::vector<T> to_vector() const;  // on the host

 private:
  void check_type(DType wanted) const {
    check(dtype_ == wanted, "tensor holds ", dtype_, ", asked for ", wanted);
  }

  Shape shape_;
  DType dtype_ = DType::f32;
  Device device_ = Device::cpu;
  std::shared_ptr<std::byte> memory_;
  std::shared_ptr<std::byte> rounded_;  // bf16
};

}  // namespace tensor
