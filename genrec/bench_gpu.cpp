#include "genrec/bench_gpu.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/matmul.h"
#include "genrec/log.h"
#include "genrec/workloads.h"
#include "tensor/allocator.h"
#include "tensor/bench_samples.h"
#include "tensor/cuda/device.h"
#include "tensor/cuda/graph.h"
#include "tensor/precision.h"

namespace genrec {

using tensor::Tensor;
using tensor::Workload;

namespace {

constexpr double kSampleMilliseconds = 2;  // many times the wait at the end of a sample
constexpr int64_t kMostRuns = 100;
constexpr int kWarm = 6;  // a training's first steps run without a graph, and some more make its memory

// Milliseconds of runs that follow each other without a wait between them, as the steps of a training do.
double sample(const Workload& workload, int64_t runs) {
  return 1e3 * tensor::seconds_of([&] {
           for (int64_t i = 0; i < runs; ++i) workload.run();
           tensor::cuda::synchronize();
         });
}

GpuBenchRow measure(const Workload& workload, int repeats) {
  const Stage stage("bench " + workload.name);
  const auto allocations = [] { return tensor::memory_statistics(tensor::default_device()).system_allocations; };
  sample(workload, kWarm);
  const auto runs = std::clamp<int64_t>(std::llround(kSampleMilliseconds / sample(workload, 1)), 1, kMostRuns);
  GpuBenchRow row{.name = workload.name, .unit = workload.unit, .work = workload.work, .items = workload.items};
  const int64_t kernels = tensor::cuda::launches(), graphs = tensor::cuda::graph_counts().launches, allocated = allocations();
  const int64_t waits = tensor::cuda::synchronizations();
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) times.push_back(sample(workload, runs) / static_cast<double>(runs));
  row.milliseconds = tensor::quantile(times, 0.5);
  const int64_t all = repeats * runs;
  row.kernels = (tensor::cuda::launches() - kernels) / all;
  row.waits = (tensor::cuda::synchronizations() - waits - repeats) / all;
  row.graphs = (tensor::cuda::graph_counts().launches - graphs) / all;
  row.allocations = allocations() - allocated;
  return row;
}

Tensor on_device(tensor::Shape shape) { return Tensor::full(shape, 0.5, tensor::DType::f32, tensor::default_device()); }

}  // namespace

std::vector<GpuBenchRow> bench_gpu(int repeats, int64_t shrink, const std::string& only) {
  const int64_t n = std::max<int64_t>(1, 4096 / shrink);
  const Tensor x = on_device({n, n}), large = on_device({(int64_t{1} << 28) / shrink});
  std::vector<Workload> workloads;
  workloads.push_back({tensor::join("product ", n, "^3, ", tensor::name_of(tensor::precision())), "flop",
                       2.0 * static_cast<double>(n * n * n), [&] { autograd::matmul(x, x); }});
  workloads.push_back({"copy", "byte", 2.0 * static_cast<double>(large.bytes()), [&] { large.clone(); }});
  for (Workload& whole : whole_workloads(shrink, only, WorkloadSizes::gpu)) workloads.push_back(std::move(whole));
  std::vector<GpuBenchRow> rows;
  for (Workload& workload : workloads) {
    rows.push_back(measure(workload, repeats));
    workload.run = nullptr;  // gives its memory back
    GpuBenchRow& row = rows.back();
    row.share = row.rate() / rows[row.unit == rows.front().unit ? 0 : 1].rate();
  }
  return rows;
}

}  // namespace genrec
