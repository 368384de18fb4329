// Brings codes back that no row chooses any more: the nearest-code rule gives them no gradient, so they would stay dead.
#pragma once

#include "quant/residual_quantizer.h"
#include "tensor/kernel.h"
#include "tensor/random.h"

namespace quant {

struct CodeRevivalOptions {
  int64_t patience = 0;  // steps without use after which a code is moved; 0: off
  double noise = 0.01;   // standard deviation, relative to the root mean square of the level's residuals
};

class CodeRevival {
 public:
  CodeRevival(const ResidualQuantizer& quantizer, const CodeRevivalOptions& options);

  // After each training step, with what its forward pass returned: counts the steps that every code goes unused, and moves
  // the codes that have used up their patience to different random residuals of the batch, with noise. Waits for nothing.
  void update(ResidualQuantizer& quantizer, const Quantized& batch, const tensor::Random& random);

  int64_t moved() const { return static_cast<int64_t>(moved_.item()); }  // codes so far, by this object

  // Steps since each code was last used, i32 [levels, codes], where the codebooks are: belongs into a checkpoint.
  const Tensor& idle() const { return idle_; }
  void load_idle(const Tensor& idle) { idle_.copy_from(idle); }

 private:
  CodeRevivalOptions options_;
  Tensor idle_;
  Tensor moved_;  // f64 [1]
};

namespace code_revival_kernels {
struct Level {
  Tensor codes, residuals, codebook;  // i32 [n], [n, width], [codes, width]
};
// The levels take their draws one after the other.
extern tensor::Kernel<void(std::vector<Level>& levels, const CodeRevivalOptions& options, const tensor::Random& random,
                           Tensor& idle, Tensor& moved)>
    update;
}  // namespace code_revival_kernels

}  // namespace quant
