// The comparison of devices: what runs on the CPU runs on CUDA too, in fp32, within stated limits, and gives the same bits
// each time. Part of `genrec selftest --device cuda`.
#pragma once

#include <string>
#include <vector>

#include "autograd/op.h"

namespace autograd {

struct DeviceReport {
  int cases = 0;
  int64_t values = 0;
  double largest_error = 0;           // relative to its limit; 1 is the limit
  std::vector<std::string> failures;  // one line each; empty: all is well
};

// Calls run(cpu) once and run(cuda) twice; each returns its results in the same order, on any device. A result may differ by
// `limit` times the largest value of its tensor on the CPU (0: not at all); both runs on CUDA must give the same bits.
void compare_devices(const std::string& name, double limit, const std::function<std::vector<Tensor>(tensor::Device)>& run,
                     DeviceReport& report);

// The values and the gradients of every operation whose name contains `filter`, on its samples and on larger ones. No match
// is a failure.
DeviceReport compare_operations(const std::string& filter = "", uint64_t seed = 7);

// Samples of sizes that take several blocks and warps on a device: the operation's name, and the sample.
std::vector<std::pair<std::string, Sample>> large_samples(tensor::Generator& rng);

// The limit of an operation, as above.
double device_limit(const std::string& operation);

}  // namespace autograd
