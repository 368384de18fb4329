// One decoder layer of MMGRec's Transformer, standard and post-norm: causal self-attention, cross-attention on the encoder's
// output, feed-forward. Trained on whole sequences; at inference one token at a time with cached keys and values.
#pragma once

#include <string>

#include "genrec/mmgrec/blocks.h"
#include "nn/multi_head_attention.h"

namespace genrec::mmgrec {

class DecoderLayer {
 public:
  DecoderLayer(nn::Parameters& parameters, const std::string& name, const TransformerOptions& options, int width);

  // x [S*L, D] packed by offsets; memory [T, D], the encoder's output, packed by memory_offsets.
  Var operator()(const Var& x, const Tensor& offsets, const Var& memory, const Tensor& memory_offsets,
                 const nn::Context& context) const;

  // What step reads of the encoder's output.
  Tensor remember(const Tensor& memory) const { return cross_.remember(memory); }

  // One token of every beam. x [R, D]; appends this step's queries, keys and values [R, 3 heads D] to `cache`;
  // ancestors i32 [R, steps]: which row of each step (this one last) belongs to the beam; row_user i32 [R].
  Tensor step(const Tensor& x, std::vector<Tensor>& cache, const Tensor& ancestors, const Tensor& remembered,
              const Tensor& memory_offsets, const Tensor& row_user) const;

  void pack();  // see nn::Linear

 private:
  std::string name_;
  nn::SelfAttention self_;
  nn::CrossAttention cross_;
  PostNorm self_norm_, cross_norm_;
  FeedForwardBlock feed_forward_;
};

}  // namespace genrec::mmgrec
