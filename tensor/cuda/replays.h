// Work that is launched again and again with other inputs, as the decoding of users is: recorded as a CUDA graph for every shape of
// its inputs, and launched after that without asking the host anything.
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
  Replays();
  ~Replays();
  Replays(const Replays&) = delete;
  Replays& operator=(const Replays&) = delete;

  using Key = std::vector<int64_t>;
  using Body = std::function<Tensor(std::span<const Tensor> copies)>;

  // body(copies of `inputs`): a tensor on the default device, valid until the next run. inputs: i32, on the CPU. What the device does
  // in it may depend on their numbers; what the host does may depend on nothing but their sizes, `key`, and what stays as it is
  // for as long as this object lives (a model). The first run with a key and sizes makes what is kept on the device, the second is
  // recorded, all others launch that. Work that cannot be repeated (it sends the device something else, or reads from it) is done
  // anew each time; on the CPU and without graphs all of it is.
  Tensor run(Key key, std::span<const Tensor> inputs, const Body& body);

 private:
  struct Work;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tensor::cuda
