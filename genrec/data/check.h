// What a prepared data set looks like, and what about it may cause trouble. Damage that makes it unusable is an Error
// instead.
#pragma once

#include <string>
#include <vector>

#include "genrec/data/dataset.h"

namespace genrec {

struct ModalityCheck {
  std::string name;
  int64_t dim = 0;
  int64_t missing = 0;         // items without one
  // Of the items that have one:
  int64_t zero_rows = 0;
  int64_t duplicate_rows = 0;  // equal to the row of an earlier item
  int64_t not_finite = 0;      // rows with NaN or infinity
  double norm_mean = 0, norm_min = 0, norm_max = 0;  // of the finite rows
};

struct WordsCheck {
  std::string name;
  int64_t vocabulary = 0;
  int64_t unused_words = 0;  // words of the vocabulary that no item has
  int64_t empty_items = 0;
  double words_per_item = 0;
};

struct DatasetCheck {
  int64_t users = 0, items = 0, interactions = 0;
  int64_t train = 0, valid = 0, test = 0;
  double density = 0;                       // interactions / (users x items)
  double user_mean = 0;                     // interactions per user
  int64_t user_min = 0, user_max = 0;
  int64_t duplicate_pairs = 0;              // (user, item) that a user has more than once
  int64_t cold_items = 0;                   // without a training interaction
  int64_t cold_users = 0;                   // likewise
  int64_t users_without_valid = 0, users_without_test = 0;
  int64_t unreachable_test = 0;             // test interactions whose item is cold
  int64_t untitled = 0;                     // items without a title, where there are titles
  bool ordered = false;
  std::string split_protocol, fingerprint;
  std::vector<ModalityCheck> features;
  std::vector<WordsCheck> words;
  std::vector<std::string> warnings;        // one line each; empty: nothing to worry about
};

DatasetCheck check_dataset(const Dataset& dataset);

}  // namespace genrec
