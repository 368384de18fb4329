#include "genrec/data/views.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "genrec/log.h"
#include "tensor/error.h"
#include "tensor/npy.h"

namespace genrec {

using tensor::Fault;
using tensor::require;
using tensor::Tensor;

namespace {

bool parse_row(std::string_view text, int64_t& row) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), row);
  return error == std::errc() && end == text.data() + text.size() && row >= 0;
}

// Row k belongs to the item that the interactions call k: its id, where no map gives it another.
void match_by_number(View& view, const InteractionLog& log) {
  const IdMap& items = log.item_ids;
  for (uint32_t item = 0; item < items.size(); ++item) {
    const std::string id = log.item_numbers.empty() ? items.ids()[item] : std::to_string(log.item_numbers[item]);
    require(Fault::bad_data, parse_row(id, view.row_of[item]), view.path, ": ", view.modality,
            " features: the rows were said to be numbered by item id, but item '", id,
            "' is no row number; give a file with one id per row");
    require(Fault::bad_data, view.row_of[item] < view.rows, view.path, ": ", view.modality, " features: item '", id,
            "' needs row ", id, ", but the array has ", view.rows, " rows (0 to ", view.rows - 1,
            "); give the array of these items, or a file with one id per row");
  }
  if (log.item_numbers.empty() && view.rows == items.size() + 1)
    view.warnings.push_back(tensor::join(view.path, ": has one row more than there are items (", view.rows, " and ",
                                         items.size(), "); if row 0 is padding, give a file with one id per row"));
}

// One id per line, or "id TAB row".
void match_by_file(View& view, const std::string& ids_path, const IdMap& items) {
  LineReader lines(ids_path);
  std::vector<uint8_t> taken(static_cast<size_t>(view.rows));
  int64_t count = 0;
  for (std::string_view line; lines.next(line);) {
    if (line.empty()) continue;
    int64_t row = count++;
    const size_t tab = line.find('\t');
    if (tab != std::string_view::npos) {
      require(Fault::bad_data, parse_row(line.substr(tab + 1), row), lines.place(), ":", tab + 2, ": row is '",
              line.substr(tab + 1, 40), "', expected a number from 0; mend the line");
      line = line.substr(0, tab);
    }
    require(Fault::bad_data, row < view.rows, lines.place(), ": names row ", row, ", but ", view.path, " has ", view.rows,
            " rows; give one id per row");
    require(Fault::bad_data, !taken[row], lines.place(), ": names row ", row, " a second time; give one id per row");
    taken[row] = 1;
    const uint32_t item = items.find(line);
    if (item == IdMap::kNone) continue;
    require(Fault::bad_data, view.row_of[item] < 0, lines.place(), ": names item '", line,
            "' a second time; give one row per item");
    view.row_of[item] = row;
  }
  require(Fault::bad_data, count == view.rows, ids_path, ": has ", count, " ids, but ", view.path, " has ", view.rows,
          " rows; give one id per row");
}

View read_array(const ViewSource& source, const InteractionLog& log) {
  const IdMap& items = log.item_ids;
  View view;
  view.modality = source.modality, view.path = source.path;
  view.row_of.assign(items.size(), -1);
  const Tensor values = tensor::read_npy(source.path, source.modality + " features", 2);
  if (values.dtype() == tensor::DType::f32) {
    view.values = values;
    view.rows = values.rows();
  } else {
    require(Fault::bad_data, values.shape()[0] == 2, source.path, ": ", source.modality, " features: is ", values.dtype(),
        " ",
            values.shape(), ", expected floats [items, dim], or integers [2, n] of (row, word) pairs; save one of these");
    const std::vector<int64_t> pairs = values.to(tensor::DType::i64).to_vector<int64_t>();
    const size_t n = pairs.size() / 2;
    for (size_t i = 0; i < n; ++i) {
      const int64_t row = pairs[i], word = pairs[n + i];
      require(Fault::bad_data, row >= 0 && row < INT32_MAX && word >= 0 && word < INT32_MAX, source.path, ": ",
          source.modality,
              " features: pair ", i, " is (", row, ", ", word, "), expected numbers from 0; save them again");
      view.word_rows.push_back(static_cast<int32_t>(row));
      view.words.push_back(static_cast<int32_t>(word));
      view.rows = std::max(view.rows, row + 1);
      view.vocabulary = std::max(view.vocabulary, static_cast<int32_t>(word) + 1);
    }
    // The last items may have no words; the ids know how many rows there are.
    if (source.ids == "rows") view.rows = std::max<int64_t>(view.rows, items.size());
  }
  require(Fault::usage, !source.ids.empty(), source.path, ": ", source.modality,
      " features: says not which item a row belongs "
          "to; give --feature-ids FILE with one id per row, or --feature-ids rows if row k is the item with the id k");
  if (source.ids == "rows") match_by_number(view, log);
  else match_by_file(view, source.ids, items);
  return view;
}

