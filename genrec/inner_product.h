// Models whose score is an inner product of a user vector and an item vector: full ranking, and vectors for strangers.
#pragma once

#include "genrec/system.h"
#include "tensor/kernel.h"

namespace genrec {

// Ranks all items by rows . items^T. rows [queries, D], items [items, D], both f32; excluded items are left out. Runs where
// the items live; a GPU gives back lists, not scores, and leaves those that its shared memory has no room for to the CPU.
Ranking rank_by_inner_product(const tensor::Tensor& rows, const tensor::Tensor& items, std::span<const Query> queries, int k);

// One row per query: the user's trained vector, or for a stranger the fold-in: the mean of the 20 trained users whose training
// items are most like the history (cosine of the two sets), weighted by that similarity; zero when nobody shares an item.
tensor::Tensor user_rows(const Dataset& dataset, const tensor::Tensor& user_vectors, std::span<const Query> queries);

namespace inner_product_kernels {
// best i32 [2 rows, k] of scores f32 [rows, items]: the items of the k largest scores, best first, equal ones by item, -1
// behind the last one; then the bits of these scores. NaN never ranks. Items excluded[begins[r] .. begins[r+1]), i32
// ascending, are left out of row r.
extern tensor::Kernel<void(const tensor::Tensor& scores, const tensor::Tensor& begins, const tensor::Tensor& excluded,
                           tensor::Tensor& best)>
    top_k;
}  // namespace inner_product_kernels

}  // namespace genrec
