// What is known of the items besides interactions: features from arrays and tables, word lists, titles. Rows find their item
// by its id, never by position alone.
#pragma once

#include <string>
#include <vector>

#include "genrec/data/dataset.h"
#include "genrec/data/id_map.h"
#include "genrec/data/interaction_log.h"
#include "genrec/data/table.h"

namespace genrec {

// One source of features as the options name it.
struct ViewSource {
  std::string modality, path;
  std::string ids;   // of an array: a file, or "rows"; "": none given
  bool array = false;
  Schema schema;     // of a table
};

// Features as they lie in the file, and which item each row belongs to.
struct View {
  std::string modality;
  std::string path;                 // for messages
  tensor::Tensor values;            // [rows, dim] f32; undefined for word lists
  std::vector<int64_t> row_of;      // [items of the IdMap] its row; -1: none
  int64_t rows = 0, unused = 0;
  std::vector<int32_t> word_rows, words;  // pairs of (row, word)
  int32_t vocabulary = 0;
  std::vector<std::string> warnings;

  bool is_words() const { return !values.defined(); }
};

std::vector<ViewSource> view_sources(const std::vector<std::string>& features, const std::vector<std::string>& ids);
View read_view(const ViewSource& source, const InteractionLog& log, const std::string& interactions_path);

// The Error of a feature that is not finite.
[[noreturn]] void fail_not_finite(const std::string& path, const std::string& modality, int64_t row, int64_t column,
                                  const std::string& item, float value);

// The rows of the items in the order of `numbers` (an item's number in the IdMap). Items without one get 0, or the mean of
// the others.
Modality gather_features(const View& view, const std::vector<uint32_t>& numbers, const IdMap& items, bool fill_mean);
WordLists gather_words(const View& view, const std::vector<uint32_t>& numbers);

struct ItemTexts {
  std::vector<std::string> titles, texts;  // [numbers] or empty
};
ItemTexts read_item_texts(const Schema& schema, const std::vector<uint32_t>& numbers, const IdMap& items);

}  // namespace genrec
