// One encoder layer of MMGRec's Transformer: (relation-aware) self-attention and a feed-forward block, post-norm, without
// positions: the output for an item does not depend on the order of the history (section 3.3, Eqs. 14-19).
#pragma once

#include <string>

#include "autograd/ops/scalar_mlps.h"
#include "genrec/mmgrec/blocks.h"
#include "nn/joined_linears.h"

namespace genrec::mmgrec {

class EncoderLayer {
 public:
  EncoderLayer(nn::Parameters& parameters, const std::string& name, const TransformerOptions& options, int width);

  // x [T, D] packed by offsets i32 [S+1]; users [S, D], read only by the relation-aware form.
  Var operator()(const Var& x, const Var& users, const Tensor& offsets, const nn::Context& context) const;

  void pack();  // see nn::Linear

 private:
  nn::JoinedLinears joined() const;  // w_qkv_, u_qkv_ and w_o_ multiplied by each other
  Var attend(const Var& x, const Var& users, const Tensor& offsets) const;

  std::string name_;
  TransformerOptions options_;
  int width_;
  bool relation_;
  Var w_qkv_;                                 // [D, 3 heads D]
  Var u_qkv_;                                 // [D, 3 D], shared by the heads (Eq. 16)
  std::vector<autograd::ScalarMlp> scalars_;  // s_q, s_k, s_v: D - D/2 - 1 (Eq. 17)
  Var w_o_;                                   // [heads D, D]
  nn::JoinedLinears packed_;                  // what joined() makes, once packed
  PostNorm attention_norm_;
  FeedForwardBlock feed_forward_;
};

}  // namespace genrec::mmgrec
