// Item identifiers from a file of any accepted form.
#pragma once

#include "genrec/data/dataset.h"
#include "genrec/identifiers.h"

namespace genrec {

// This program's table, or (.json) an index file of the LC-Rec family. Identifiers that items share are said in the log.
ItemIdentifiers read_any_identifiers(const std::string& path, const Dataset& dataset);

}  // namespace genrec
