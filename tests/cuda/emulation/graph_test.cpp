// Steps as graphs on the emulated device: what is recorded runs later and in order, inputs are sent ahead on another stream, and
// what a graph cannot hold is launched before it.
#include "tensor/cuda/graph.h"

#include "tensor/allocator.h"
#include "tensor/cuda/device.h"
#include "tensor/cuda/map.h"
#include "tensor/elementwise.h"
#include "tests/catch.h"
#include "tests/cuda/emulation/streams.h"

using tensor::Device;
using tensor::DType;
using tensor::Tensor;
using tensor::cuda::StepGraph;
using tests::error_of;

namespace {

struct OnDevice {
  OnDevice() { tensor::cuda::open(), tensor::set_default_device(Device::cuda); }
  ~OnDevice() { tensor::set_default_device(Device::cpu); }
};

Tensor zeros(int64_t count) { return Tensor::zeros({count}, DType::f32, Device::cuda); }

// y[i] += x[ids[i]], for ids on the CPU.
void add_rows(Tensor& y, const Tensor& x, const Tensor& ids) {
  float* to = tensor::cuda::floats(y);
  const float* from = tensor::cuda::floats(x);
  const int32_t* id = tensor::cuda::indices(ids);
  tensor::cuda::for_each("add rows", y.size(), [=](int64_t i) { to[i] += from[id[i]]; });
}

void fill_kernel(float* y, float value) { y[threadIdx.x] = value; }

struct Counts {
  tensor::cuda::GraphCounts graphs = tensor::cuda::graph_counts();
  int64_t synchronizations = tensor::cuda::synchronizations(), kernels = tensor::cuda::launches();
  int64_t allocations = tensor::memory_statistics(Device::cuda).system_allocations;

  Counts since(const Counts& start) const {
    Counts c = *this;
    c.graphs.launches -= start.graphs.launches, c.graphs.updates -= start.graphs.updates;
    c.graphs.instantiations -= start.graphs.instantiations;
    c.synchronizations -= start.synchronizations, c.kernels -= start.kernels, c.allocations -= start.allocations;
    return c;
  }
};

}  // namespace

TEST_CASE("a step is one graph, updated in place while its kernels are the same", "[cuda][graph]") {
  const OnDevice device;
  Tensor y = zeros(100), x = Tensor::from<float>({1, 2, 3, 4, 5, 6, 7, 8}).to(Device::cuda);
  StepGraph graph(1);
  const auto step = [&](int64_t count, int32_t number) {
    graph.run([&] {
      Tensor part = y.row_range(0, count), one = Tensor::full({count}, 1, DType::f32, Device::cuda);
      add_rows(part, x, Tensor::from(std::vector<int32_t>(count, number)));
      tensor::add(part, one, part);
    });
  };
  step(100, 0), step(100, 0);
  const Counts start;
  for (int32_t i = 1; i < 7; ++i) step(100 - i, i);
  const Counts done = Counts().since(start);
  CHECK(done.graphs.launches == 6);
  CHECK(done.graphs.instantiations == 0);
  CHECK(done.graphs.updates == 6);
  CHECK(done.synchronizations == 0);
  CHECK(done.kernels == 18);
  CHECK(done.allocations == 0);
  const std::vector<float> got = y.to_vector<float>();
  for (int i = 0; i < 100; ++i) {
    float expected = 4;
    for (int s = 1; s < 7; ++s) expected += i < 100 - s ? static_cast<float>(s + 2) : 0;
    REQUIRE(got[i] == expected);
  }
  graph.run([&] { tensor::add(y, y, y); });
  CHECK(Counts().since(start).graphs.instantiations == 1);
}

TEST_CASE("a read from the device launches what was recorded before it", "[cuda][graph]") {
  const OnDevice device;
  Tensor y = zeros(1), two = Tensor::full({1}, 2, DType::f32, Device::cuda);
  StepGraph graph(0);
  const Counts start;
  double seen = 0;
  graph.run([&] {
    tensor::add(y, two, y);
    seen = y.item();
    tensor::add(y, two, y);
  });
  CHECK(seen == 2);
  CHECK(y.item() == 4);
  const Counts done = Counts().since(start);
  CHECK(done.graphs.launches == 1);
  CHECK(done.synchronizations == 2);
}

TEST_CASE("an exception ends the recording, and nothing of it runs", "[cuda][graph]") {
  const OnDevice device;
  Tensor y = zeros(4), x = Tensor::from<float>({1, 2, 3, 4}).to(Device::cuda);
  const Tensor ids = Tensor::from<int32_t>({0, 1, 2, 3});
  StepGraph graph(0);
  const auto step = [&](bool good) {
    graph.run([&] {
      add_rows(y, x, ids);
      tensor::require(good, "no");
    });
  };
  CHECK(error_of([&] { step(false); }) == "no");
  CHECK_FALSE(tensor::cuda::capturing());
  CHECK(y.to_vector<float>() == std::vector<float>(4, 0));
  step(true), step(true);
  CHECK(y.to_vector<float>() == std::vector<float>{2, 4, 6, 8});
}

