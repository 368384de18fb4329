// Whole-number division that rounds up; a >= 0, b > 0.
#pragma once

#include <cstdint>

namespace tensor {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

}  // namespace tensor
