// The index files of the LC-Rec family: reading and writing.
#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "genrec/data/json_text.h"
#include "genrec/identifiers.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace genrec {

using nlohmann::json;
using tensor::Fault;
using tensor::require;

namespace {

constexpr int kLetters = 26;
constexpr int32_t kLargestCode = 1 << 24;

std::string key_of(const IndexKeys& keys, size_t item) {
  return keys.item_numbers.empty() ? keys.item_ids[item] : std::to_string(keys.item_numbers[item]);
}

char letter_of(int level, IndexLetters letters) {
  return static_cast<char>((letters == IndexLetters::lower ? 'a' : 'A') + level);
}

// The code of "<c_12>" at level 2; -1 when it is anything else.
int32_t code_of(const std::string& token, int level) {
  if (token.size() < 5 || token[0] != '<' || token[2] != '_' || token.back() != '>') return -1;
  if (token[1] != letter_of(level, IndexLetters::lower) && token[1] != letter_of(level, IndexLetters::capital)) return -1;
  int32_t code = -1;
  const char* last = token.data() + token.size() - 1;
  const auto [end, error] = std::from_chars(token.data() + 3, last, code);
  return error == std::errc() && end == last && code <= kLargestCode ? code : -1;
}

// Receives the file item by item, so that a key that stands twice is seen.
class IndexReader : public nlohmann::json_sax<json> {
 public:
  IndexReader(const std::string& path, const IndexKeys& keys) : path_(path), items_(keys.item_ids.size()) {
    for (size_t item = 0; item < items_; ++item) item_of_.emplace(key_of(keys, item), item);
    seen_.assign(items_, 0);
  }

  bool start_object(size_t) override { return depth_++ == 0 ? true : fail_value("an object"); }
  bool end_object() override { return true; }
  bool key(string_t& text) override {
    key_ = text;
    const auto found = item_of_.find(text);
    item_ = found == item_of_.end() ? items_ : found->second;
    known_ += item_ < items_;
    require(Fault::bad_data, item_ == items_ || !seen_[item_], place(), ": stands twice; keep one identifier per item");
    if (item_ < items_) seen_[item_] = 1;
    return true;
  }
  bool start_array(size_t) override {
    if (depth_ != 1 || in_list_) fail_value("a list");
    codes_.clear();
    return in_list_ = true;
  }
  bool string(string_t& text) override {
    if (!in_list_) fail_value(tensor::join("'", text.substr(0, 40), "'"));
    const int level = static_cast<int>(codes_.size());
    require(Fault::bad_data, level < kLetters, place(), ": has more than ", kLetters, " codes; check the file");
    const int32_t code = code_of(text, level);
    require(Fault::bad_data, code >= 0, place(), ": code ", level, " is '", text.substr(0, 40), "', expected <",
            letter_of(level, IndexLetters::lower), "_N> or <", letter_of(level, IndexLetters::capital), "_N>; mend the file");
    codes_.push_back(code);
    return true;
  }
  bool end_array() override {
    in_list_ = false;
    if (levels_ == 0) {
      levels_ = static_cast<int>(codes_.size());
      identifiers_.assign(items_ * levels_, 0);
    }
    require(Fault::bad_data, levels_ > 0 && static_cast<int>(codes_.size()) == levels_, place(), ": has ", codes_.size(),
            " codes, expected ", std::max(levels_, 1), "; mend the file");
    if (item_ < items_) std::copy(codes_.begin(), codes_.end(), identifiers_.begin() + static_cast<int64_t>(item_) * levels_);
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override { return fail_value(std::to_string(value)); }
  bool number_integer(number_integer_t value) override { return fail_value(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return fail_value(text); }
  bool binary(binary_t&) override { return fail_value("binary"); }
  bool null() override { return fail_value("null"); }
  bool boolean(bool value) override { return fail_value(value ? "true" : "false"); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    fail_json(path_, error.what());
  }

  ItemIdentifiers result(const IndexKeys& keys, int32_t size) const {
    require(Fault::bad_data, known_ > 0, path_, ": names none of the ", items_, " items, whose first is '", key_of(keys, 0),
            "'; use the identifiers and the data set of the same source");
    for (size_t item = 0; item < items_; ++item)
      require(Fault::bad_data, seen_[item] != 0, path_, ": item '", key_of(keys, item), "' has no identifier (", items_ - known_,
              " of ", items_, " have none); use the identifiers and the data set of the same source");
    ItemIdentifiers result{.levels = levels_, .sizes = std::vector<int32_t>(levels_, size), .codes = identifiers_};
    for (size_t i = 0; i < identifiers_.size(); ++i) {
      int32_t& level_size = result.sizes[i % levels_];
      level_size = std::max(level_size, identifiers_[i] + 1);
    }
    return result;
  }

 private:
  std::string place() const { return depth_ == 0 ? path_ + ":1" : tensor::join(path_, ": item '", key_, "'"); }
  [[noreturn]] bool fail_value(const std::string& found) {
    tensor::fail(Fault::bad_data, place(), ": is ", found, ", expected ",
                 depth_ == 0 ? "an object" : in_list_ ? "a list of texts such as <a_12>" : "a list of codes", "; mend the file");
  }

  const std::string& path_;
  size_t items_;
  std::unordered_map<std::string, size_t> item_of_;
  std::vector<uint8_t> seen_;
  std::vector<int32_t> identifiers_, codes_;
  std::string key_;
  size_t item_ = 0, known_ = 0;
  int levels_ = 0, depth_ = 0;
  bool in_list_ = false;
};

}  // namespace

ItemIdentifiers read_index_json(const std::string& path, const IndexKeys& keys, int32_t size) {
  const tensor::InputFile probe(path);  // for its errors
  IndexReader reader(path, keys);
  std::ifstream file(path, std::ios::binary);
  json::sax_parse(file, &reader);
  return reader.result(keys, size);
}

// Laid out as those programs' own files.
std::string index_json(const ItemIdentifiers& identifiers, const IndexKeys& keys, IndexLetters letters) {
  require(Fault::usage, identifiers.levels <= kLetters, "index file: ", identifiers.levels, " levels, at most ", kLetters,
          " have a letter; write another format");
  std::string text = "{";
  for (int64_t item = 0; item < identifiers.items(); ++item) {
    text += tensor::join(item == 0 ? "\n    " : ",\n    ", json(key_of(keys, item)).dump(), ": [");
    for (int level = 0; level < identifiers.levels; ++level)
      text += tensor::join(level == 0 ? "" : ",", "\n        \"<", letter_of(level, letters), "_", identifiers[item][level], ">\"");
    text += "\n    ]";
  }
  return text + "\n}\n";
}

void write_index_json(const std::string& path, const ItemIdentifiers& identifiers, const IndexKeys& keys,
                      IndexLetters letters) {
  tensor::write_file_atomically(path, index_json(identifiers, keys, letters));
}

std::string shared_identifiers(const ItemIdentifiers& identifiers) {
  const PrefixGroups groups = prefix_groups(identifiers, identifiers.levels);
  int64_t shared = 0, items = 0;
  for (int64_t size : groups.sizes)
    if (size > 1) ++shared, items += size;
  return shared == 0 ? ""
                     : tensor::join(shared, " of ", groups.sizes.size(), " identifiers are shared, by ", items, " of ",
                                    identifiers.items(), " items");
}

}  // namespace genrec
