// Element types of a tensor, and the step from a run-time type to a compile-time one.
#pragma once

#include <cstdint>
#include <ostream>

#include "tensor/error.h"

namespace tensor {

enum class DType : uint8_t { f32, f64, bf16, i32, i64, u8 };

struct bf16 {  // storage only: the upper half of an IEEE single
  uint16_t bits;
};

constexpr int64_t size_of(DType type) {
  switch (type) {
    case DType::f64:
    case DType::i64: return 8;
    case DType::f32:
    case DType::i32: return 4;
    case DType::bf16: return 2;
    case DType::u8: return 1;
  }
  return 0;
}

const char* name_of(DType type);
inline std::ostream& operator<<(std::ostream& out, DType type) { return out << name_of(type); }

template <class T> inline constexpr DType dtype_of = DType::u8;
template <> inline constexpr DType dtype_of<float> = DType::f32;
template <> inline constexpr DType dtype_of<double> = DType::f64;
template <> inline constexpr DType dtype_of<bf16> = DType::bf16;
template <> inline constexpr DType dtype_of<int32_t> = DType::i32;
template <> inline constexpr DType dtype_of<int64_t> = DType::i64;

// Calls f(T{}) for the element type.
template <class F>
void for_type(DType type, F&& f) {
  switch (type) {
    case DType::f32: return f(float{});
    case DType::f64: return f(double{});
    case DType::bf16: return f(bf16{});
    case DType::i32: return f(int32_t{});
    case DType::i64: return f(int64_t{});
    case DType::u8: return f(uint8_t{});
  }
}

// Calls f(T{}) with T = float or double; any other type is an error that names the operation.
template <class F>
decltype(auto) for_real(DType type, const char* operation, F&& f) {
  if (type == DType::f32) return f(float{});
  require(type == DType::f64, operation, ": needs f32 or f64, got ", type);
  return f(double{});
}

}  // namespace tensor
