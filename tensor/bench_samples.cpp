#include "tensor/bench_samples.h"

#include <algorithm>
#include <chrono>

#include "tensor/parallel.h"
#include "tensor/random.h"

namespace tensor {

double seconds_of(const std::function<void()>& f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double quantile(std::vector<double> values, double q) {
  const auto place = values.begin() + static_cast<int64_t>(q * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

std::vector<float> uniform_values(int64_t count, const char* stream) {
  std::vector<float> values(count);
  const Random random(1, stream);
  parallel_for(count, 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) values[i] = static_cast<float>(random.uniform(i) - 0.5);
  });
  return values;
}

std::vector<GemmShape> gemm_shapes(int64_t shrink) {
  std::vector<GemmShape> shapes = {
      {"attention projections [20480x128][128x384]", false, false, 20480, 384, 128},
      {"feed-forward up [20480x128][128x1024]", false, false, 20480, 1024, 128},
      {"feed-forward down [20480x1024][1024x128]", false, false, 20480, 128, 1024},
      {"feed-forward up [20000x64][64x256]", false, false, 20000, 256, 64},
      {"feed-forward down [20000x256][256x64]", false, false, 20000, 64, 256},
      {"quantiser encoder [1024x4096][4096x2048]", false, false, 1024, 2048, 4096},
      {"input gradient [20480x1024][128x1024]^T", false, true, 20480, 128, 1024},
      {"weight gradient [20000x64]^T[20000x256]", true, false, 64, 256, 20000},
      {"weight gradient [20480x128]^T[20480x1024]", true, false, 128, 1024, 20480},
      {"weight gradient [1024x4096]^T[1024x2048]", true, false, 4096, 2048, 1024},
  };
  for (GemmShape& x : shapes) {
    for (int64_t* side : {&x.m, &x.n, &x.k}) *side = *side >= 1024 ? std::max<int64_t>(1, *side / shrink) : *side;
  }
  return shapes;
}

}  // namespace tensor
