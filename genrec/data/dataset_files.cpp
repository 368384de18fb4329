// The folder form of a data set.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "genrec/data/dataset.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"

namespace genrec {

namespace {

using nlohmann::json;
using tensor::Fault;
using tensor::require;
using tensor::Tensor;

constexpr const char* kFormat = "genrec-dataset";
constexpr int kVersion = 1;

// Tab-separated fields with \t, \n, \r and \\ escaped.
void append_field(std::string& line, const std::string& field) {
  for (char c : field) {
    if (c == '\t') line += "\\t";
    else if (c == '\n') line += "\\n";
    else if (c == '\r') line += "\\r";
    else if (c == '\\') line += "\\\\";
    else line += c;
  }
}

std::string unescaped(std::string_view field, const std::string& where) {
  std::string text;
  for (size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '\\') {
      text += field[i];
      continue;
    }
    const char c = ++i < field.size() ? field[i] : '\0';
    require(Fault::bad_data, c == 't' || c == 'n' || c == 'r' || c == '\\', where,
        ": holds an unknown escape; import it again");
    text += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : '\\';
  }
  return text;
}

using Column = const std::vector<std::string>*;

void write_tsv(const std::string& path, const char* header, const std::vector<Column>& columns) {
  tensor::AtomicFile file(path);
  std::string line = header;
  file.write(line + "\n");
  for (size_t row = 0; row < columns[0]->size(); ++row) {
    line.clear();
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) line += '\t';
      append_field(line, (*columns[i])[row]);
    }
    line += '\n';
    file.write(line);
  }
  file.commit();
}

// Columns by name, in the order of the header line.
std::vector<std::pair<std::string, std::vector<std::string>>> read_tsv(const std::string& path) {
  const std::string text = tensor::read_file(path);
  std::vector<std::pair<std::string, std::vector<std::string>>> columns;
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line(text.data() + begin, end - begin);
    const std::string where = path + ":" + std::to_string(number + 1);
    size_t column = 0;
    for (size_t at = 0; at <= line.size(); ++column) {
      const size_t stop = std::min(line.find('\t', at), line.size());
      const std::string_view field = line.substr(at, stop - at);
      if (number == 0) columns.emplace_back(std::string(field), std::vector<std::string>());
      else if (column < columns.size()) columns[column].second.push_back(unescaped(field, where));
      at = stop + 1;
    }
    require(Fault::bad_data, column == columns.size(), where, ": has ", column, " fields, expected ", columns.size(),
            "; import it again");
    begin = end + 1;
  }
  return columns;
}

template <class T>
void take(const tensor::Safetensors& file, const std::string& name, std::vector<T>& to) {
  const Tensor& value = file.at(name);
  require(Fault::bad_data, value.dtype() == tensor::dtype_of<T> && value.shape().rank() == 1, file.path, ": tensor '", name,
          "' is ", value.dtype(), " ", value.shape(), ", expected a list of ", tensor::dtype_of<T>, "; import it again");
  to = value.to_vector<T>();
}

void save_arrays(const Dataset& d, const std::string& folder) {
  tensor::NamedTensors interactions = {{"items", Tensor::from(d.items)}, {"bounds", Tensor::from(d.bounds)}};
  if (!d.item_numbers.empty()) interactions.emplace_back("item_numbers", Tensor::from(d.item_numbers));
  if (!d.times.empty()) interactions.emplace_back("times", Tensor::from(d.times));
  tensor::write_safetensors(folder + "/interactions.safetensors", interactions);
  tensor::NamedTensors views;
  for (const auto& [name, modality] : d.features) {
    views.emplace_back("features." + name, modality.values);
    views.emplace_back("present." + name, Tensor::from(modality.present));
  }
  for (const auto& [name, lists] : d.words) {
    views.emplace_back("word_offsets." + name, Tensor::from(lists.offsets));
    views.emplace_back("words." + name, Tensor::from(lists.words));
  }
  tensor::write_safetensors(folder + "/features.safetensors", views);
}

json description(const Dataset& d) {
  json root = {{"format", kFormat}, {"version", kVersion}, {"users", d.users()}, {"items", d.item_count()},
               {"interactions", json::object()}, {"ordered", d.ordered}, {"timed", !d.times.empty()},
               {"split", {{"protocol", d.split_protocol}, {"seed", d.split_seed}}}, {"features", json::object()},
               {"words", json::object()}, {"sources", d.sources}, {"fingerprint", fingerprint(d)}};
  for (Split split : kSplits) root["interactions"][name_of(split)] = d.interactions(split);
  for (const auto& [name, modality] : d.features) root["features"][name] = modality.dim();
  for (const auto& [name, lists] : d.words) root["words"][name] = lists.vocabulary;
  return root;
}

