// The comparison of devices: what runs on the CPU runs on CUDA too, in the precision in use, within stated limits, and gives the
// same bits each time; and that of precisions. Part of `genrec selftest --device cuda` and `--precision bf16`.
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

// Calls first() once and second() twice; each returns its results in the same order. A result of second may differ by `limit`
// times the largest value of its tensor in first (0: not at all); both runs of second must give the same bits.
using Results = std::vector<Tensor>;
void compare_results(const std::string& name, double limit, const std::function<Results()>& first,
                     const std::function<Results()>& second, DeviceReport& report);

// The same with run(cpu) and run(cuda).
void compare_devices(const std::string& name, double limit, const std::function<std::vector<Tensor>(tensor::Device)>& run,
                     DeviceReport& report);

// The values and the gradients of every operation whose name contains `filter`, on its samples and on larger ones. No match
// is a failure.
DeviceReport compare_operations(const std::string& filter = "", uint64_t seed = 7);

// The same operations and samples on the CPU, in bf16 against fp32, for inputs and cotangents that are bf16 numbers, so that
// products may differ in the order of their sums only, by 1e-5, and attention in that it rounds its probabilities and the
// gradients of its scores, by 5e-2; every other operation not at all.
DeviceReport compare_precisions(const std::string& filter = "", uint64_t seed = 7);

// Samples of sizes that take several blocks and warps on a device: the operation's name, and the sample.
std::vector<std::pair<std::string, Sample>> large_samples(tensor::Generator& rng);

// The limit of an operation, as above, in the precision in use: two devices round a number between two of bf16 to either.
double device_limit(const std::string& operation);

}  // namespace autograd
