// The CUDA device of a program that was built without CUDA.
#include "tensor/cuda/device.h"
#include "tensor/cuda/download.h"
#include "tensor/cuda/graph.h"
#include "tensor/cuda/readback.h"
#include "tensor/cuda/replays.h"
#include "tensor/cuda/sparse_product.h"
#include "tensor/error.h"

namespace tensor::cuda {

std::string open() { return "this program was built without CUDA"; }
std::string description() { return ""; }
int64_t most_shared_memory() { return 0; }
void synchronize() {}
int64_t launches() { return 0; }
int64_t synchronizations() { return 0; }

struct StepGraph::State {};
StepGraph::StepGraph(int) {}
StepGraph::~StepGraph() = default;
void StepGraph::run(const std::function<void()>& body) { body(); }
struct Download::Copy {};
Download::Download(const Tensor& x) : there_(x) {}
Tensor Download::wait() const { return there_; }
struct Replays::State {};
Replays::Replays(Others) {}
Replays::~Replays() = default;
Tensor Replays::run(Key, std::span<const Tensor> inputs, const Body& body) { return body(inputs); }
void Replays::run_other(const std::function<void()>& body) { body(); }
void every_run(std::initializer_list<Tensor>, std::function<void()> make) { make(); }
struct Readback::State {};
Readback::Readback() {}
Readback::~Readback() = default;
bool Readback::poll(const Tensor&, std::span<double>) { return false; }
void Readback::drop() {}

struct SparseProduct::State {};
std::string open_sparse_library() { return open(); }
SparseProduct::SparseProduct(const Tensor&, const Tensor&, const Tensor&, const Tensor&, Tensor&) {
  fail(Fault::resources, "cuSPARSE: ", open());
}
SparseProduct::~SparseProduct() = default;
void SparseProduct::run() {}

GraphCounts graph_counts() { return {}; }
void use_graphs(bool) {}
bool graphs_used() { return false; }

}  // namespace tensor::cuda