// Reads what dataset.json lists; the arrays themselves decide the counts.
void load_arrays(Dataset& d, const json& root, const std::string& folder) {
  const tensor::Safetensors interactions = tensor::read_safetensors(folder + "/interactions.safetensors");
  take(interactions, "items", d.items);
  take(interactions, "bounds", d.bounds);
  if (interactions.find("item_numbers") != nullptr) take(interactions, "item_numbers", d.item_numbers);
  if (root.at("timed").get<bool>()) take(interactions, "times", d.times);
  const tensor::Safetensors views = tensor::read_safetensors(folder + "/features.safetensors");
  for (const auto& [name, dim] : root.at("features").items()) {
    Modality& modality = d.features[name];
    modality.values = views.at("features." + name);
    take(views, "present." + name, modality.present);
  }
  for (const auto& [name, vocabulary] : root.at("words").items()) {
    WordLists& lists = d.words[name];
    take(views, "word_offsets." + name, lists.offsets);
    take(views, "words." + name, lists.words);
    lists.vocabulary = vocabulary.get<int32_t>();
  }
}

}  // namespace

void save_dataset(const Dataset& dataset, const std::string& folder) {
  validate(dataset, "dataset");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(Fault::io, !error, folder, ": cannot be made: ", error.message(), "; check the path and its permissions");
  save_arrays(dataset, folder);
  write_tsv(folder + "/users.tsv", "id", {&dataset.user_ids});
  std::vector<Column> columns = {&dataset.item_ids};
  std::string header = "id";
  if (!dataset.titles.empty()) columns.push_back(&dataset.titles), header += "\ttitle";
  if (!dataset.texts.empty()) columns.push_back(&dataset.texts), header += "\ttext";
  write_tsv(folder + "/items.tsv", header.c_str(), columns);
  tensor::write_file_atomically(folder + "/dataset.json", description(dataset).dump(2) + "\n");
}

Dataset load_dataset(const std::string& folder) {
  const std::string path = folder + "/dataset.json";
  require(Fault::missing_input, std::filesystem::exists(folder), folder,
          ": no such folder; make one with `genrec import` or `genrec synth`");
  require(Fault::missing_input, std::filesystem::exists(path), path,
          ": no such file, so the folder is not a prepared data set; make one with `genrec import` or `genrec synth`");
  Dataset d;
  std::string stored;
  try {
    const json root = json::parse(tensor::read_file(path));
    require(Fault::bad_data, root.at("format") == kFormat, path, ": is not a genrec data set; import it again");
    require(Fault::bad_data, root.at("version") == kVersion, path, ": has format version ", root.at("version").dump(),
            ", this program reads ", kVersion, "; import it again");
    d.ordered = root.at("ordered").get<bool>();
    d.split_protocol = root.at("split").at("protocol").get<std::string>();
    d.split_seed = root.at("split").at("seed").get<uint64_t>();
    d.sources = root.at("sources").get<std::vector<std::string>>();
    stored = root.at("fingerprint").get<std::string>();
    load_arrays(d, root, folder);
  } catch (const json::exception& error) {
    tensor::fail(Fault::bad_data, path, ": is damaged (", error.what(), "); import it again");
  }
  auto users = read_tsv(folder + "/users.tsv");
  require(Fault::bad_data, users.size() == 1 && users[0].first == "id", folder,
          "/users.tsv:1: expected the one column id; import it again");
  d.user_ids = std::move(users[0].second);
  for (auto& [name, values] : read_tsv(folder + "/items.tsv")) {
    require(Fault::bad_data, name == "id" || name == "title" || name == "text", folder, "/items.tsv:1: unknown column '",
        name,
            "', expected id, title, text; import it again");
    (name == "id" ? d.item_ids : name == "title" ? d.titles : d.texts) = std::move(values);
  }
  validate(d, folder);
  const std::string actual = fingerprint(d);
  require(Fault::bad_data, actual == stored, folder, ": fingerprint is ", actual, ", dataset.json says ", stored,
          "; a file was changed or damaged after the import: import it again");
  return d;
}

}  // namespace genrec