TEST_CASE("inputs that are too large for a slab are sent all the same, and fit the next time", "[cuda][graph]") {
  const OnDevice device;
  constexpr int64_t kMany = 3 << 20;  // 12 MiB of ids
  Tensor y = zeros(kMany), x = zeros(1), one = Tensor::full({1}, 1, DType::f32, Device::cuda);
  x.fill(1);
  StepGraph graph(0);
  int64_t plain = 0;
  for (int i = 0; i < 4; ++i) {
    graph.run([&] {
      const Tensor ids = Tensor::zeros({kMany}, DType::i32);
      tensor::add(one, one, one);
      const int32_t* id = tensor::cuda::indices(ids);
      plain += !tensor::cuda::capturing();
      float* sums = tensor::cuda::floats(y);
      tensor::cuda::for_each("few", 16, [=](int64_t k) { sums[k << 17] += static_cast<float>(1 + id[k << 17]); });
    });
  }
  CHECK(plain == 1);
  CHECK(y.to_vector<float>()[15 << 17] == 4);
  CHECK(one.item() == 16);
}

TEST_CASE("index tensors that live longer than a step get a copy that does, too", "[cuda][graph]") {
  const OnDevice device;
  Tensor y = zeros(4), x = Tensor::from<float>({1, 2, 3, 4}).to(Device::cuda);
  Tensor ids = Tensor::from<int32_t>({3, 2, 1, 0});
  StepGraph graph(0);
  for (int i = 0; i < 8; ++i) {
    graph.run([&] {
      add_rows(y, x, ids);
      add_rows(y, x, Tensor::from(std::vector<int32_t>(4, i % 4)));
    });
  }
  CHECK(y.to_vector<float>() == std::vector<float>{52, 44, 36, 28});
  add_rows(y, x, ids);
  CHECK(y.to_vector<float>() == std::vector<float>{56, 47, 38, 29});
  ids.data<int32_t>()[0] = 0;
  CHECK_THAT(error_of([&] { graph.run([&] { add_rows(y, x, ids); }); }), tests::Contains("was changed"));
}

TEST_CASE("the emulation runs copies of another stream when they are waited for, and no reads while it records", "[cuda][emulation]") {
  const OnDevice device;
  cudaStream_t other = nullptr;
  cudaEvent_t copied = nullptr;
  void* pinned = nullptr;
  cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
  cudaEventCreateWithFlags(&copied, cudaEventDisableTiming);
  cudaMallocHost(&pinned, sizeof(float));
  *static_cast<float*>(pinned) = 5;
  Tensor x = zeros(1), y = zeros(1);
  cudaMemcpyAsync(x.raw(), pinned, sizeof(float), cudaMemcpyHostToDevice, other);
  cudaEventRecord(copied, other);
  tensor::add(y, x, y);
  CHECK(y.item() == 0);
  CHECK(cudaEventQuery(copied) == cudaErrorNotReady);
  cudaStreamWaitEvent(tensor::cuda::stream(), copied, 0);
  *static_cast<float*>(pinned) = 6;  // too early: the copy has not been made yet
  tensor::add(y, x, y);
  CHECK(y.item() == 6);
  CHECK(cudaEventQuery(copied) == cudaSuccess);
  cudaFreeHost(pinned);

  cudaGraph_t graph = nullptr;
  cudaStreamBeginCapture(tensor::cuda::stream(), cudaStreamCaptureModeRelaxed);
  float host = 0;
  CHECK_THAT(error_of([&] { cudaStreamSynchronize(tensor::cuda::stream()); }), tests::Contains("while the stream is captured"));
  CHECK_THAT(error_of([&] { cudaMemcpyAsync(&host, x.raw(), 4, cudaMemcpyDeviceToHost, tensor::cuda::stream()); }),
             tests::Contains("a copy to the host while the stream is captured"));
  cudaStreamEndCapture(tensor::cuda::stream(), &graph);
  cudaGraphDestroy(graph);
}

TEST_CASE("a recorded kernel keeps the shared memory that it asked for", "[cuda][graph]") {
  const OnDevice device;
  Tensor y = zeros(64);
  StepGraph graph(0);
  graph.run([&] {
    float* first = tensor::cuda::floats(y);
    tensor::cuda::launch("fill", dim3(1), dim3(32), 90 << 10, fill_kernel, first, 1.f);
    tensor::cuda::launch("fill", dim3(1), dim3(32), 50 << 10, fill_kernel, first + 32, 2.f);
  });
  CHECK(y.to_vector<float>()[31] == 1);
  CHECK(y.to_vector<float>()[32] == 2);
}
