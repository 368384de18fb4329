// One encoder and one decoder layer of T5 (Raffel et al. 2020): pre-norm, x + dropout(f(norm(x))), RMS norms, no biases in
// the projections, no scaling of the scores. The relative position bias belongs to the stack and is passed in. The sum at the
// end of a sub-layer and the norm before the next one are one operation, so a layer is given the norm that comes after it. At
// inference on a GPU the sum is joined to the product before it instead, and the norm to those after it: the memory of the
// stream is changed in place.
#pragma once

#include "nn/feed_forward.h"
#include "nn/multi_head_attention.h"
#include "nn/rms_norm.h"

namespace nn {

struct T5Options {
  int64_t width = 128;  // D
  int64_t feed_forward = 1024;
  int heads = 6;            // H
  int64_t head_width = 64;  // W; H*W need not be D
  int encoder_layers = 4, decoder_layers = 4;
  double dropout = 0.1;
  int64_t vocabulary = 0;
};

// The residual stream between two sub-layers, [tokens, D] both.
struct T5Stream {
  T5Stream(Var sum, Normed normed) : x(std::move(sum)), norm(std::move(normed)) {}
  Var x;
  Normed norm;  // of x, by the norm of the sub-layer that comes
};

// x + dropout(ffn(norm(x)))
class T5FeedForward {
 public:
  T5FeedForward(Parameters& parameters, const std::string& name, const T5Options& options);
  T5Stream operator()(const T5Stream& in, const RmsNorm& next, const Context& context) const;
  const RmsNorm& norm() const { return norm_; }
  void pack() { ffn_.pack(); }  // see Linear

 private:
  RmsNorm norm_;
  FeedForward ffn_;
  Dropout dropout_;
};

class T5EncoderLayer {
 public:
  T5EncoderLayer(Parameters& parameters, const std::string& name, const T5Options& options);

  // x [tokens, D] packed by offsets i32 [sequences+1] -> [tokens, D]
  T5Stream operator()(const T5Stream& in, const Tensor& offsets, const autograd::RelativeBias& bias, const RmsNorm& next,
                      const Context& context) const;
  const RmsNorm& norm() const { return norm_; }
  void pack() { attention_.pack(), ffn_.pack(); }

 private:
  std::string name_;
  RmsNorm norm_;
  SelfAttention attention_;
  Dropout dropout_;
  T5FeedForward ffn_;
};

class T5DecoderLayer {
 public:
  T5DecoderLayer(Parameters& parameters, const std::string& name, const T5Options& options);

  // x [queries, D] packed by offsets, memory [keys, D], the encoder's output, by memory_offsets -> [queries, D]
  T5Stream operator()(const T5Stream& in, const Tensor& offsets, const Var& memory, const Tensor& memory_offsets,
                      const autograd::RelativeBias& bias, const RmsNorm& next, const Context& context) const;

  // What step reads of the encoder's output.
  Tensor remember(const Tensor& memory) const { return cross_.remember(memory); }

  // One token of every beam, as SelfAttention::step and CrossAttention::step; x [rows, D] -> [rows, D].
  T5Stream step(const T5Stream& in, std::vector<Tensor>& cache, const Tensor& ancestors, const autograd::RelativeBias& bias,
                const Tensor& remembered, const Tensor& memory_offsets, const Tensor& row_user, const RmsNorm& next) const;
  const RmsNorm& norm() const { return self_norm_; }
  void pack() { self_.pack(), cross_.pack(), ffn_.pack(); }

 private:
  std::string name_;
  RmsNorm self_norm_;
  SelfAttention self_;
  Dropout self_dropout_;
  RmsNorm cross_norm_;
  CrossAttention cross_;
  Dropout cross_dropout_;
  T5FeedForward ffn_;
};

}  // namespace nn
