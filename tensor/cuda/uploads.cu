#include "tensor/cuda/uploads.h"

#include <algorithm>
#include <cstring>

#include "tensor/cuda/device.h"

namespace tensor::cuda {

namespace {

constexpr int64_t kAlignment = 256;  // bytes

int64_t aligned(int64_t bytes) { return (std::max<int64_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

Uploads::Uploads() {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "the stream of copies");
  for (Slab& slab : slabs_) {
    check(cudaEventCreateWithFlags(&slab.sent, cudaEventDisableTiming), "event");
    check(cudaEventCreateWithFlags(&slab.passed, cudaEventDisableTiming), "event");
    grow(slab);
  }
}

// Waits for the device: the new memory may have been another tensor's, which a kernel still uses.
void Uploads::grow(Slab& slab) {
  synchronize();
  slab.device = Tensor({aligned(2 * slab.wanted)}, DType::u8, Device::cuda);
  if (slab.pinned) check(cudaFreeHost(slab.pinned), "pinned memory");
  check(cudaMallocHost(reinterpret_cast<void**>(&slab.pinned), static_cast<size_t>(slab.device.bytes())), "pinned memory");
}

void Uploads::begin(int64_t reserved) {
  inside_ = true;
  reserved_ = reserved > 0 ? aligned(reserved) : 0;
  Slab& slab = slabs_[++step_ % kSlabs];
  slab.wanted = std::max(slab.wanted, reserved_);
  check(cudaEventSynchronize(slab.passed), "waiting for an earlier step");
  for (const Slab& other : slabs_) slab.wanted = std::max(slab.wanted, other.wanted);
  if (slab.wanted > slab.device.bytes()) grow(slab);
  slab.used = slab.wanted = reserved_;
}

Uploads::Room Uploads::reserved() {
  Slab& slab = slabs_[step_ % kSlabs];
  return {slab.pinned, slab.device.row_range(0, reserved_)};
}

Tensor Uploads::put(const void* data, int64_t bytes) {
  Slab& slab = slabs_[step_ % kSlabs];
  slab.wanted += aligned(bytes);
  if (slab.used + aligned(bytes) > slab.device.bytes()) return {};
  std::memcpy(slab.pinned + slab.used, data, static_cast<size_t>(bytes));
  slab.used += aligned(bytes);
  return slab.device.row_range(slab.used - aligned(bytes), slab.used - aligned(bytes) + bytes);
}

void Uploads::send() {
  Slab& slab = slabs_[step_ % kSlabs];
  if (slab.used == 0) return;
  check(cudaMemcpyAsync(slab.device.raw(), slab.pinned, static_cast<size_t>(slab.used), cudaMemcpyHostToDevice, stream_),
        "sending a step's inputs");
  check(cudaEventRecord(slab.sent, stream_), "event");
  check(cudaStreamWaitEvent(tensor::cuda::stream(), slab.sent, 0), "event");
}

void Uploads::end() {
  inside_ = false;
  cudaEventRecord(slabs_[step_ % kSlabs].passed, tensor::cuda::stream());  // what is wrong shows at the next launch
}

Uploads& uploads() {
  static Uploads& all = *new Uploads;  // never destroyed, as the allocator
  return all;
}

}  // namespace tensor::cuda
