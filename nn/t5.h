// The T5 encoder-decoder over packed sequences: one embedding for encoder, decoder and output, one relative position bias
// per stack. Trained on whole sequences; at inference one token at a time with cached keys and values.
#pragma once

#include <memory>

#include "nn/decode_state.h"
#include "nn/embedding.h"
#include "nn/relative_position.h"
#include "nn/t5_layers.h"
#include "tensor/cuda/replays.h"

namespace nn {

class T5 {
 public:
  T5(Parameters& parameters, const std::string& name, const T5Options& options);

  // tokens i32 [T] packed by offsets i32 [S+1] -> [T, D], after the final norm and dropout.
  Var encode(const Tensor& tokens, const Tensor& offsets, const Context& context) const;

  // Decoder inputs (the start token first) packed by offsets, and the encoder's output -> logits [T', V] = (h D^-0.5) E^T.
  Var decode(const Tensor& tokens, const Tensor& offsets, const Var& memory, const Tensor& memory_offsets,
             const Context& context) const;

  // A copy for inference, with the weights as they are now: see Linear::pack(). Its results are the same bits.
  T5 packed() const;
  // The graphs of searches with a packed copy on a GPU; null of another, whose weights may change.
  tensor::cuda::Replays* replays() const { return replays_.get(); }

  // Inference; records nothing. What the decoder needs of the sequences of a batch, made once.
  struct Memory {
    std::vector<Tensor> layers;  // CrossAttention::remember() of each decoder layer
    Tensor offsets;              // i32 [S+1]
  };
  Memory remember(const Tensor& tokens, const Tensor& offsets) const;

  using State = DecodeState;
  using Scores = NextTokenScores;
  // All i32 [rows], on the CPU or made by kernels. Feeds token r to row r; row r goes on from row parents[r] of the step
  // before (unused in the first step) and reads sequence row_user[r] of the memory.
  Scores step(State& state, const Memory& memory, const Tensor& tokens, const Tensor& parents, const Tensor& row_user) const;

  const T5Options& options() const { return options_; }
  const Var& table() const { return embedding_.table; }  // [V, D]

 private:
  Var logits(const Normed& h) const;

  std::string name_;
  T5Options options_;
  Embedding embedding_;
  RelativePosition encoder_position_, decoder_position_;
  std::vector<T5EncoderLayer> encoder_;
  std::vector<T5DecoderLayer> decoder_;
  RmsNorm encoder_norm_, decoder_norm_;
  tensor::PackedMatrix output_;  // the embedding's transpose; of a packed copy
  Dropout encoder_input_, encoder_output_, decoder_input_, decoder_output_;
  std::shared_ptr<tensor::cuda::Replays> replays_;
};

}  // namespace nn
