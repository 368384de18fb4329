// What CUDA host code needs: the stream, errors, and the memory behind tensors. Only .cu files include it.
//
// The rule for tensors: real numbers that an operation computes with live on its device. Index tensors (ids, targets,
// offsets, buckets, the arrays of a sparse matrix) belong to the CPU, where they are checked; a kernel takes them through
// indices(), which keeps a copy on the device for as long as the CPU memory lives. Such a tensor must not be changed once an
// operation has seen it. Ids that a kernel made (codes) may stay on the device; offsets never do.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>

#include "tensor/cuda/device.h"
#include "tensor/tensor.h"

namespace tensor::cuda {

cudaStream_t stream();
void check(cudaError_t status, const char* what);  // throws Error: "cuda: WHAT: MESSAGE"
void count_launches(int64_t count);
void count_wait();

// The kernel may be launched with that much dynamic shared memory. What was allowed before stays so: launches that are recorded, but
// not yet made, need it.
void allow_shared_memory(const char* name, const void* kernel, size_t bytes);

// The elements on the device of an f32 tensor that lives there; an Error if it does not.
float* floats(Tensor& x);
const float* floats(const Tensor& x);
inline const float* floats_or_null(const Tensor& x) { return x.defined() ? floats(x) : nullptr; }

// The i32 elements on the device, wherever the tensor lives.
const int32_t* indices(const Tensor& ids);

// The f32 elements on the device, wherever the tensor lives: for constants such as the values of a sparse matrix.
const float* constants(const Tensor& values);

// The i64 elements on the device of a tensor on the CPU.
const int64_t* places(const Tensor& starts);

// A copy on the device of host memory that may go away: staged in pinned memory, so that nothing waits. While a step is
// recorded (tensor/cuda/graph.h) it is valid for that step only.
Tensor upload(const void* data, int64_t bytes);
template <class T>
Tensor upload(const std::vector<T>& values) {
  return upload(values.data(), static_cast<int64_t>(values.size() * sizeof(T)));
}

// The same, of what is the same whenever a step of these sizes is made, such as addresses (tensor/cuda/replays.h).
Tensor upload_lasting(const void* data, int64_t bytes);
template <class T>
Tensor upload_lasting(const std::vector<T>& values) {
  return upload_lasting(values.data(), static_cast<int64_t>(values.size() * sizeof(T)));
}

// Uninitialised memory on the device; in order of the stream, so it may be dropped as soon as its last kernel is launched.
Tensor scratch(int64_t count, DType dtype = DType::f32);

// Counters on the device, 0 between kernels: how many blocks of a kernel have come to its end (tensor/cuda/sums.h).
unsigned* arrivals(int64_t count);

// While a step is recorded, nothing that is launched runs. What a graph cannot hold, such as waiting or reading from the
// device, begins with leave_capture(): what was recorded is launched, and the rest of the step is no longer recorded.
bool capturing();
void leave_capture();

// Records what body() launches, and gives it to launch(): at its end, or earlier where it leaves the capture. What body() put into the
// uploads, and into the `reserved` bytes of them, is for launch() to send. After an exception nothing that was recorded runs. The stream is
// not captured yet.
void record(int64_t reserved, const std::function<void()>& body, const std::function<void(cudaGraph_t)>& launch);
cudaGraphExec_t build_graph(cudaGraph_t graph);
void launch_graph(cudaGraphExec_t executable);

// indices() of `ids`, on the CPU, is `copy`: for the step that is recorded, else for as long as the CPU memory lives.
void bind_copy(const Tensor& ids, const Tensor& copy);
// From here on the tensors that indices() and constants() keep a copy of, and these copies, are put there when they are used;
// null: no more.
void keep_used_copies(std::vector<Tensor>* kept);
void drop_expired_copies();  // those of freed tensors
void forget_copies();        // those of indices() and constants() are made again

// What an emulation of the device wants to look at.
struct TestHooks {
  void (*copied)(const void* host, const void* device, int64_t bytes) = nullptr;  // indices() made a copy
  void (*cached)(const void* host, const void* device,
                 int64_t bytes) = nullptr;  // it is used again: has the host's memory changed?
  void (*freed)(void* memory, size_t bytes) = nullptr;
};
extern TestHooks test_hooks;

}  // namespace tensor::cuda
