#include "tensor/offsets.h"

#include <algorithm>

namespace tensor {

void require_offsets(const char* operation, const char* name, const Tensor& offsets, int64_t rows) {
  require(offsets.dtype() == DType::i32 && offsets.shape().rank() == 1 && offsets.size() > 0, operation, ": ", name, " is ",
          offsets.dtype(), " ", offsets.shape(), "; it must be i32 [sequences+1]");
  const auto at = offsets.span<int32_t>();
  require(at.front() == 0, operation, ": ", name, " begins with ", at.front(), "; it must begin with 0");
  for (size_t s = 1; s < at.size(); ++s) {
    require(at[s] >= at[s - 1], operation, ": ", name, " falls from ", at[s - 1], " to ", at[s], " at sequence ", s - 1,
            "; offsets must not fall");
  }
  require(at.back() == rows, operation, ": ", name, " ends at ", at.back(), ", the values have ", rows,
          " rows; both must be equal");
}

int64_t longest_sequence(std::span<const int32_t> offsets) {
  int32_t longest = 0;
  for (size_t s = 1; s < offsets.size(); ++s) longest = std::max(longest, offsets[s] - offsets[s - 1]);
  return longest;
}

}  // namespace tensor
