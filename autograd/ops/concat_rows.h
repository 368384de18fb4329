// Tensors one below the other.
#pragma once

#include <vector>

#include "autograd/var.h"

namespace autograd {

// y = the rows of parts[0], then those of parts[1], ...: parts [n_k, ..] with the same sizes after the first.
// Needs no kernel but copying; the gradients are views of dy.
Var concat_rows(const std::vector<Var>& parts);

}  // namespace autograd
