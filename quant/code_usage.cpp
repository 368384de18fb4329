#include "quant/code_usage.h"

#include <algorithm>
#include <cmath>

namespace quant {

std::vector<CodeUsage> code_usage(const tensor::Tensor& codes, int64_t codebook_size) {
  tensor::require(codes.shape().rank() == 2, "code_usage: codes are ", codes.shape(), "; they must be [rows, levels]");
  const int64_t rows = codes.rows(), levels = codes.columns();
  std::vector<CodeUsage> result(levels);
  if (rows == 0) return result;
  for (int64_t level = 0; level < levels; ++level) {
    std::vector<int64_t> counts(codebook_size);
    for (int64_t i = 0; i < rows; ++i) {
      const int32_t code = codes.data<int32_t>()[i * levels + level];
      tensor::require(tensor::Fault::bad_data, code >= 0 && code < codebook_size, "code_usage: row ", i, " has code ", code,
                      " at level ", level, "; codes must be from 0 to ", codebook_size - 1);
      ++counts[code];
    }
    double entropy = 0;
    for (const int64_t count : counts) {
      if (count == 0) continue;
      const double share = static_cast<double>(count) / static_cast<double>(rows);
      ++result[level].used;
      entropy -= share * std::log(share);
      result[level].top_share = std::max(result[level].top_share, share);
    }
    result[level].perplexity = std::exp(entropy);
  }
  return result;
}

}  // namespace quant
