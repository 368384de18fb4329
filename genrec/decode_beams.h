// A whole beam search with a model that says tokens one by one: the loop over the levels, on the CPU or on a device.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "genrec/beam_search.h"
#include "nn/decode_state.h"
#include "tensor/cuda/download.h"
#include "tensor/cuda/replays.h"

namespace genrec {

// Feeds tokens i32 [rows] to the model; parents and row_user as nn::T5::step takes them.
using NextToken = std::function<nn::NextTokenScores(const tensor::Tensor& tokens, const tensor::Tensor& parents,
                                                    const tensor::Tensor& row_user)>;

// What a model says of a batch of users. The first token fed is `start_token`; first_tokens[level] stands for code 0 of a level,
// the tokens of a level are consecutive.
struct BeamModel {
  int32_t start_token = 0;
  std::span<const int32_t> first_tokens;
  std::function<void()> encode;  // the users; before the first token
  NextToken next;
  // A model whose weights stay as they are names the graphs of its searches. What encode() and next() read of a batch is in
  // `inputs` then, i32 on the CPU, and the host decides in them by nothing but their sizes and `longest`.
  tensor::cuda::Replays* replays = nullptr;
  std::vector<tensor::Tensor> inputs = {};
  int64_t longest = 0;  // sequence among them
};

// A search on its way.
class RunningSearch {
 public:
  explicit RunningSearch(BeamSearch search, tensor::cuda::Download found = {}) : search_(std::move(search)), found_(std::move(found)) {}
  BeamSearch& wait();  // the search at its end

 private:
  BeamSearch search_;
  tensor::cuda::Download found_;
};

// Runs a search that has been started. On a GPU all of it is one launch of a graph, where the model has `replays` and was asked for a
// batch of these sizes before, and nothing waits for it.
RunningSearch decode_beams(BeamSearch search, tensor::Device device, const BeamModel& model);

// For the groups from `first` to `last`: begin(group) gives a search on its way, and finish(group, search) gets it when that of the
// next one has begun.
template <class Begin, class Finish>
void decode_ahead(int64_t first, int64_t last, Begin begin, Finish finish) {
  std::optional<RunningSearch> before;
  for (int64_t group = first; group < last; ++group) {
    RunningSearch next = begin(group);
    if (before) finish(group - 1, *before);
    before.emplace(std::move(next));
  }
  if (before) finish(last - 1, *before);
}

}  // namespace genrec
