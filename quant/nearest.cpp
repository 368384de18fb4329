#include "quant/nearest.h"

#include <algorithm>
#include <vector>

#include "tensor/gemm.h"
#include "tensor/parallel.h"
#include "tensor/simd/simd.h"

namespace quant {

namespace nearest_kernels {

template <class T>
static std::vector<T> squared_norms(const T* x, int64_t rows, int64_t width) {
  std::vector<T> norms(rows);
  for (int64_t i = 0; i < rows; ++i) norms[i] = tensor::simd<T>().dot(x + i * width, x + i * width, width);
  return norms;
}

// Calls use(row, distances of the row to all codes); d is where the distances of rows [begin, end) are put.
template <class T, class F>
static void distances_of_rows(const T* x, const T* codes, const T* code_norms, int64_t begin, int64_t end, int64_t count,
                              int64_t width, T* d, F&& use) {
  x += begin * width;
  tensor::gemm_serial<T>(false, true, end - begin, count, width, x, width, codes, width, d, count);
  for (int64_t i = 0; i < end - begin; ++i, x += width, d += count) {
    const T norm = tensor::simd<T>().dot(x, x, width);
    for (int64_t k = 0; k < count; ++k) d[k] = std::max(T{0}, norm + code_norms[k] - 2 * d[k]);
    use(begin + i, d);
  }
}

// Rows per piece: few enough that their distances stay in the second-level cache, enough to pay for packing the codes.
static int64_t grain(int64_t count) { return std::clamp<int64_t>((1 << 16) / std::max<int64_t>(count, 1), 16, 512); }

static void squared_distances_cpu(const Tensor& x, const Tensor& codes, Tensor& distances) {
  tensor::for_real(x.dtype(), "squared_distances", [&](auto zero) {
    using T = decltype(zero);
    const int64_t count = codes.rows(), width = x.columns();
    const std::vector<T> norms = squared_norms(codes.data<T>(), count, width);
    tensor::parallel_for(x.rows(), grain(count), [&](int64_t begin, int64_t end) {
      T* d = distances.data<T>() + begin * count;
      distances_of_rows(x.data<T>(), codes.data<T>(), norms.data(), begin, end, count, width, d, [](int64_t, const T*) {});
    });
  });
}

static void nearest_cpu(const Tensor& x, const Tensor& codes, Tensor& index, Tensor& distance) {
  tensor::for_real(x.dtype(), "nearest", [&](auto zero) {
    using T = decltype(zero);
    const int64_t count = codes.rows(), width = x.columns();
    const std::vector<T> norms = squared_norms(codes.data<T>(), count, width);
    tensor::parallel_for(x.rows(), grain(count), [&](int64_t begin, int64_t end) {
      std::vector<T> buffer((end - begin) * count);
      distances_of_rows(x.data<T>(), codes.data<T>(), norms.data(), begin, end, count, width, buffer.data(),
                        [&](int64_t row, const T* d) {
                          const int64_t best = tensor::simd<T>().argmin(d, count);
                          index.data<int32_t>()[row] = static_cast<int32_t>(best);
                          distance.data<T>()[row] = d[best];
                        });
    });
  });
}

constinit decltype(squared_distances) squared_distances{"squared_distances", squared_distances_cpu};
constinit decltype(nearest) nearest{"nearest", nearest_cpu};

}  // namespace nearest_kernels

static void require_operands(const char* operation, const Tensor& x, const Tensor& codes) {
  tensor::require(x.shape().rank() == 2 && codes.shape().rank() == 2 && x.columns() == codes.columns(), operation, ": x is ",
                  x.shape(), ", codes are ", codes.shape(), "; both must be matrices of one width");
  tensor::require(x.dtype() == codes.dtype(), operation, ": x is ", x.dtype(), ", codes are ", codes.dtype(),
                  "; both must have one type");
}

Tensor squared_distances(const Tensor& x, const Tensor& codes) {
  require_operands("squared_distances", x, codes);
  Tensor distances({x.rows(), codes.rows()}, x.dtype(), x.device());
  nearest_kernels::squared_distances(x, codes, distances);
  return distances;
}

Nearest nearest(const Tensor& x, const Tensor& codes) {
  require_operands("nearest", x, codes);
  tensor::require(codes.rows() > 0, "nearest: there are no codes to choose from");
  Nearest result{Tensor({x.rows()}, tensor::DType::i32, x.device()), Tensor({x.rows()}, x.dtype(), x.device())};
  nearest_kernels::nearest(x, codes, result.index, result.distance);
  return result;
}

}  // namespace quant
