// How evenly the codes of each level are used: what shows that codebooks collapse.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace quant {

struct CodeUsage {
  int64_t used = 0;       // codes that occur
  double perplexity = 0;  // exp of the entropy of the codes' shares: `used` when all are as frequent, 1 for a single code
  double top_share = 0;   // share of the most frequent code
};

// Per level, for codes i32 [n, levels] in [0, codebook_size); all 0 without rows.
std::vector<CodeUsage> code_usage(const tensor::Tensor& codes, int64_t codebook_size);

}  // namespace quant
