#include "genrec/data/split.h"

#include <algorithm>
#include <numeric>

#include "tensor/random.h"

namespace genrec {

const char* name_of(SplitProtocol protocol) {
  static constexpr const char* kNames[] = {"auto", "given", "ratio", "leave-one-out", "global-time"};
  return kNames[static_cast<int>(protocol)];
}

SplitSizes ratio_sizes(int64_t n) {
  const int64_t train = (8 * n + 5) / 10;  // 0.8 n never ends in .5
  const int64_t test = (n - train + 1) / 2;
  return {train, n - train - test, test};
}

void split_by_ratio(std::span<Split> splits, uint64_t seed, uint64_t rank) {
  const SplitSizes sizes = ratio_sizes(static_cast<int64_t>(splits.size()));
  std::fill(splits.begin(), splits.end(), Split::train);
  std::vector<size_t> order(splits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  tensor::Generator rng(seed, "data.split", rank);
  rng.choose(std::span(order), static_cast<size_t>(sizes.test + sizes.valid));
  for (int64_t i = 0; i < sizes.test + sizes.valid; ++i) splits[order[i]] = i < sizes.test ? Split::test : Split::valid;
}

void split_last_out(std::span<Split> splits) {
  std::fill(splits.begin(), splits.end(), Split::train);
  if (splits.size() < 3) return;
  splits[splits.size() - 1] = Split::test;
  splits[splits.size() - 2] = Split::valid;
}

TimeLimits time_limits(std::vector<double> times) {
  if (times.empty()) return {0, 0};
  const auto at = [&](size_t tenths) {
    const auto position = times.begin() + static_cast<int64_t>(times.size() * tenths / 10);
    std::nth_element(times.begin(), position, times.end());
    return *position;
  };
  const double valid = at(8), test = at(9);
  return {valid, test};
}

}  // namespace genrec
