#include "autograd/ops/gru.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/op.h"
#include "tensor/gemm.h"
#include "tensor/offsets.h"
#include "tensor/parallel.h"

namespace autograd {

namespace gru_kernels {

static constexpr int64_t kBlock = 32;  // sequences that advance together

// The sequences of a block, the longest first: those with a token at step t come before the others.
struct Block {
  std::vector<int64_t> first, length;

  Block(const int32_t* offsets, int64_t begin, int64_t end) {
    std::vector<int64_t> order(static_cast<size_t>(end - begin));
    std::iota(order.begin(), order.end(), begin);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return offsets[a + 1] - offsets[a] > offsets[b + 1] - offsets[b];
    });
    for (int64_t s : order) first.push_back(offsets[s]), length.push_back(offsets[s + 1] - offsets[s]);
  }
  int64_t steps() const { return length.empty() ? 0 : length[0]; }
  int64_t active(int64_t step) const {
    return std::count_if(length.begin(), length.end(), [&](int64_t n) { return n > step; });
  }
};

template <class T>
static T sigmoid(T x) {
  return 1 / (1 + std::exp(-x));
}

// hu [3*width] = h U before the token, h [width]: before and after it.
template <class T>
static void step_forward(const T* x, const T* hu, const T* c, T* h, T* gates, int64_t width) {
  for (int64_t j = 0; j < width; ++j) {
    const T r = sigmoid(x[j] + hu[j]), z = sigmoid(x[width + j] + hu[width + j]), m = hu[2 * width + j] + c[j];
    const T n = std::tanh(x[2 * width + j] + r * m);
    gates[j] = r, gates[width + j] = z, gates[2 * width + j] = n, gates[3 * width + j] = m;
    h[j] = (1 - z) * n + z * h[j];
  }
}

// dh [width]: of the state after the token, then that part of the state before it which does not go through U. before may be
// null (0). dx and dhu [3*width] are the gradients of x and of h U.
template <class T>
static void step_backward(const T* gates, const T* before, T* dh, T* dx, T* dhu, int64_t width) {
  for (int64_t j = 0; j < width; ++j) {
    const T r = gates[j], z = gates[width + j], n = gates[2 * width + j], m = gates[3 * width + j];
    const T dn = dh[j] * (1 - z) * (1 - n * n), dr = dn * m * r * (1 - r);
    const T dz = dh[j] * ((before ? before[j] : 0) - n) * z * (1 - z);
    dx[j] = dhu[j] = dr, dx[width + j] = dhu[width + j] = dz;
    dx[2 * width + j] = dn, dhu[2 * width + j] = dn * r;
    dh[j] *= z;
  }
}

static void forward_cpu(const Tensor& x, const Tensor& u, const Tensor& c, const Tensor& offsets, Tensor& h, Tensor& gates) {
  tensor::for_real(x.dtype(), "gru", [&](auto zero) {
    using T = decltype(zero);
    const int64_t width = u.rows();
    tensor::parallel_for(offsets.size() - 1, kBlock, [&](int64_t begin, int64_t end) {
      const Block block(offsets.data<int32_t>(), begin, end);
      std::vector<T> state(static_cast<size_t>((end - begin) * width)), hu(3 * state.size());
      for (int64_t t = 0; t < block.steps(); ++t) {
        const int64_t active = block.active(t);
        tensor::gemm_serial<T>(false, false, active, 3 * width, width, state.data(), width, u.data<T>(), 3 * width, hu.data(),
                               3 * width);
        for (int64_t i = 0; i < active; ++i) {
          const int64_t row = block.first[i] + t;
          T* own = state.data() + i * width;
          step_forward(x.data<T>() + row * 3 * width, hu.data() + i * 3 * width, c.data<T>(), own,
                       gates.data<T>() + row * 4 * width, width);
          std::copy_n(own, width, h.data<T>() + row * width);
        }
      }
    });
  });
}

