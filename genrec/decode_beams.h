// A whole beam search with a model that says tokens one by one: the loop over the levels, on the CPU or on a device.
#pragma once

#include <functional>

#include "genrec/beam_search.h"
#include "nn/decode_state.h"

namespace genrec {

// Feeds tokens i32 [rows] to the model; parents and row_user as nn::T5::step takes them.
using NextToken = std::function<nn::NextTokenScores(const tensor::Tensor& tokens, const tensor::Tensor& parents,
                                                    const tensor::Tensor& row_user)>;

// Runs a search that has been started to its end. The first token fed is `start_token`; first_tokens[level] stands for
// code 0 of a level, the tokens of a level are consecutive. On a GPU nothing waits before the end.
void decode_beams(BeamSearch& search, int32_t start_token, std::span<const int32_t> first_tokens, tensor::Device device,
                  const NextToken& next);

// Runs body(): the decoding of a batch of users, from their inputs to the end of decode_beams(). On a GPU all of it is one
// launch of a graph (tensor/cuda/graph.h).
void decode_batch(tensor::Device device, const std::function<void()>& body);

}  // namespace genrec
