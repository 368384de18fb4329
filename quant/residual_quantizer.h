// A residual quantiser: each level replaces what the levels before it left over by the nearest row of its codebook.
// Starting codebooks come from k-means; reviving dead codes and statistics are elsewhere (code_revival.h, code_usage.h).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/parameters.h"
#include "quant/kmeans.h"

namespace quant {

using autograd::Var;

// What the gradient of r_{l+1} = r_l - q_l sees.
//   detach            r_l only: the losses of every level reach z, a codeword is moved by its own codebook loss alone
//   full              r_l and q_l: commitment losses of later levels move earlier codewords too (released code of MMGRec)
//   straight_through  nothing: levels after the first are cut off from z (released code of MACRec)
enum class ResidualGrad { detach, full, straight_through };

struct ResidualQuantizerOptions {
  int64_t levels = 3, codes = 128, width = 4;
  double commitment = 0.25;  // weight of the commitment losses
  bool level_mean = false;   // loss: mean over the levels (MACRec) instead of their sum (MMGRec)
  ResidualGrad residual_grad = ResidualGrad::detach;
};

struct QuantizedLevel {
  Tensor codes;         // i32 [n]
  Var residual;         // [n, width], r_l: what enters the level
  Var codewords;        // [n, width], q_l; its gradient goes to the codebook
  Var codebook_loss;    // mean over elements of (sg(r_l) - q_l)^2
  Var commitment_loss;  // mean over elements of (r_l - sg(q_l))^2
};

struct Quantized {
  std::vector<QuantizedLevel> levels;
  Var codeword_sum;  // [n, width], sum of q_l; its gradient goes to the codebooks
  Var z_hat;         // the same value; its gradient goes to z (straight through)
  Var loss;          // sum or mean over the levels of codebook_loss + commitment * commitment_loss
};

// The codes i32 [n] of one level, for residuals [n, width] and its codebook [codes, width].
using AssignLevel = std::function<Tensor(int64_t level, const Tensor& residuals, const Tensor& codebook)>;

class ResidualQuantizer {
 public:
  // Codebooks are the parameters <name>.codebooks.<level>, [codes, width], uniform in +-1/codes until initialise().
  ResidualQuantizer(nn::Parameters& parameters, const std::string& name, const ResidualQuantizerOptions& options = {});

  // z [n, width]. Each level takes the nearest codes; in training `assign` may choose others (sinkhorn.h).
  Quantized forward(const Var& z, const AssignLevel& assign = nullptr) const;
  Tensor encode(const Tensor& z) const;      // the nearest codes, i32 [n, levels] on the host; records nothing
  Tensor decode(const Tensor& codes) const;  // i32 [n, levels] -> [n, width], the sums of the codewords

  // What the first `level` of the codes i32 [n, levels] leave of z, [n, width].
  Tensor residual(const Tensor& z, const Tensor& codes, int64_t level) const;

  // Sets each codebook to the k-means centers of the residuals that the levels before it leave of z (all rows, or a large
  // sample). `clusters` is set here, and steps of the random stream are taken level by level.
  void initialise(const Tensor& z, KMeansOptions kmeans);

  const ResidualQuantizerOptions& options() const { return options_; }
  std::vector<Var>& codebooks() { return codebooks_; }
  const std::vector<Var>& codebooks() const { return codebooks_; }

 private:
  ResidualQuantizerOptions options_;
  std::string name_;
  std::vector<Var> codebooks_;
};

}  // namespace quant
