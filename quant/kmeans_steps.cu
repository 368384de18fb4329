#include "quant/kmeans_steps.h"

#include "tensor/cuda/map.h"
#include "tensor/cuda/sums.h"

namespace quant::kmeans_kernels {

using tensor::DType;
using tensor::cuda::floats;
using tensor::cuda::kWarp;
using tensor::cuda::lane_of_warp;
using tensor::cuda::scratch;

constexpr unsigned kDrawThreads = 1024, kMoveThreads = 256;

// By one warp, in all of its lanes.
__device__ double squared_distance(const float* x, const float* y, int64_t width) {
  float sum = 0;
  for (int64_t j = lane_of_warp(); j < width; j += kWarp) sum += (x[j] - y[j]) * (x[j] - y[j]);
  return tensor::cuda::warp_sum(static_cast<double>(sum));
}

// One block: center `count` becomes the row that `uniform` draws from the distances, unless all of them are 0. Every thread
// adds up a run of rows; the sums are added in order, as are the rows of the run in which the draw falls.
__global__ void draw_kernel(int64_t n, int64_t width, const float* x, const double* distances, double uniform, int32_t count,
                            float* centers, int32_t* chosen) {
  double* sums = tensor::cuda::shared_memory<double>();       // [kDrawThreads]
  auto* drawn = reinterpret_cast<int64_t*>(sums + kDrawThreads);
  const int64_t run = (n + kDrawThreads - 1) / kDrawThreads, begin = threadIdx.x * run;
  double sum = 0;
  for (int64_t i = begin; i < n && i < begin + run; ++i) sum += distances[i];
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    double total = 0;
    for (unsigned t = 0; t < kDrawThreads; ++t) total += sums[t];
    double rest = uniform * total;
    int64_t t = 0, last = 0;
    while (t + 1 < kDrawThreads && rest >= sums[t]) rest -= sums[t++];
    for (; t > 0 && sums[t] <= 0; --t) rest = total;  // rounding went past the last row that can be drawn
    for (int64_t i = t * run; i < n && i < (t + 1) * run; ++i) {
      if (distances[i] <= 0) continue;
      last = i;
      if ((rest -= distances[i]) < 0) break;
    }
    *drawn = total > 0 ? last : -1;
    if (total > 0) *chosen = count + 1;
  }
  __syncthreads();
  if (*drawn < 0) return;
  for (int64_t j = threadIdx.x; j < width; j += kDrawThreads) centers[count * width + j] = x[*drawn * width + j];
}

__global__ void nearer_kernel(int64_t n, int64_t width, const float* x, const float* center, bool first, double* distances) {
  const int64_t i = tensor::cuda::row_of_warp();
  if (i >= n) return;
  const double d = squared_distance(x + i * width, center, width);
  if (lane_of_warp() == 0 && (first || d < distances[i])) distances[i] = d;
}

static void seed_cuda(const Tensor& x, const Tensor& uniforms, Tensor& centers, Tensor& chosen) {
  const int64_t n = x.rows(), width = x.columns(), clusters = centers.rows();
  Tensor distances = Tensor::full({n}, 1, DType::f64, tensor::Device::cuda);
  chosen.fill(0), centers.fill(0);
  double* d = distances.data<double>();
  for (int64_t c = 0; c < clusters; ++c) {
    tensor::cuda::launch("kmeans.draw", dim3(1), dim3(kDrawThreads), (kDrawThreads + 1) * sizeof(double), draw_kernel, n,
                         width, floats(x), d, uniforms.data<double>()[c], static_cast<int32_t>(c), floats(centers),
                         chosen.data<int32_t>());
    tensor::cuda::launch_rows("kmeans.nearer", n, nearer_kernel, n, width, floats(x), floats(centers) + c * width, c == 0, d);
  }
}

__global__ void distances_kernel(int64_t n, int64_t width, const float* x, const float* centers, const int32_t* labels,
                                 double* distances) {
  const int64_t i = tensor::cuda::row_of_warp();
  if (i >= n) return;
  const double d = squared_distance(x + i * width, centers + labels[i] * width, width);
  if (lane_of_warp() == 0) distances[i] = d;
}

static void measure_cuda(const Tensor& x, const Tensor& centers, const Tensor& labels, Tensor& distances, Tensor& summary) {
  const int64_t n = x.rows(), clusters = centers.rows();
  const int32_t* label = tensor::cuda::indices(labels);
  double *d = distances.data<double>(), *result = summary.data<double>();
  tensor::cuda::launch_rows("kmeans.distances", n, distances_kernel, n, x.columns(), floats(x), floats(centers), label, d);
  tensor::cuda::sum("kmeans.inertia", n, [=] __device__(int64_t i) { return d[i]; },
                    [=] __device__(double sum) { result[0] = sum; });
  Tensor named = Tensor::zeros({clusters}, DType::i32, tensor::Device::cuda);
  int32_t* name = named.data<int32_t>();  // several threads may write, all of them 1
  tensor::cuda::for_each("kmeans.named", n, [=] __device__(int64_t i) { name[label[i]] = 1; });
  tensor::cuda::sum("kmeans.empty", clusters, [=] __device__(int64_t c) { return name[c] ? 0.0 : 1.0; },
                    [=] __device__(double sum) { result[1] = sum; });
}

