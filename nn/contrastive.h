// Contrastive losses over the rows of a batch, on cosines divided by a temperature. Which rows belong together is decided
// elsewhere.
#pragma once

#include "autograd/ops/normalize_rows.h"

namespace nn {

using autograd::Var;
using tensor::Tensor;

struct ContrastOptions {
  double temperature = 0.1;
  double attract = 1;        // rho in [0, 1]: the share of the numerator that the positive has; the rest is the row's own
  autograd::LengthFloor floor = {};  // rows shorter than this are divided by it instead of their length
};

// Mean over rows i of logsumexp_j(s_ij) - (1 - attract) s_ii - attract s_{i,p(i)}, s = cos(x_i, x_j) / temperature, over
// all j. x [n,d], positives i32 [n]: p(i), or -1 to leave the row out. attract 1 is InfoNCE (van den Oord et al. 2018);
// attract 0 only pushes apart, s_ii being constant. Fewer than two rows: 0, with no gradient.
Var info_nce(const Var& x, const Tensor& positives, const ContrastOptions& options = {});

// Row i of x and row i of y belong together, all other rows of the other matrix are apart: cross-entropy over the rows of s
// and over its columns, added. x, y [n,d]. `attract` is not used.
Var align_rows(const Var& x, const Var& y, const ContrastOptions& options = {});

}  // namespace nn
