// What commands over runs share: the data of a run, its identifiers, and names for people.
#pragma once

#include <optional>
#include <string>

#include "genrec/data/dataset.h"
#include "genrec/identifiers.h"
#include "genrec/options.h"
#include "genrec/run.h"

namespace cli {

// The data set that the run was trained on: at `given`, or where it was when that is "".
genrec::Dataset data_of(const genrec::Run& run, const std::string& given);

// Identifiers from a file (.json: an index file of the LC-Rec family) or from the folder of a run, and the data set they belong to.
struct IdentifiersOf {
  genrec::Dataset data;
  genrec::ItemIdentifiers identifiers;
};
// modality: "textual" or "visual", of a run that has both; "": whichever is there, the textual ones first.
IdentifiersOf load_identifiers(const std::string& run_or_file, const std::string& data, const std::string& modality);

// --precision of the commands that ask a run: "run" is as it was trained.
void add_run_precision(genrec::OptionTable& table, std::string& field);
std::optional<tensor::Precision> run_precision(const std::string& text);  // nothing for "run"

std::string base_name(const std::string& path);  // "lightgcn" of "runs/lightgcn/"

genrec::Split split_named(const std::string& name);  // "valid" or "test"

}  // namespace cli
