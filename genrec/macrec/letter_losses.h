// What LETTER (Wang et al. 2024) adds to a residual quantiser: quantised vectors that resemble collaborative ones, and
// codewords that are used evenly.
#pragma once

#include "genrec/data/dataset.h"
#include "genrec/run_folder.h"
#include "nn/parameters.h"
#include "quant/residual_quantizer.h"

namespace tensor {
class Random;
}

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

}  // namespace genrec::macrec
