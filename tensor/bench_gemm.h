// The matrix products of the recommenders against another library's, which is opened at run time and never linked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tensor {

struct GemmContestRow {
  std::string name;
  double seconds, other_seconds;  // medians
  double share;                   // ours of the peak of multiply-adds or, in bf16, of products of tiles where there are some
  double ratio, low, high;        // other / ours: median and quartiles; above 1 ours is faster
};

// OpenBLAS (libopenblas.so.0), in fp32, on as many threads as ours in the precision in use; the two take turns. Error(resources)
// where it is not installed.
std::vector<GemmContestRow> bench_gemm_against_openblas(int repeats, int64_t shrink = 1);

}  // namespace tensor
