// Pseudo-labels: clusters of the items' raw features in one modality; and the positives that they give to another modality.
#pragma once

#include <span>

#include "genrec/macrec/identifier_options.h"
#include "tensor/tensor.h"

namespace tensor {
class Random;
}

namespace genrec::macrec {

// The option, or max(2, items / 12) where there are fewer than four items for each label.
int64_t pseudo_label_count(int64_t wanted, int64_t items);

// i32 [items]: k-means of the features f32 [items, width]; `modality` names the stage that is shown.
tensor::Tensor make_pseudo_labels(const tensor::Tensor& features, const std::string& modality, const IdentifierOptions& options,
                                  uint64_t seed);

// For each of the items of a batch another one of the batch with the same label, as its row in the batch, uniformly; where there
// is none, the row itself, or -1 with `skip`. items i32 [n], labels i32 [all items]; draw i of `random` is for row i. O(n).
tensor::Tensor draw_positives(const tensor::Tensor& items, const tensor::Tensor& labels, bool skip, const tensor::Random& random);

}  // namespace genrec::macrec
