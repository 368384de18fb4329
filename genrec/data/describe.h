// The options of importing and of making data, as an option table shows them. Seeds belong to the program's common options.
#pragma once

#include <string>

#include "genrec/data/import.h"
#include "genrec/data/synth.h"
#include "genrec/options.h"

namespace genrec {

void describe(OptionTable& table, ImportOptions& options);
void describe(OptionTable& table, SynthOptions& options, std::string& preset);

}  // namespace genrec
