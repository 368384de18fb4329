#include "quant/balanced.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace quant {

using tensor::Tensor;

Tensor balanced_assignment(const Tensor& distances) {
  tensor::require(distances.shape().rank() == 2 && distances.columns() > 0, "balanced_assignment: distances are ",
                  distances.shape(), "; they must be [rows, clusters] with at least one cluster");
  const int64_t n = distances.rows(), clusters = distances.columns();
  Tensor labels = Tensor::full({n}, -1, tensor::DType::i32);
  std::vector<int64_t> order(n * clusters), room(clusters, n / clusters);
  int64_t larger = n % clusters;  // clusters that take one more
  std::iota(order.begin(), order.end(), int64_t{0});
  tensor::for_real(distances.dtype(), "balanced_assignment", [&](auto zero) {
    const auto* d = distances.data<decltype(zero)>();
    std::sort(order.begin(), order.end(), [d](int64_t a, int64_t b) { return d[a] < d[b] || (d[a] == d[b] && a < b); });
  });
  int32_t* label = labels.data<int32_t>();
  for (const int64_t pair : order) {
    const int64_t row = pair / clusters, cluster = pair % clusters;
    if (label[row] >= 0 || room[cluster] < 0) continue;
    if (room[cluster] == 0) {  // full but for the one that some clusters may take more
      if (larger == 0) continue;
      --larger;
    }
    --room[cluster];
    label[row] = static_cast<int32_t>(cluster);
  }
  return labels;
}

}  // namespace quant
