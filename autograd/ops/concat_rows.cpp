#include "autograd/ops/concat_rows.h"

#include "autograd/op.h"

namespace autograd {

static std::vector<Sample> concat_rows_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return concat_rows(in); };
  return {{{random_tensor({2, 3}, rng), random_tensor({1, 3}, rng), random_tensor({4, 3}, rng)}, run},
          {{random_tensor({1, 1}, rng)}, run},
          {{random_tensor({3}, rng), random_tensor({0}, rng), random_tensor({1}, rng)}, run}};
}
static const Op concat_rows_op("concat_rows", concat_rows_samples);

Var concat_rows(const std::vector<Var>& parts) {
  tensor::require(!parts.empty() && parts[0].shape().rank() > 0, "concat_rows: needs a part, of rank 1 or more");
  const Tensor first = parts[0].value();
  std::vector<int64_t> ends;
  int64_t rows = 0;
  for (size_t k = 0; k < parts.size(); ++k) {
    const Shape shape = parts[k].shape();
    tensor::require(shape.rank() == first.shape().rank() && shape.with(0, 0) == first.shape().with(0, 0),
                    "concat_rows: part 0 is ", first.shape(), ", part ", k, " is ", shape,
                    "; all but their first sizes must be equal");
    ends.push_back(rows += shape[0]);
  }
  Tensor y(first.shape().with(0, rows), first.dtype(), first.device());
  for (size_t k = 0; k < parts.size(); ++k) y.row_range(ends[k] - parts[k].shape()[0], ends[k]).copy_from(parts[k].value());
  return record(concat_rows_op, parts, y, [ends](const Tensor& dy, Wanted) -> Gradients {
    Gradients gradients;
    for (size_t k = 0; k < ends.size(); ++k) gradients.push_back(dy.row_range(k == 0 ? 0 : ends[k - 1], ends[k]));
    return gradients;
  });
}

}  // namespace autograd
