#include "tensor/cuda/replays.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "tensor/allocator.h"
#include "tensor/cuda/device.h"
#include "tensor/cuda/graph.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/uploads.h"
#include "tensor/divide.h"

namespace tensor::cuda {

namespace {

constexpr int64_t kMostGraphs = 64;  // those used last
constexpr int64_t kAligned = 64;     // elements of an input

}  // namespace

// The work for one key.
struct Replays::Work {
  enum { seen, recorded, refused } state = seen;
  int64_t used = 0;  // when
  cudaGraphExec_t executable = nullptr;
  int64_t kernels = 0;
  std::vector<int64_t> begins{0};  // of the inputs, among all of them
  int32_t* pinned = nullptr;       // the inputs of the next launch, which copies them to:
  Tensor sent;                     // i32
  cudaEvent_t passed = nullptr;    // the last launch is done
  Tensor result;
  std::vector<Tensor> kept;        // what the kernels read besides, with its originals: their addresses are in keys

  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() {
    if (passed) cudaEventSynchronize(passed), cudaEventDestroy(passed);
    if (executable) cudaGraphExecDestroy(executable);
    if (pinned) cudaFreeHost(pinned);
  }
  void make_room(std::span<const Tensor> inputs);
  void fill(std::span<const Tensor> inputs) const;
  Tensor first_run(const MemoryPool& pool, std::span<const Tensor> inputs, const Body& body);
  void launch();
};

void Replays::Work::make_room(std::span<const Tensor> inputs) {
  for (const Tensor& x : inputs) begins.push_back(begins.back() + round_up(x.size(), kAligned));
  sent = Tensor({std::max<int64_t>(begins.back(), 1)}, DType::i32, Device::cuda);
  check(cudaMallocHost(reinterpret_cast<void**>(&pinned), static_cast<size_t>(sent.bytes())), "pinned memory");
  check(cudaEventCreateWithFlags(&passed, cudaEventDisableTiming), "event");
}

void Replays::Work::fill(std::span<const Tensor> inputs) const {
  check(cudaEventSynchronize(passed), "waiting for an earlier launch");
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::memcpy(pinned + begins[i], inputs[i].raw(), static_cast<size_t>(inputs[i].bytes()));
  }
}

void Replays::Work::launch() {
  launch_graph(executable);
  check(cudaEventRecord(passed, stream()), "event");
}

// Records the work, and launches it.
Tensor Replays::Work::first_run(const MemoryPool& pool, std::span<const Tensor> inputs, const Body& body) {
  state = refused;  // an exception may come
  make_room(inputs);
  fill(inputs);
  drop_expired_copies();  // their memory is not to be given back in the middle of what is repeated
  struct Keeping {
    explicit Keeping(std::vector<Tensor>& kept) { keep_used_copies(&kept); }
    ~Keeping() { keep_used_copies(nullptr); }
  };
  const int64_t before = launches();
  bool whole = false;
  Tensor made;
  record(
      [&] {
        check(cudaMemcpyAsync(sent.raw(), pinned, static_cast<size_t>(sent.bytes()), cudaMemcpyHostToDevice, stream()),
              "sending inputs");
        std::vector<Tensor> copies;
        for (size_t i = 0; i < inputs.size(); ++i) {
          copies.push_back(sent.row_range(begins[i], begins[i] + inputs[i].size()).reshape(inputs[i].shape()));
          bind_copy(inputs[i], copies[i]);
        }
        const MemoryPool::Use use(pool);
        const Keeping keeping(kept);
        made = body(copies);
        whole = capturing() && !uploads().used();
      },
      [&](cudaGraph_t graph) {
        executable = build_graph(graph);
        launch();
      });
  if (!whole) return made;
  state = recorded, kernels = launches() - before, result = made;
  return result;
}

struct Replays::State {
  MemoryPool pool;  // of all graphs: they run one after the other
  std::map<Key, Work> works;
  int64_t runs = 0;

  Work& work_of(const Key& key);
};

// A new one where there is none, in the place of the one that was not used for longest.
Replays::Work& Replays::State::work_of(const Key& key) {
  if (!works.contains(key) && std::ssize(works) >= kMostGraphs) {
    works.erase(std::min_element(works.begin(), works.end(),
                                 [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  return works[key];
}

static Tensor plain_run(std::span<const Tensor> inputs, const Replays::Body& body) {
  std::vector<Tensor> copies;
  for (const Tensor& x : inputs) {
    copies.push_back(x.to(Device::cuda));
    bind_copy(x, copies.back());
  }
  return body(copies);
}

Replays::Replays() : state_(new State) {}
Replays::~Replays() = default;

Tensor Replays::run(Key key, std::span<const Tensor> inputs, const Body& body) {
  if (default_device() != Device::cuda) return body(inputs);
  if (!graphs_used() || capturing()) return plain_run(inputs, body);
  for (const Tensor& x : inputs) key.push_back(x.size());
  const bool first = !state_->works.contains(key);
  Work& work = state_->work_of(key);
  work.used = ++state_->runs;
  if (first || work.state == Work::refused) return plain_run(inputs, body);
  if (work.state == Work::seen) return work.first_run(state_->pool, inputs, body);
  work.fill(inputs);
  work.launch();
  count_launches(work.kernels);
  return work.result;
}

}  // namespace tensor::cuda
