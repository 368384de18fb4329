// How a user's interactions are divided into training, validation and test.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "genrec/data/dataset.h"

namespace genrec {

enum class SplitProtocol {
  automatic,      // the given split where the data have one, else ratio
  given,          // the split column
  ratio,          // 80/10/10 per user at random, seeded
  leave_one_out,  // per user: last item is test, the one before validation; users with fewer than 3 items only train
  global_time,    // the last 10 % of all interactions are test, the 10 % before them validation; ties stay together
};
const char* name_of(SplitProtocol protocol);

struct SplitSizes {
  int64_t train, valid, test;
  bool operator==(const SplitSizes&) const = default;
};

// n_train = round(0.8 n), n_test = ceil((n - n_train) / 2), the rest validation: users with 1 or 2 items hold out nothing.
SplitSizes ratio_sizes(int64_t n);

// The splits of one user's n interactions. `rank` numbers the user within the data set: with the seed it fixes the draw.
void split_by_ratio(std::span<Split> splits, uint64_t seed, uint64_t rank);
void split_last_out(std::span<Split> splits);  // interactions in time order

// The times from which on an interaction belongs to validation and to test. Takes the times of all interactions.
struct TimeLimits {
  double valid, test;
  Split split_of(double time) const { return time >= test ? Split::test : time >= valid ? Split::valid : Split::train; }
};
TimeLimits time_limits(std::vector<double> times);

}  // namespace genrec
