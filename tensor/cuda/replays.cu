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

constexpr int64_t kMostGraphs = 64;   // those used last
constexpr int kMostRecordings = 4;    // of a work: what it keeps on the device may be there only after some

}  // namespace

// What the host does before each launch of a work.
class HostShare {
 public:
  void begin(std::span<const Tensor> inputs);  // of a recording
  // Its copy on the device, i32, that is sent anew each time; where there is no room, undefined.
  Tensor send(const Tensor& host);
  void repeat(std::function<void()> make) { makes_.push_back(std::move(make)); }

  void make(std::span<const Tensor> inputs) const;
  void stage() const;  // sends everything, within a step of the uploads that reserved:
  int64_t room() const { return slab_.bytes(); }

 private:
  static constexpr int64_t kElement = 4, kAlignment = 256, kLeastRoom = 1 << 16;  // bytes
  struct Sent {
    Tensor host;
    int64_t begin;  // in the slab, bytes
  };
  std::vector<Tensor> inputs_;
  std::vector<std::function<void()>> makes_;
  std::vector<Sent> sent_;
  Tensor slab_;
  int64_t used_ = 0, wanted_ = 0;
};

static HostShare* recorded = nullptr;  // of the work that is being recorded

void HostShare::begin(std::span<const Tensor> inputs) {
  inputs_.assign(inputs.begin(), inputs.end());
  makes_.clear(), sent_.clear();
  int64_t room = round_up(wanted_ + wanted_ / 4, kLeastRoom);
  if (!slab_.defined()) {
    for (const Tensor& x : inputs) room += 4 * round_up(x.bytes(), kLeastRoom);  // what is made of them is about as large
  }
  if (!slab_.defined() || slab_.bytes() < room) {
    if (slab_.defined()) synchronize();  // an earlier recording may still read it
    slab_ = Tensor({room / kElement}, DType::i32, Device::cuda);
  }
  used_ = wanted_ = 0;
}

Tensor HostShare::send(const Tensor& host) {
  const int64_t bytes = round_up(std::max<int64_t>(host.bytes(), 1), kAlignment), begin = used_ / kElement;
  wanted_ += bytes;
  if (used_ + bytes > slab_.bytes()) return {};
  sent_.push_back({host, used_});
  used_ += bytes;
  return slab_.row_range(begin, begin + ceil_div(host.bytes(), kElement));
}

void HostShare::make(std::span<const Tensor> inputs) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].raw() != inputs_[i].raw()) std::memcpy(inputs_[i].raw(), inputs[i].raw(), static_cast<size_t>(inputs[i].bytes()));
  }
  for (const auto& make : makes_) make();
}

void HostShare::stage() const {
  const auto [pinned, copy] = uploads().reserved();
  for (const auto& [host, begin] : sent_) std::memcpy(pinned + begin, host.raw(), static_cast<size_t>(host.bytes()));
  uploads().send();
  check(cudaMemcpyAsync(slab_.raw(), copy.raw(), static_cast<size_t>(used_), cudaMemcpyDeviceToDevice, stream()), "sending inputs");
}

// The work for one key.
struct Replays::Work {
  int64_t runs = 0, used = 0;  // how often, when
  int recordings = 0;
  cudaGraphExec_t executable = nullptr;
  bool whole = false;  // all of the work is in it
  int64_t kernels = 0;
  HostShare host;
  Tensor result;
  std::vector<Tensor> kept;  // what the kernels read besides, with its originals: their addresses are in keys

  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() { destroy_graph(); }
  void destroy_graph();
  void replay(std::span<const Tensor> inputs);
  Tensor record(const MemoryPool& pool, std::span<const Tensor> inputs, const Body& body);
};

void Replays::Work::destroy_graph() {
  if (executable) cudaGraphExecDestroy(executable);  // a launch that still runs ends first
  executable = nullptr;
}

void Replays::Work::replay(std::span<const Tensor> inputs) {
  host.make(inputs);
  uploads().begin(host.room());
  host.stage();
  launch_graph(executable);
  uploads().end();
  count_launches(kernels);
}

