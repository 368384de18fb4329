#include "quant/code_revival.h"

#include "tensor/cuda/random.h"
#include "tensor/cuda/sums.h"
#include "tensor/philox_draws.h"

namespace quant::code_revival_kernels {

constexpr int kMostLevels = 16;
constexpr unsigned kThreads = 256;

struct DeviceLevel {
  const int32_t* codes;    // [rows]
  const float* residuals;  // [rows, width]
  float* codebook;
};

struct Problem {
  DeviceLevel of[kMostLevels];
  int levels, count, patience, rows, width;  // `count` codes per level
  double noise;
  tensor::cuda::DeviceKey key;
  int32_t *idle, *dead, *order;  // [levels, count], and memory for [count] and [rows]
  double* moved;
};

__device__ double normal_of(const tensor::PhiloxKey& key, uint64_t index) {
  const tensor::PhiloxPair words = tensor::philox_normal(key, index);
  return sqrt(-2.0 * log((words.first + 1.0) * 0x1p-32)) * cos(2.0 * 3.141592653589793 * (words.second * 0x1p-32));
}

// Thread 0 lists the codes of a level that are dead, and moves as many random rows to the front of `order`.
__device__ int choose_rows(const Problem& x, int32_t* idle, uint64_t draw) {
  int dead = 0;
  for (int code = 0; code < x.count; ++code) {
    if (idle[code] < x.patience) continue;
    x.dead[dead++] = code;
    idle[code] = 0;
  }
  for (int i = 0; i < dead && i < x.rows; ++i) {
    const int other = i + static_cast<int>(tensor::philox_below(x.key(), draw + i, x.rows - i));
    const int32_t row = x.order[i];
    x.order[i] = x.order[other], x.order[other] = row;
  }
  return dead;
}

// By one block: mostly no code is dead, and then it only counts.
__global__ void revive_kernel(Problem x) {
  double* memory = tensor::cuda::shared_memory<double>();                        // one number per warp
  int* found = reinterpret_cast<int*>(memory + kThreads / tensor::cuda::kWarp);  // dead codes of each level, or 1
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  uint64_t draw = 0;
  if (thread < kMostLevels) found[thread] = 0;
  for (int level = 0; level < x.levels; ++level) {
    const DeviceLevel& l = x.of[level];
    int32_t* idle = x.idle + int64_t{level} * x.count;
    for (int code = thread; code < x.count; code += threads) ++idle[code];
    __syncthreads();
    for (int i = thread; i < x.rows; i += threads) idle[l.codes[i]] = 0;
    __syncthreads();
    for (int code = thread; code < x.count; code += threads) {
      if (idle[code] >= x.patience) found[level] = 1;
    }
    __syncthreads();
    if (found[level] == 0) continue;  // the block agrees
    double square = 0;
    for (int e = thread; e < x.rows * x.width; e += threads) square += double{l.residuals[e]} * l.residuals[e];
    const double deviation = x.noise * sqrt(tensor::cuda::block_sum(square, memory) / (double{1} * x.rows * x.width));
    for (int i = thread; i < x.rows; i += threads) x.order[i] = i;
    __syncthreads();
    if (thread == 0) found[level] = choose_rows(x, idle, draw);
    __syncthreads();
    const int dead = found[level];
    draw += static_cast<uint64_t>(dead < x.rows ? dead : x.rows);
    for (int e = thread; e < dead * x.width; e += threads) {
      const int d = e / x.width, j = e % x.width;
      const double row = l.residuals[int64_t{x.order[d % x.rows]} * x.width + j];
      l.codebook[int64_t{x.dead[d]} * x.width + j] = static_cast<float>(row + deviation * normal_of(x.key(), draw + e));
    }
    draw += static_cast<uint64_t>(dead) * x.width;
    if (thread == 0) *x.moved += dead;
    __syncthreads();
  }
}

static void update_cuda(std::vector<Level>& levels, const CodeRevivalOptions& options, const tensor::Random& random,
                        Tensor& idle, Tensor& moved) {
  tensor::require(tensor::Fault::resources, levels.size() <= kMostLevels, "code revival: ", levels.size(),
                  " levels, on a GPU there can be ", kMostLevels, "; use --device cpu");
  const int64_t rows = levels[0].residuals.rows(), width = levels[0].residuals.columns();
  Tensor memory = tensor::cuda::scratch(idle.columns() + rows, tensor::DType::i32);
  Problem x{.of = {},
            .levels = static_cast<int>(levels.size()),
            .count = static_cast<int>(idle.columns()),
            .patience = static_cast<int>(options.patience),
            .rows = static_cast<int>(rows),
            .width = static_cast<int>(width),
            .noise = options.noise,
            .key = random,
            .idle = idle.data<int32_t>(),
            .dead = memory.data<int32_t>(),
            .order = memory.data<int32_t>() + idle.columns(),
            .moved = moved.data<double>()};
  for (size_t l = 0; l < levels.size(); ++l) {
    x.of[l] = {tensor::cuda::indices(levels[l].codes), tensor::cuda::floats(levels[l].residuals),
               tensor::cuda::floats(levels[l].codebook)};
  }
  constexpr size_t shared = kThreads / tensor::cuda::kWarp * sizeof(double) + kMostLevels * sizeof(int);
  tensor::cuda::launch("code_revival.update", dim3(1), dim3(kThreads), shared, revive_kernel, x);
}

static const bool code_revival_bound = update.bind_cuda(update_cuda);

}  // namespace quant::code_revival_kernels
