// The learning rate over the steps of a run, as a multiple of the base rate.
#pragma once

#include <cstdint>
#include <string_view>

namespace nn {

enum class ScheduleShape { constant, cosine, linear };
ScheduleShape schedule_shape(std::string_view name);  // "constant", "cosine", "linear"

// Rises linearly from 0 over the warm-up steps, then stays at 1 (constant), or falls to 0 at the last step along half a
// cosine or a straight line.
struct Schedule {
  ScheduleShape shape = ScheduleShape::constant;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;  // planned; not used by constant

  double multiplier(int64_t step) const;  // step counts from 0
};

}  // namespace nn
