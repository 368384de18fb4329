// What `train --profiler` and `evaluate --profiler` show: a table of operations, and how much of the machine's peaks they reach.
#pragma once

#include <string>

#include "tensor/bench.h"
#include "tensor/profile.h"

namespace cli {

// Calls, time, share of the time, rate and share of the peak by operation; what took less than a thousandth is
// left out, but for the first ten.
std::string profile_table(const tensor::Profile& profile, const tensor::Peaks& machine);

}  // namespace cli
