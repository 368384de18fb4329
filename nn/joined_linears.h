// The projections of attention multiplied by each other (autograd/ops/joined_projections.h): queries = keys(x), output = values(sums
// over the memory).
#pragma once

#include "autograd/ops/joined_projections.h"
#include "nn/linear.h"

namespace nn {

struct JoinedLinears {
  Linear keys, values;

  JoinedLinears() = default;  // undefined
  explicit JoinedLinears(const autograd::JoinedProjections& joined) : keys(joined.keys), values(joined.values) {}

  bool defined() const { return keys.w.defined(); }
  void pack() { keys.pack(), values.pack(); }
};

}  // namespace nn
