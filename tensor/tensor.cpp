#include "tensor/tensor.h"

#include <cstring>

#include "tensor/allocator.h"
#include "tensor/elementwise.h"

namespace tensor {

namespace {

float widen(bf16 x) {
  const uint32_t bits = uint32_t{x.bits} << 16;
  float y;
  std::memcpy(&y, &bits, sizeof y);
  return y;
}

bf16 narrow(float x) {  // round to nearest, ties to even; NaN stays NaN
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16)};
}

template <class From>
double read(From x) {
  if constexpr (std::is_same_v<From, bf16>) return widen(x);
  else return static_cast<double>(x);
}

template <class To>
To write(double x) {
  if constexpr (std::is_same_v<To, bf16>) return narrow(static_cast<float>(x));
  else return static_cast<To>(x);
}

}  // namespace

Tensor::Tensor(Shape shape, DType dtype, Device device)
    : shape_(shape), dtype_(dtype), device_(device), memory_(allocate(shape.size() * size_of(dtype), device)) {}

Tensor Tensor::zeros(Shape shape, DType dtype, Device device) { return full(shape, 0, dtype, device); }

Tensor Tensor::full(Shape shape, double value, DType dtype, Device device) {
  Tensor y(shape, dtype, device);
  y.fill(value);
  return y;
}

Tensor Tensor::scalar(double value, DType dtype, Device device) { return full({}, value, dtype, device); }

template <class T>
Tensor Tensor::from(std::span<const T> values, Shape shape) {
  require(static_cast<int64_t>(values.size()) == shape.size(), "tensor: ", values.size(), " values for shape ", shape);
  Tensor y(shape, dtype_of<T>);
  copy_bytes(y.raw(), Device::cpu, values.data(), Device::cpu, y.bytes());
  return y;
}

Tensor Tensor::reshape(Shape shape) const {
  require(shape.size() == size(), "reshape: ", shape_, " has ", size(), " elements, ", shape, " has ", shape.size());
  Tensor y = *this;
  y.shape_ = shape;
  return y;
}

Tensor Tensor::row_range(int64_t begin, int64_t end) const {
  require(shape_.rank() >= 1 && begin >= 0 && begin <= end && end <= shape_[0], "row_range: [", begin, ",", end, ") of ", shape_);
  Tensor y = *this;
  y.shape_ = shape_.with(0, end - begin);
  const int64_t row_bytes = shape_[0] == 0 ? 0 : bytes() / shape_[0];
  y.memory_ = std::shared_ptr<std::byte>(memory_, memory_.get() + begin * row_bytes);
  y.rounded_ = nullptr;
  return y;
}

Tensor Tensor::rounded() const {
  Tensor y;
  if (rounded_) y.shape_ = shape_, y.dtype_ = DType::bf16, y.device_ = device_, y.memory_ = rounded_;
  return y;
}

void Tensor::set_rounded(const Tensor& rounded) {
  check(!rounded.defined() || (rounded.shape_ == shape_ && rounded.dtype_ == DType::bf16 && rounded.device_ == device_),
        "rounded elements: ", rounded.dtype_, " ", rounded.shape_, " of a tensor ", shape_);
  rounded_ = rounded.memory_;
}

Tensor Tensor::clone() const {
  Tensor y = like(*this);
  copy_bytes(y.raw(), device_, raw(), device_, bytes());
  return y;
}

Tensor Tensor::to(Device device) const {
  if (device == device_) return *this;
  Tensor y(shape_, dtype_, device);
  copy_bytes(y.raw(), device, raw(), device_, bytes());
  return y;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_) return *this;
  check(device_ == Device::cpu, "conversion from ", dtype_, " to ", dtype, " happens on the CPU");
  Tensor y(shape_, dtype);
  for_type(dtype_, [&](auto from) {
    for_type(dtype, [&](auto to) {
      const auto* source = data<decltype(from)>();
      auto* target = y.data<decltype(to)>();
      for (int64_t i = 0; i < size(); ++i) target[i] = write<decltype(to)>(read(source[i]));
    });
  });
  return y;
}

void Tensor::copy_from(const Tensor& other) {
  require(other.shape_ == shape_ && other.dtype_ == dtype_, "copy: from ", other.shape_, " ", other.dtype_, " to ", shape_, " ",
          dtype_);
  rounded_ = nullptr;
  copy_bytes(raw(), device_, other.raw(), other.device_, bytes());
}

void Tensor::fill(double value) { fill_kernel(*this, value); }

double Tensor::item() const {
  require(size() == 1, "item: the tensor is ", shape_, ", not one element");
  const Tensor host = to(Device::cpu);
  double value = 0;
  for_type(dtype_, [&](auto type) { value = read(*host.data<decltype(type)>()); });
  return value;
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  const Tensor host = to(Device::cpu);
  const T* p = host.data<T>();
  return std::vector<T>(p, p + size());
}

template Tensor Tensor::from(std::span<const float>, Shape);
template Tensor Tensor::from(std::span<const double>, Shape);
template Tensor Tensor::from(std::span<const int32_t>, Shape);
template Tensor Tensor::from(std::span<const int64_t>, Shape);
template Tensor Tensor::from(std::span<const uint8_t>, Shape);
template std::vector<float> Tensor::to_vector() const;
template std::vector<double> Tensor::to_vector() const;
template std::vector<int32_t> Tensor::to_vector() const;
template std::vector<int64_t> Tensor::to_vector() const;
template std::vector<uint8_t> Tensor::to_vector() const;

}  // namespace tensor
