// New items for a trained run, without training: the frozen quantisers encode their features, and what collides with an item that
// is there moves aside. Items that are there keep their numbers and identifiers.
#pragma once

#include <map>

#include "genrec/data/dataset.h"
#include "genrec/identifiers.h"
#include "genrec/macrec/modality_quantizer.h"
#include "quant/conflicts.h"

namespace genrec::macrec {

struct NewItems {
  std::vector<std::string> ids{};
  std::map<std::string, Tensor> features{};                  // by modality, f32 [ids, width]
  std::vector<std::pair<int32_t, int32_t>> interactions{};   // user, new item (from 0); ascending
};

// features: "modality=FILE.npy"; ids: a file with one item id per line, in the order of the rows. Every modality of the data set
// must be given, in its width, and no id may be known already.
NewItems read_new_items(const std::vector<std::string>& features, const std::string& ids, const Dataset& dataset);

// Pairs of user and item from a table (csv, tsv, jsonl, ..). Users must be known, the items new, no pair may stand twice.
std::vector<std::pair<int32_t, int32_t>> read_new_interactions(const std::string& path, const NewItems& items, const Dataset& dataset);

// The data set with the new items at its end. What users did with them is for testing, after the test items that are there.
Dataset with_items(const Dataset& dataset, const NewItems& items);

// The old identifiers and, after them, those of the new rows [n, width]. `conflicts` tells of the new ones alone.
ItemIdentifiers extend_identifiers(const ItemIdentifiers& old, const FrozenQuantizer& quantizer, const Tensor& features,
                                   quant::Conflicts& conflicts);

}  // namespace genrec::macrec