View read_feature_table(const ViewSource& source, const IdMap& items) {
  View view;
  view.modality = source.modality, view.path = source.path;
  view.row_of.assign(items.size(), -1);
  const int id_column = source.schema.find(Role::item), columns = static_cast<int>(source.schema.columns.size());
  require(Fault::bad_data, columns > 1, source.path,
      ": has only the column of the ids, expected features beside it; check the "
          "separator");
  std::vector<float> values;
  TableReader reader(source.schema);
  while (reader.next()) {
    ++view.rows;
    const uint32_t item = items.find(reader.field(id_column));
    if (item == IdMap::kNone) continue;
    require(Fault::bad_data, view.row_of[item] < 0, reader.place(id_column), ": names item '", reader.field(id_column),
            "' a second time; give one row per item");
    view.row_of[item] = static_cast<int64_t>(values.size()) / (columns - 1);
    for (int i = 0; i < columns; ++i) {
      if (i == id_column) continue;
      double value = 0;
      const bool fine = parse_number(reader.field(i), value) && std::isfinite(static_cast<float>(value));
      if (!fine)
        tensor::fail(Fault::bad_data, reader.place(i), ": ", source.modality, " feature '", source.schema.columns[i].name,
                     "' is '", reader.field(i).substr(0, 40), "', expected a finite number; mend the line");
      values.push_back(static_cast<float>(value));
    }
  }
  view.values = Tensor::from(values, {static_cast<int64_t>(values.size()) / (columns - 1), columns - 1});
  return view;
}

}  // namespace

std::vector<ViewSource> view_sources(const std::vector<std::string>& features, const std::vector<std::string>& ids) {
  std::vector<ViewSource> sources;
  for (const std::string& given : features) {
    const size_t equals = given.find('=');
    require(Fault::usage, equals != std::string::npos && equals > 0 && equals + 1 < given.size(), "features '", given,
            "': expected MODALITY=FILE, such as visual=visual.npy; mend it");
    ViewSource source;
    source.modality = given.substr(0, equals), source.path = given.substr(equals + 1);
    for (const ViewSource& other : sources)
      require(Fault::usage, other.modality != source.modality, "features: modality ", source.modality,
              " is given twice; give each one file");
    source.array = std::filesystem::path(source.path).extension() == ".npy";
    if (!source.array) source.schema = sniff(source.path, TableKind::features);
    sources.push_back(std::move(source));
  }
  for (const std::string& given : ids) {
    const size_t equals = given.find('=');
    const std::string modality = equals == std::string::npos ? "" : given.substr(0, equals);
    const auto named = [&](const ViewSource& source) { return source.modality == modality; };
    const bool for_one = std::any_of(sources.begin(), sources.end(), named);
    require(Fault::usage, for_one || equals == std::string::npos, "feature ids '", given, "': no features of the modality ",
            modality, " are given; mend the name");
    for (ViewSource& source : sources)
      if (source.array && (!for_one || named(source))) source.ids = for_one ? given.substr(equals + 1) : given;
  }
  return sources;
}

View read_view(const ViewSource& source, const InteractionLog& log, const std::string& interactions_path) {
  Stage stage("read " + source.path);
  const IdMap& items = log.item_ids;
  View view = source.array ? read_array(source, log) : read_feature_table(source, items);
  const int64_t matched = std::count_if(view.row_of.begin(), view.row_of.end(), [](int64_t row) { return row >= 0; });
  require(Fault::bad_data, matched > 0, source.path, ": ", source.modality, " features: none of ", view.rows,
          " rows belongs to an item of ", interactions_path, ", whose first item is '", items.ids()[0],
          "'; check that both use the same ids");
  view.unused = view.rows - matched;
  return view;
}

