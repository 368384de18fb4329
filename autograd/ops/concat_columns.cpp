#include "autograd/ops/concat_columns.h"

#include "autograd/map.h"
#include "autograd/op.h"

namespace autograd {

namespace concat_columns_kernels {

static void copy_cpu(const Tensor& x, int64_t from, int64_t count, Tensor& y, int64_t to) {
  tensor::for_real(x.dtype(), "concat_columns", [&](auto zero) {
    using T = decltype(zero);
    const int64_t x_columns = x.columns(), y_columns = y.columns();
    const T* px = x.data<T>() + from;
    T* py = y.data<T>() + to;
    tensor::parallel_for(x.rows(), row_grain(count), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) std::copy_n(px + i * x_columns, count, py + i * y_columns);
    });
  });
}

constinit decltype(copy) copy{"concat_columns.copy", copy_cpu};

}  // namespace concat_columns_kernels

static std::vector<Sample> concat_columns_samples(tensor::Generator& rng) {
  const auto run = [](const Inputs& in) { return concat_columns(in); };
  return {{{random_tensor({3, 2}, rng), random_tensor({3, 5}, rng), random_tensor({3, 1}, rng)}, run},
          {{random_tensor({1, 1}, rng)}, run},
          {{random_tensor({2}, rng), random_tensor({0}, rng)}, run},
          {{random_tensor({2, 2, 3}, rng), random_tensor({2, 2, 1}, rng)}, run}};
}
static const Op concat_columns_op("concat_columns", concat_columns_samples);

Var concat_columns(const std::vector<Var>& parts) {
  tensor::require(!parts.empty() && parts[0].shape().rank() > 0, "concat_columns: needs a part, of rank 1 or more");
  const Tensor first = parts[0].value();
  int64_t columns = 0;
  for (size_t k = 0; k < parts.size(); ++k) {
    const Shape shape = parts[k].shape();
    tensor::require(shape.rank() == first.shape().rank() && shape.with(-1, 0) == first.shape().with(-1, 0),
                    "concat_columns: part 0 is ", first.shape(), ", part ", k, " is ", shape,
                    "; all but their last sizes must be equal");
    columns += shape.columns();
  }
  Tensor y(first.shape().with(-1, columns), first.dtype(), first.device());
  std::vector<Shape> shapes;
  int64_t to = 0;
  for (const Var& part : parts) {
    concat_columns_kernels::copy(part.value(), 0, part.columns(), y, to);
    to += part.columns();
    shapes.push_back(part.shape());
  }
  return record(concat_columns_op, parts, y, [shapes](const Tensor& dy, Wanted wanted) -> Gradients {
    Gradients gradients(shapes.size());
    int64_t from = 0;
    for (size_t k = 0; k < shapes.size(); ++k) {
      const int64_t count = shapes[k].columns();
      if (wanted[k]) {
        gradients[k] = Tensor(shapes[k], dy.dtype(), dy.device());
        concat_columns_kernels::copy(dy, from, count, gradients[k], 0);
      }
      from += count;
    }
    return gradients;
  });
}

}  // namespace autograd
