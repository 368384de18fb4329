// A Kernel is one function with one implementation per device. The .cpp of an operation defines it with its CPU function, the
// .cu of the same stem binds the CUDA function; without that file the CUDA slot stays empty and says so when it is called.
#pragma once

#include "tensor/profile.h"
#include "tensor/tensor.h"

namespace tensor {

template <class Signature>
struct Kernel;

template <class... Arguments>
struct Kernel<void(Arguments...)> {
  using Function = void (*)(Arguments...);
  const char* name;
  Function cpu;
  Function cuda = nullptr;

  // Runs on CUDA when a Tensor argument lives there. Index tensors (ids, offsets, targets) may stay on the CPU: the CUDA
  // kernels fetch them themselves, see tensor/cuda/runtime.h.
  void operator()(Arguments... arguments) const {
    const Measured measured(name);
    if (profiling()) (count_bytes(arguments), ...);
    if (!(on_cuda(arguments) || ...)) return cpu(arguments...);
    require(Fault::resources, cuda != nullptr, name, ": this binary has no CUDA kernel; use --device cpu");
    cuda(arguments...);
  }
  bool bind_cuda(Function function) {
    cuda = function;
    return true;
  }

 private:
  template <class Argument>
  static bool on_cuda(const Argument& argument) {
    if constexpr (std::is_same_v<Argument, Tensor>) return argument.defined() && argument.device() == Device::cuda;
    return false;
  }
  template <class Argument>
  static void count_bytes(const Argument& argument) {
    if constexpr (std::is_same_v<Argument, Tensor>) {
      if (argument.defined()) count_work(0, static_cast<double>(argument.bytes()));
    }
  }
};

}  // namespace tensor
