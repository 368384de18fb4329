// The same elements in another shape.
#pragma once

#include "autograd/var.h"

namespace autograd {

// y has the elements of x in their order; shares x's memory. The shapes must have as many elements.
Var reshape(const Var& x, const Shape& shape);

}  // namespace autograd
