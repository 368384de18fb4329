// One encoder and one decoder layer of T5 (Raffel et al. 2020): pre-norm, x + dropout(f(norm(x))), RMS norms, no biases in
// the projections, no scaling of the scores. The relative position bias belongs to the stack and is passed in.
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

// x + dropout(ffn(norm(x)))
class T5FeedForward {
 public:
  T5FeedForward(Parameters& parameters, const std::string& name, const T5Options& options);
  Var operator()(const Var& x, const Context& context) const;
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
  Var operator()(const Var& x, const Tensor& offsets, const autograd::RelativeBias& bias, const Context& context) const;
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
  Var operator()(const Var& x, const Tensor& offsets, const Var& memory, const Tensor& memory_offsets,
                 const autograd::RelativeBias& bias, const Context& context) const;

  // Keys and values of the encoder's output for cross-attention, [keys, 2*H*W].
  Tensor memory_kv(const Tensor& memory) const { return cross_.kv(memory).value(); }

  // One token of every beam, as SelfAttention::step and CrossAttention::step; x [rows, D] -> [rows, D].
  Tensor step(const Tensor& x, std::vector<Tensor>& cache, const Tensor& ancestors, const Tensor& bias,
              const Tensor& memory_kv, const Tensor& memory_offsets, const Tensor& row_user) const;
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