// One block serves the empty clusters one after the other.
__global__ void fill_kernel(int64_t n, int32_t clusters, double* distances, int32_t* labels, unsigned* sizes) {
  double* largest = tensor::cuda::shared_memory<double>();           // [kDrawThreads] distances of a thread's rows,
  auto* rows = reinterpret_cast<int64_t*>(largest + kDrawThreads);   // and whose
  for (int32_t c = 0; c < clusters; ++c) {
    if (sizes[c] > 0) continue;  // the block agrees
    largest[threadIdx.x] = 0, rows[threadIdx.x] = n;
    for (int64_t i = threadIdx.x; i < n; i += kDrawThreads) {
      if (distances[i] > largest[threadIdx.x]) largest[threadIdx.x] = distances[i], rows[threadIdx.x] = i;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      for (unsigned t = 1; t < kDrawThreads; ++t) {
        if (largest[t] > largest[0] || (largest[t] == largest[0] && rows[t] < rows[0])) largest[0] = largest[t], rows[0] = rows[t];
      }
      if (const int64_t row = rows[0]; row < n) {
        --sizes[labels[row]], ++sizes[c];
        labels[row] = c, distances[row] = 0;
      }
    }
    __syncthreads();
    if (rows[0] == n) return;  // all rows are on their centers
    __syncthreads();
  }
}

static void fill_empty_cuda(Tensor& distances, Tensor& labels, int64_t clusters) {
  Tensor counts = Tensor::zeros({clusters}, DType::i32, tensor::Device::cuda);
  auto* sizes = reinterpret_cast<unsigned*>(counts.data<int32_t>());
  int32_t* label = labels.data<int32_t>();
  tensor::cuda::for_each("kmeans.sizes", labels.size(), [=] __device__(int64_t i) { atomicAdd(sizes + label[i], 1u); });
  tensor::cuda::launch("kmeans.fill_empty", dim3(1), dim3(kDrawThreads), kDrawThreads * (sizeof(double) + sizeof(int64_t)),
                       fill_kernel, labels.size(), static_cast<int32_t>(clusters), distances.data<double>(), label, sizes);
}

// A block has a center and kMoveThreads columns of it. It looks through the labels, a few at a time, and adds up the rows of
// the center's members in their order.
__global__ void move_kernel(int64_t n, int64_t width, const float* x, const int32_t* labels, float* centers) {
  constexpr int kWarps = kMoveThreads / kWarp;
  auto* votes = tensor::cuda::shared_memory<unsigned>();  // [kWarps]
  const int32_t center = static_cast<int32_t>(blockIdx.x);
  const int64_t column = int64_t{blockIdx.y} * kMoveThreads + threadIdx.x;
  double sum = 0;
  int64_t members = 0;
  for (int64_t first = 0; first < n; first += kMoveThreads) {
    const int64_t i = first + threadIdx.x;
    const unsigned vote = __ballot_sync(tensor::cuda::kAllLanes, i < n && labels[i] == center);
    if (lane_of_warp() == 0) votes[threadIdx.x / kWarp] = vote;
    __syncthreads();
    for (int w = 0; w < kWarps; ++w) {
      for (unsigned left = votes[w]; left != 0; left &= left - 1, ++members) {
        int lane = 0;
        while (!(left >> lane & 1)) ++lane;
        if (column < width) sum += x[(first + w * kWarp + lane) * width + column];
      }
    }
    __syncthreads();
  }
  if (members > 0 && column < width) centers[center * width + column] = static_cast<float>(sum / static_cast<double>(members));
}

static void move_cuda(const Tensor& x, const Tensor& labels, Tensor& centers) {
  const dim3 grid(static_cast<unsigned>(centers.rows()),
                  static_cast<unsigned>((x.columns() + kMoveThreads - 1) / kMoveThreads));
  tensor::cuda::launch("kmeans.move", grid, dim3(kMoveThreads), kMoveThreads / kWarp * sizeof(unsigned), move_kernel, x.rows(),
                       x.columns(), floats(x), tensor::cuda::indices(labels), floats(centers));
}

static const bool kmeans_bound = seed.bind_cuda(seed_cuda) && measure.bind_cuda(measure_cuda) &&
                                 fill_empty.bind_cuda(fill_empty_cuda) && move.bind_cuda(move_cuda);

}  // namespace quant::kmeans_kernels
