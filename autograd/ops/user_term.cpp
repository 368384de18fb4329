#include "autograd/ops/user_term.h"

#include <algorithm>
#include <vector>

#include "autograd/map.h"
#include "autograd/op.h"
#include "tensor/offsets.h"
#include "tensor/simd/simd.h"

namespace autograd {

namespace user_term_kernels {

// f(s, row) for the rows of sequences, a piece of them at a time.
template <class F>
static void for_sequences(const Tensor& offsets, int64_t columns, F f) {
  const int32_t* at = offsets.data<int32_t>();
  const int64_t rows = at[offsets.size() - 1], sequences = offsets.size() - 1;
  const int64_t grain = std::max<int64_t>(1, row_grain(columns) * sequences / std::max<int64_t>(1, rows));
  tensor::parallel_for(sequences, grain, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) f(s, int64_t{at[s]}, int64_t{at[s + 1]});
  });
}

static void forward_cpu(const Tensor& z, const Tensor& scalars, Factors factors, const Tensor& offsets, Tensor& y) {
  tensor::for_real(z.dtype(), "user_term", [&](auto zero) {
    using T = decltype(zero);
    const auto& simd = tensor::simd<T>();
    const int64_t all = z.columns(), columns = y.columns(), width = all - columns;
    const T *pz = z.data<T>(), *ps = scalars.data<T>();
    T* py = y.data<T>();
    for_sequences(offsets, all, [&](int64_t s, int64_t begin, int64_t end) {
      const T factor = product_of(ps + s * scalars.columns(), factors);
      for (int64_t r = begin; r < end; ++r) {
        T* row = py + r * columns;
        std::copy_n(pz + r * all, columns, row);
        for (int64_t c = 0; c < columns; c += width) simd.axpy(factor, pz + r * all + columns, row + c, width);
      }
    });
  });
}

static void backward_cpu(const Tensor& z, const Tensor& scalars, Factors factors, const Tensor& offsets, const Tensor& dy,
                         Tensor& dz, Tensor& dscalars) {
  tensor::for_real(z.dtype(), "user_term", [&](auto zero) {
    using T = decltype(zero);
    const auto& simd = tensor::simd<T>();
    const int64_t all = z.columns(), columns = dy.columns(), width = all - columns, count = scalars.columns();
    const T *pz = z.data<T>(), *ps = scalars.data<T>(), *pdy = dy.data<T>();
    T *pdz = dz.data<T>(), *pds = dscalars.data<T>();
    for_sequences(offsets, all, [&](int64_t s, int64_t begin, int64_t end) {
      const T factor = product_of(ps + s * count, factors);
      T dfactor = 0;
      for (int64_t r = begin; r < end; ++r) {
        T *row = pdz + r * all, *of_last = row + columns;
        std::copy_n(pdy + r * columns, columns, row);
        std::copy_n(row, width, of_last);
        for (int64_t c = width; c < columns; c += width) simd.add(of_last, row + c, of_last, width);
        dfactor += simd.dot(of_last, pz + r * all + columns, width);
        simd.scale(factor, of_last, of_last, width);
      }
      for (int i = 0; i < count; ++i) {
        const bool is_factor = i >= factors.first && i < factors.last;
        pds[s * count + i] = is_factor ? dfactor * product_of(ps + s * count, factors, i) : T{0};
      }
    });
  });
}

constinit decltype(forward) forward{"user_term.forward", forward_cpu};
constinit decltype(backward) backward{"user_term.backward", backward_cpu};

}  // namespace user_term_kernels

static std::vector<Sample> user_term_samples(tensor::Generator& rng) {
  const Tensor offsets = Tensor::from<int32_t>({0, 2, 2, 5}), one = Tensor::from<int32_t>({0, 4});
  const auto product = [=](const Inputs& in) { return user_term(in[0], in[1], 0, 2, offsets, 3); };
  const auto last = [=](const Inputs& in) { return user_term(in[0], in[1], 0, 1, one, 1); };
  return {{{random_tensor({5, 8}, rng), random_away_from_zero({3, 2}, rng)}, product},
          {{random_tensor({4, 6}, rng), random_tensor({1, 1}, rng)}, last}};
}
static const Op user_term_op("user_term", user_term_samples);

Var user_term(const Var& z, const Var& scalars, int first, int last, const Tensor& offsets, int blocks) {
  const Tensor zv = z.value(), sv = scalars.value();
  tensor::require(blocks > 0 && zv.shape().rank() == 2 && zv.columns() % (blocks + 1) == 0, "user_term: z is ", zv.shape(),
                  " for ", blocks, " blocks; it must be [rows, (blocks+1)*width]");
  tensor::require(sv.shape().rank() == 2 && sv.rows() == offsets.size() - 1 && sv.dtype() == zv.dtype() && first >= 0 &&
                      first < last && last <= sv.columns(),
                  "user_term: scalars are ", sv.shape(), " ", sv.dtype(), ", z is ", zv.dtype(), ", offsets has ",
                  offsets.size() - 1, " sequences, columns ", first, " to ", last,
                  " are asked for; they must be [sequences, n] of z's type, with these columns");
  tensor::require_offsets("user_term", "offsets", offsets, zv.rows());
  const user_term_kernels::Factors factors{first, last};
  Tensor y({zv.rows(), zv.columns() / (blocks + 1) * blocks}, zv.dtype(), zv.device());
  user_term_kernels::forward(zv, sv, factors, offsets, y);
  return record(user_term_op, {z, scalars}, y, [=](const Tensor& dy, Wanted) -> Gradients {
    Tensor dz = Tensor::like(zv), ds = Tensor::like(sv);
    user_term_kernels::backward(zv, sv, factors, offsets, dy, dz, ds);
    return {dz, ds};
  });
}

}  // namespace autograd