void fail_not_finite(const std::string& path, const std::string& modality, int64_t row, int64_t column, const std::string& item,
                     float value) {
  tensor::fail(Fault::bad_data, path, ": ", modality, " features: row ", row, ", column ", column, " (item '", item, "') is ", value,
               ", expected a finite number; mend it or leave the item out");
}

Modality gather_features(const View& view, const std::vector<uint32_t>& numbers, const IdMap& items, bool fill_mean) {
  const int64_t dim = view.values.columns(), count = static_cast<int64_t>(numbers.size());
  Modality modality{Tensor::zeros({count, dim}), std::vector<uint8_t>(numbers.size())};
  const float* from = view.values.data<float>();
  float* to = modality.values.data<float>();
  std::vector<double> sum(static_cast<size_t>(dim));
  int64_t present = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = view.row_of[numbers[i]];
    if (row < 0) continue;
    for (int64_t j = 0; j < dim; ++j) {
      const float value = from[row * dim + j];
      if (!std::isfinite(value)) [[unlikely]] fail_not_finite(view.path, view.modality, row, j, items.ids()[numbers[i]], value);
      to[i * dim + j] = value;
      sum[j] += value;
    }
    modality.present[i] = 1;
    ++present;
  }
  for (int64_t i = 0; i < count && fill_mean && present > 0; ++i)
    for (int64_t j = 0; j < dim && !modality.present[i]; ++j) to[i * dim + j] = static_cast<float>(sum[j] / present);
  return modality;
}

WordLists gather_words(const View& view, const std::vector<uint32_t>& numbers) {
  std::vector<int64_t> item_of(static_cast<size_t>(view.rows), -1);
  for (size_t i = 0; i < numbers.size(); ++i)
    if (view.row_of[numbers[i]] >= 0) item_of[view.row_of[numbers[i]]] = static_cast<int64_t>(i);
  WordLists lists;
  lists.vocabulary = view.vocabulary;
  lists.offsets.assign(numbers.size() + 1, 0);
  for (int32_t row : view.word_rows)
    if (item_of[row] >= 0) ++lists.offsets[item_of[row] + 1];
  for (size_t i = 0; i < numbers.size(); ++i) lists.offsets[i + 1] += lists.offsets[i];
  lists.words.resize(lists.offsets.back());
  std::vector<int64_t> next(lists.offsets.begin(), lists.offsets.end() - 1);
  for (size_t i = 0; i < view.words.size(); ++i)
    if (item_of[view.word_rows[i]] >= 0) lists.words[next[item_of[view.word_rows[i]]]++] = view.words[i];
  return lists;
}

ItemTexts read_item_texts(const Schema& schema, const std::vector<uint32_t>& numbers, const IdMap& items) {
  std::vector<int64_t> place_of(items.size(), -1);
  for (size_t i = 0; i < numbers.size(); ++i) place_of[numbers[i]] = static_cast<int64_t>(i);
  const int id = schema.find(Role::item), title = schema.find(Role::title), text = schema.find(Role::text);
  require(Fault::bad_data, title >= 0 || text >= 0, schema.path, ":1: no column is the title or the text; say which with "
          "--item-columns title=COLUMN");
  ItemTexts result;
  if (title >= 0) result.titles.resize(numbers.size());
  if (text >= 0) result.texts.resize(numbers.size());
  Stage stage("read " + schema.path);
  TableReader reader(schema);
  while (reader.next()) {
    const uint32_t number = items.find(reader.field(id));
    if (number == IdMap::kNone || place_of[number] < 0) continue;
    const auto store = [&](int column, std::vector<std::string>& to) {
      if (column < 0) return;
      const std::string_view value = reader.field(column);  // old MovieLens files are Latin-1
      to[place_of[number]] = is_utf8(value) ? std::string(value) : utf8_from_latin1(value);
    };
    store(title, result.titles);
    store(text, result.texts);
  }
  return result;
}

}  // namespace genrec