// Records the work, and launches it.
Tensor Replays::Work::record(const MemoryPool& pool, std::span<const Tensor> inputs, const Body& body) {
  struct Recording {
    explicit Recording(Work& work) { recorded = &work.host, keep_used_copies(&work.kept); }
    ~Recording() { recorded = nullptr, keep_used_copies(nullptr); }
  };
  ++recordings;
  destroy_graph();
  kept.clear();
  host.begin(inputs);
  drop_expired_copies();  // their memory is not to be given back in the middle of what is repeated
  const int64_t before = launches();
  bool recorded_all = false;
  Tensor made;
  try {
    cuda::record(
        host.room(),
        [&] {
          std::vector<Tensor> copies;
          for (const Tensor& x : inputs) {
            copies.push_back(host.send(x).reshape(x.shape()));
            bind_copy(x, copies.back());
          }
          const MemoryPool::Use use(pool);
          const Recording recording(*this);
          made = body(copies);
          recorded_all = capturing() && !uploads().used();
        },
        [&](cudaGraph_t graph) {
          host.stage();
          executable = build_graph(graph);
          launch_graph(executable);
        });
  } catch (...) {
    recordings = kMostRecordings;
    throw;
  }
  if (recorded_all) whole = true, kernels = launches() - before, result = made;
  return made;
}

struct Replays::State {
  explicit State(Others rest) : others(rest) {}

  Others others;
  StepGraph anew;
  MemoryPool pool;  // of all graphs: they run one after the other
  std::map<Key, Work> works;
  int64_t runs = 0;

  Work& work_of(const Key& key);
  Tensor run_other(std::span<const Tensor> inputs, const Body& body);
  void run_other(const std::function<void()>& body);
};

// A new one where there is none, in the place of the one that was not used for longest.
Replays::Work& Replays::State::work_of(const Key& key) {
  if (!works.contains(key) && std::ssize(works) >= kMostGraphs) {
    works.erase(std::min_element(works.begin(), works.end(),
                                 [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  return works[key];
}

Tensor Replays::State::run_other(std::span<const Tensor> inputs, const Body& body) {
  Tensor result;
  const auto run = [&] {
    std::vector<Tensor> copies;
    for (const Tensor& x : inputs) {
      copies.push_back(x.to(Device::cuda));
      bind_copy(x, copies.back());
    }
    result = body(copies);
  };
  run_other(run);
  return result;
}

void Replays::State::run_other(const std::function<void()>& body) {
  if (others == Others::recorded) anew.run(body);
  else body();
}

Replays::Replays(Others others) : state_(new State(others)) {}
Replays::~Replays() = default;

Tensor Replays::run(Key key, std::span<const Tensor> inputs, const Body& body) {
  if (default_device() != Device::cuda) return body(inputs);
  if (!graphs_used() || capturing()) return state_->run_other(inputs, body);
  for (const Tensor& x : inputs) key.push_back(x.size());
  Work& work = state_->work_of(key);
  work.used = ++state_->runs;
  if (work.whole) return work.replay(inputs), work.result;
  if (work.runs++ == 0 || work.recordings == kMostRecordings) return state_->run_other(inputs, body);
  return work.record(state_->pool, inputs, body);
}

void Replays::run_other(const std::function<void()>& body) { state_->run_other(body); }

void every_run(std::initializer_list<Tensor> results, std::function<void()> make) {
  make();
  if (!recorded || !capturing()) return;
  recorded->repeat(std::move(make));
  for (const Tensor& x : results) {
    if (const Tensor copy = recorded->send(x); copy.defined()) bind_copy(x, copy);
  }
}

Tensor upload_lasting(const void* data, int64_t bytes) {
  if (recorded && capturing()) {
    Tensor host({bytes}, DType::u8);
    std::memcpy(host.raw(), data, static_cast<size_t>(bytes));
    if (const Tensor copy = recorded->send(host); copy.defined()) return copy;
  }
  return upload(data, bytes);
}

}  // namespace tensor::cuda
