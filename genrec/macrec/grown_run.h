// A trained run with more items to recommend: a copy of its folder with a data set, identifiers and stamps that include them.
#pragma once

#include "genrec/macrec/add_items.h"
#include "genrec/run.h"

namespace genrec::macrec {

struct Grown {
  std::string modality;
  quant::Conflicts conflicts;  // of the new items
};

// Makes the run folder `out`, with the data set in out/data. The weights are those of `run`; nothing is trained.
std::vector<Grown> grow_run(const Run& run, const Dataset& dataset, const NewItems& items, const std::string& out);

}  // namespace genrec::macrec
