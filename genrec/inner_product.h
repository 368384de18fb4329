// Models whose score is an inner product of a user vector and an item vector: full ranking, and vectors for strangers.
#pragma once

#include "genrec/system.h"

namespace genrec {

// Ranks all items by rows . items^T. rows [queries, D], items [items, D], both f32; excluded items are left out.
Ranking rank_by_inner_product(const tensor::Tensor& rows, const tensor::Tensor& items, std::span<const Query> queries, int k);

// One row per query: the user's trained vector, or for a stranger the fold-in: the mean of the 20 trained users whose training
// items are most like the history (cosine of the two sets), weighted by that similarity; zero when nobody shares an item.
tensor::Tensor user_rows(const Dataset& dataset, const tensor::Tensor& user_vectors, std::span<const Query> queries);

}  // namespace genrec
