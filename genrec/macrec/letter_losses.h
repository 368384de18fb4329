// What LETTER (Wang et al. 2024) adds to a residual quantiser: quantised vectors that resemble collaborative ones, and
// codewords that are used evenly.
#pragma once

#include "genrec/data/dataset.h"
#include "genrec/run_folder.h"
#include "nn/parameters.h"
#include "quant/residual_quantizer.h"
#include "tensor/kernel.h"
#include "tensor/random.h"

namespace genrec::macrec {

using autograd::Var;
using tensor::Tensor;

// Collaborative vectors f32 [items, width]: from the .npy file, or, with an empty name, those of a LightGCN that is trained on
// the training interactions in the folder `collaborative` of the run.
Tensor collaborative_vectors(const std::string& file, int64_t width, const Dataset& dataset, RunFolder& run, uint64_t seed);

// Mean over i of -log softmax_j(z_hat_i . cf_j)[i]; both [n, width].
Var collaborative_loss(const Var& z_hat, const Tensor& cf);

// Clusters of each level's codewords, equally large, i32 [levels, codes].
Tensor codeword_clusters(const quant::ResidualQuantizer& quantizer, int64_t clusters, uint64_t seed);

// Pulls the codeword of each row towards another one of its cluster, drawn by `random` (draw i for row i), against all
// codewords but its own: cross-entropy of q_i . e_k. codewords [n, width] have the codes i32 [n]; clusters i32 [codes].
Var diversity_loss(const Var& codewords, const Tensor& codes, const Var& codebook, const Tensor& clusters,
                   const tensor::Random& random);

namespace letter_kernels {
// targets[i]: by draw i another code of the cluster of codes[i], -1 if there is none. mask [n, codes], zeros before, gets a logit
// that no softmax notices where codes[i] is. lists i32 [4, codes]: all codes, by cluster and ascending within; for each code
// where its cluster begins among those, how many codes that has, and the code's place in it.
extern tensor::Kernel<void(const Tensor& codes, const Tensor& lists, const tensor::Random& random, Tensor& targets,
                           Tensor& mask)>
    choose;
constexpr double kForbidden = -1e9;

// What is at place `drawn` among the others of a code's cluster.
constexpr int32_t other_code(const int32_t* lists, int64_t codes, int32_t code, uint64_t drawn) {
  const int32_t first = lists[codes + code], place = lists[3 * codes + code], at = static_cast<int32_t>(drawn);
  return lists[first + at + (at < place ? 0 : 1)];
}
}  // namespace letter_kernels

}  // namespace genrec::macrec
