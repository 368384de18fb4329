// From files of others to a prepared data set: interactions, features by item id, titles; filters, split, and a report.
#pragma once

#include <string>
#include <vector>

#include "genrec/data/dataset.h"
#include "genrec/data/split.h"
#include "genrec/data/table.h"

namespace genrec {

// What to do when an item has no feature of some modality.
enum class MissingPolicy {
  refuse,  // an error that counts them
  drop,    // leave the item and its interactions out
  mean,    // the mean of the items that have one
  zero,    // zeros
};

struct ImportOptions {
  std::string interactions;                        // file
  TableFormat format = TableFormat::automatic;     // of the interactions
  std::string user_map, item_map;                  // of the lcrec form: "raw id TAB number" per line; "": none
  std::vector<std::string> columns;                // "role=column" overrides; "order=line": the lines are in order
  // "modality=file": .npy [rows, dim], or a table with an id column; an integer .npy [2, n] of (row, word) gives word lists.
  std::vector<std::string> features;
  // "modality=file" or "file" for all: one item id per row of the .npy ("id TAB row" also works). "rows" instead of a file
  // states that row k belongs to the item whose id is the number k, or whose number in the lcrec form is k; there
  // it is the default.
  std::vector<std::string> feature_ids;
  std::string items;                               // table with titles and other text; "": none
  std::vector<std::string> item_columns;           // "role=column" overrides for it
  SplitProtocol split = SplitProtocol::automatic;
  uint64_t seed = 1;                               // of a ratio split
  int k_core = 0;                                  // drop users and items with fewer interactions, repeatedly; 0: keep
  double min_rating = 0;                           // interactions rated lower are left out; 0: keep all
  MissingPolicy missing = MissingPolicy::refuse;
};

struct ImportStep {
  std::string name;  // "read", "rated 4 or more", "duplicates", "items with every feature", "5-core"
  int64_t interactions, users, items;  // what is left after it
};

struct FeatureReport {
  std::string modality, kind;  // kind: "dense" or "words"
  int64_t dim = 0;             // or the size of the vocabulary
  int64_t rows = 0;            // in the file
  int64_t missing = 0;         // items without one
  int64_t unused = 0;          // rows of items that are not in the data set
};

struct ImportReport {
  std::vector<ImportStep> steps;
  int64_t duplicates = 0;      // repeated (user, item) pairs that were dropped; the earliest is kept
  std::vector<FeatureReport> features;
  int64_t untitled = 0;        // items without a title, where titles were given
  std::vector<std::string> warnings;
};

struct ImportResult {
  Dataset dataset;
  ImportReport report;
};

// What the files were understood to be, before anything is read: one schema per table, the interactions first.
std::vector<Schema> import_schemas(const ImportOptions& options);

// Reads, filters, splits. Errors name file, line and column, or the array, what was found and what was expected.
ImportResult import_dataset(const ImportOptions& options);

}  // namespace genrec
