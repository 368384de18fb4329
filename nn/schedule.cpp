#include "nn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tensor/error.h"

namespace nn {

ScheduleShape schedule_shape(std::string_view name) {
  if (name == "constant") return ScheduleShape::constant;
  if (name == "cosine") return ScheduleShape::cosine;
  if (name == "linear") return ScheduleShape::linear;
  tensor::fail(tensor::Fault::usage, "schedule: '", name, "' is none; use constant, cosine or linear");
}

double Schedule::multiplier(int64_t step) const {
  if (step < warmup_steps) return static_cast<double>(step) / static_cast<double>(warmup_steps);
  if (shape == ScheduleShape::constant) return 1;
  const double span = static_cast<double>(std::max<int64_t>(1, total_steps - warmup_steps));
  const double progress = std::min(1.0, static_cast<double>(step - warmup_steps) / span);
  return shape == ScheduleShape::linear ? 1 - progress : 0.5 * (1 + std::cos(std::numbers::pi * progress));
}

}  // namespace nn
