// Work that is launched again and again with other inputs, as the decoding of users and the steps of a training are: recorded as a
// CUDA graph for every shape of its inputs, and launched after that without being recorded.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace tensor::cuda {

class Replays {
 public:
  // What is done with work whose sizes did not come before, and with work that cannot be repeated: its kernels are launched one by
  // one, or they are recorded anew each time (tensor/cuda/graph.h).
  enum class Others { plain, recorded };
  explicit Replays(Others others = Others::plain);
  ~Replays();
  Replays(const Replays&) = delete;
  Replays& operator=(const Replays&) = delete;

  using Key = std::vector<int64_t>;
  using Body = std::function<Tensor(std::span<const Tensor> copies)>;

  // body(copies of `inputs`): a tensor on the default device, valid until the next run. inputs: i32, on the CPU; they belong to this
  // object from now on, which writes the numbers of later runs into them. What the device does in body() may depend on their
  // numbers; what the host does may depend on nothing but their sizes, `key`, and what stays as it is for as long as this object
  // lives (a model), but for every_run(). The first run with a key and sizes makes what is kept on the device, the next is recorded,
  // all others launch that. Work that cannot be repeated sends the device something else, or reads from it. The body must not give
  // back memory of the device that was there before it. On the CPU and without graphs it is just run.
  Tensor run(Key key, std::span<const Tensor> inputs, const Body& body);

  void run_other(const std::function<void()>& body);  // work that cannot be repeated

 private:
  struct Work;
  struct State;
  std::unique_ptr<State> state_;
};

// Host work within a body: make() fills `results`, on the CPU, which the device reads. It is done now, and where the body is launched
// again before each launch. It may read the run's inputs, results of other such work, and numbers of the host that change.
void every_run(std::initializer_list<Tensor> results, std::function<void()> make);

}  // namespace tensor::cuda
