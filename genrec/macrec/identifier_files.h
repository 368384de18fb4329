// The identifiers of a run: one file per language, written by the stage ids, read by the generator; and identifiers that were made
// elsewhere.
#pragma once

#include "genrec/macrec/batches.h"
#include "genrec/run_folder.h"

namespace genrec::macrec {

// The file of a language among "textual=FILE", "visual=FILE"; "" when it is not given. A bare FILE is textual.
std::string given_file(const std::vector<std::string>& ids, Language language);

// Of every language that the tasks speak, from the folder of a run. An Error if the stage ids has not written them yet.
SpokenIdentifiers load_identifiers(const RunFolder& run, const Dataset& dataset, std::span<const Task> tasks);
std::string fingerprint(const SpokenIdentifiers& identifiers);

}  // namespace genrec::macrec
