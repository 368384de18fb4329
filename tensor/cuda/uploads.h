// What a recorded step sends to the device: gathered in pinned memory and sent in one copy on a second stream, while the device
// may still run the step before. Several slabs take turns; one is used again when the device has passed the step that read it.
#pragma once

#include "tensor/cuda/runtime.h"

namespace tensor::cuda {

class Uploads {
 public:
  Uploads();
  void begin(int64_t reserved = 0);  // a step begins; so many bytes are for reserved()
  // A copy on the device for the kernels of this step, u8; undefined where there is no room: the next steps have more.
  Tensor put(const void* data, int64_t bytes);
  // Pinned memory for the caller to fill before it is sent, and its copy on the device, u8.
  struct Room {
    std::byte* pinned;
    Tensor copy;
  };
  Room reserved();
  void send();  // the copy of all of them; the kernels launched next wait for it
  void end();   // the last kernel of the step is launched
  bool used() const { return slabs_[step_ % kSlabs].wanted > reserved_; }  // by put() in this step
  int64_t step() const { return inside_ ? step_ : 0; }  // its number from 1 on; 0 outside of steps

 private:
  static constexpr int kSlabs = 3;  // one is filled, one is sent, one is read
  struct Slab {
    std::byte* pinned = nullptr;
    Tensor device;                        // of the size of the pinned memory
    int64_t used = 0, wanted = 2 << 20;   // bytes
    cudaEvent_t sent = nullptr, passed = nullptr;
  };
  void grow(Slab& slab);

  Slab slabs_[kSlabs];
  cudaStream_t stream_ = nullptr;
  int64_t step_ = 0, reserved_ = 0;
  bool inside_ = false;
};

Uploads& uploads();  // made when the first step is recorded

}  // namespace tensor::cuda
