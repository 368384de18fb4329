// Emulated streams, events and graphs. Work of a stream runs in order, as late as it may: copies and graphs when a kernel, a
// wait or another stream needs them, so that memory which is read or changed too early shows. While a stream is captured its
// work goes into the graph instead.
#pragma once

#include <functional>

#include "tensor/cuda/runtime.h"

namespace emulation {

// Whether the variable GENREC_EMULATION_HOST_ONLY is set: kernels and copies are then left out, and the time that a program takes is
// the host's.
bool host_only();

enum class Kind { kernel, copy, wait, poison };

void submit(cudaStream_t stream, Kind kind, std::function<void()> run);

// A kernel or a product: runs at once, after what the stream has waiting, unless the stream is captured.
void submit_kernel(std::function<void()> run);

}  // namespace emulation
