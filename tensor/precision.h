// The precision of a model's matrix products, chosen once for the program. With bf16 they take both inputs rounded to bf16 (ties
// to even) and add up in fp32. What consults it: linear, matmul, batched_matmul, attention, joined_projections, feed_forward,
// their gradients, and packed weights. Everything else, and every product in f64, is as in fp32; tensors in memory are f32 either way.
#pragma once

#include <cstdint>
#include <string_view>

namespace tensor {

enum class Precision : uint8_t { fp32, bf16 };

const char* name_of(Precision precision);
Precision precision();  // in use; fp32 at the start
void set_precision(Precision precision);
Precision precision_named(std::string_view name);  // "fp32" or "bf16", else an error

// The precision for as long as it lives.
class PrecisionScope {
 public:
  explicit PrecisionScope(Precision inside) : before_(precision()) { set_precision(inside); }
  ~PrecisionScope() { set_precision(before_); }
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  Precision before_;
};

// The bits of x rounded to bf16, and the value of such bits. A NaN stays one.
constexpr uint16_t bf16_bits(float x) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
constexpr float bf16_value(uint16_t bits) { return __builtin_bit_cast(float, static_cast<uint32_t>(bits) << 16); }
constexpr float round_bf16(float x) { return bf16_value(bf16_bits(x)); }

}  // namespace tensor