static void backward_cpu(const Tensor& u, const Tensor& offsets, const Tensor& h, const Tensor& gates, const Tensor& dh,
                         Tensor& dx, Tensor& du, Tensor& dc) {
  tensor::for_real(h.dtype(), "gru", [&](auto zero) {
    using T = decltype(zero);
    const int64_t width = u.rows(), tokens = h.rows();
    Tensor before = Tensor::zeros(h.shape(), h.dtype()), dhu = Tensor::like(dx);  // state before the token; of h U
    tensor::parallel_for(offsets.size() - 1, kBlock, [&](int64_t begin, int64_t end) {
      const Block block(offsets.data<int32_t>(), begin, end);
      std::vector<T> carried(static_cast<size_t>((end - begin) * width)), dhu_now(3 * carried.size());
      for (int64_t t = block.steps() - 1; t >= 0; --t) {
        const int64_t active = block.active(t);
        for (int64_t i = 0; i < active; ++i) {
          const int64_t row = block.first[i] + t;
          T *own = carried.data() + i * width, *to = dhu_now.data() + i * 3 * width;
          for (int64_t j = 0; j < width; ++j) own[j] += dh.data<T>()[row * width + j];
          const T* previous = t > 0 ? h.data<T>() + (row - 1) * width : nullptr;
          step_backward(gates.data<T>() + row * 4 * width, previous, own, dx.data<T>() + row * 3 * width, to, width);
          std::copy_n(to, 3 * width, dhu.data<T>() + row * 3 * width);
          if (previous) std::copy_n(previous, width, before.data<T>() + row * width);
        }
        tensor::gemm_serial<T>(false, true, active, width, 3 * width, dhu_now.data(), 3 * width, u.data<T>(), 3 * width,
                               carried.data(), width, {.accumulate = true});
      }
    });
    tensor::gemm<T>(true, false, width, 3 * width, tokens, before.data<T>(), width, dhu.data<T>(), 3 * width, du.data<T>(),
                    3 * width);
    std::fill_n(dc.data<T>(), width, T{0});
    for (int64_t row = 0; row < tokens; ++row)
      for (int64_t j = 0; j < width; ++j) dc.data<T>()[j] += dhu.data<T>()[row * 3 * width + 2 * width + j];
  });
}

constinit decltype(forward) forward{"gru.forward", forward_cpu};
constinit decltype(backward) backward{"gru.backward", backward_cpu};

}  // namespace gru_kernels

static std::vector<Sample> gru_samples(tensor::Generator& rng) {
  const auto sample = [&](std::vector<int32_t> offsets, int64_t width) {
    const Tensor places = Tensor::from(offsets);
    return Sample{{random_tensor({offsets.back(), 3 * width}, rng), random_tensor({width, 3 * width}, rng), random_tensor({width}, rng)},
                  [places](const Inputs& in) { return gru(in[0], in[1], in[2], places); }};
  };
  return {sample({0, 3, 3, 4, 6}, 3), sample({0, 2}, 1), sample({0, 0, 5}, 4)};
}
static const Op gru_op("gru", gru_samples);

Var gru(const Var& x, const Var& u, const Var& c, const Tensor& offsets) {
  const Tensor xv = x.value(), uv = u.value(), cv = c.value();
  tensor::require(uv.shape().rank() == 2 && uv.columns() == 3 * uv.rows() && uv.rows() > 0, "gru: u is ", uv.shape(),
                  "; it must be [width, 3*width]");
  const int64_t width = uv.rows();
  tensor::require(xv.shape().rank() == 2 && xv.columns() == 3 * width && cv.shape() == Shape{width}, "gru: x is ", xv.shape(),
                  ", u ", uv.shape(), ", c ", cv.shape(), "; x must be [tokens, ", 3 * width, "] and c [", width, "]");
  tensor::require(xv.dtype() == uv.dtype() && xv.dtype() == cv.dtype(), "gru: x is ", xv.dtype(), ", u ", uv.dtype(), ", c ",
                  cv.dtype(), "; they must have the same type");
  tensor::require_offsets("gru", "offsets", offsets, xv.rows());
  Tensor h({xv.rows(), width}, xv.dtype(), xv.device()), gates({xv.rows(), 4 * width}, xv.dtype(), xv.device());
  gru_kernels::forward(xv, uv, cv, offsets, h, gates);
  return record(gru_op, {x, u, c}, h, [xv, uv, cv, offsets, h, gates](const Tensor& dh, Wanted) -> Gradients {
    Tensor dx = Tensor::like(xv), du = Tensor::like(uv), dc = Tensor::like(cv);
    gru_kernels::backward(uv, offsets, h, gates, dh, dx, du, dc);
    return {dx, du, dc};
  });
}

}  // namespace autograd
