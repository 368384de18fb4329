// What the steps of a training tell a GPU, so that it makes one by launching the graph of an earlier one.
#pragma once

#include "tensor/cuda/replays.h"
#include "tensor/offsets.h"

namespace genrec {

// The index tensors of a step's batch, i32 on the CPU and of this step alone. Steps whose tensors have the same sizes, and that have
// the same `key`, differ in the numbers of these tensors only; see Replays::run. A step without tensors is recorded anew.
struct StepInputs {
  std::vector<tensor::Tensor> tensors;
  tensor::cuda::Replays::Key key;

  void add(const tensor::Tensor& ids) { tensors.push_back(ids); }
  void add_offsets(const tensor::Tensor& offsets) {  // of packed sequences, of which the host looks at the longest
    add(offsets);
    key.push_back(tensor::longest_sequence(offsets.span<int32_t>()));
  }
};

}  // namespace genrec
