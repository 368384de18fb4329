#include "tensor/safetensors.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "tensor/file.h"

namespace tensor {

namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "the container is little-endian");

constexpr int64_t kLargestHeader = 100'000'000;
constexpr int kDeepestHeader = 3;  // {name: {shape: [..]}}
constexpr const char* kMetadataName = "__metadata__";

constexpr std::pair<DType, const char*> kTypeNames[] = {{DType::f32, "F32"}, {DType::f64, "F64"}, {DType::bf16, "BF16"},
                                                        {DType::i32, "I32"}, {DType::i64, "I64"}, {DType::u8, "U8"}};

const char* type_name(DType type) {
  for (const auto& [candidate, name] : kTypeNames)
    if (candidate == type) return name;
  return "";
}

// Parses the header; nesting deeper than the format has and names that come twice end it at once.
json parse_header(const std::string& path, const std::string& text) {
  std::vector<std::set<std::string>> names;
  const auto inspect = [&](int depth, json::parse_event_t event, json& parsed) {
    using Event = json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      require(Fault::bad_data, depth < kDeepestHeader, path, ": header is nested deeper than ", kDeepestHeader,
              " levels; the file is damaged");
      names.resize(depth + 1);
      names[depth].clear();
    } else if (event == Event::key) {
      const std::string& name = parsed.get_ref<const std::string&>();
      require(Fault::bad_data, names[depth - 1].insert(name).second, path, ": header names '", name,
              "' twice; the file is damaged");
    }
    return true;
  };
  try {
    return json::parse(text, inspect);
  } catch (const json::exception& error) {
    fail(Fault::bad_data, path, ": header is not valid JSON (", error.what(), "); the file is damaged");
  }
}

// A size or offset: an unsigned integer that fits into int64.
int64_t size_value(const json& value, const std::string& where, const char* what) {
  require(Fault::bad_data, value.is_number_unsigned() && value.get<uint64_t>() <= std::numeric_limits<int64_t>::max(), where,
          ": ", what, " holds ", value.dump().substr(0, 40), ", expected a non-negative integer; the file is damaged");
  return static_cast<int64_t>(value.get<uint64_t>());
}

Shape shape_value(const json& value, const std::string& where) {
  require(Fault::bad_data, value.is_array() && value.size() <= 4, where,
          ": shape is not a list of at most 4 sizes; the file is damaged or made for another program");
  int64_t sizes[4] = {}, elements = 1;
  for (size_t i = 0; i < value.size(); ++i) {
    sizes[i] = size_value(value[i], where, "shape");
    require(Fault::bad_data, sizes[i] == 0 || elements <= (std::numeric_limits<int64_t>::max() / 8) / sizes[i], where,
            ": shape ", value.dump(), " is larger than any file; the file is damaged");
    elements *= sizes[i];
  }
  switch (value.size()) {
    case 0: return {};
    case 1: return {sizes[0]};
    case 2: return {sizes[0], sizes[1]};
    case 3: return {sizes[0], sizes[1], sizes[2]};
    default: return {sizes[0], sizes[1], sizes[2], sizes[3]};
  }
}

TensorEntry entry_value(const std::string& path, const std::string& name, const json& value, int64_t data_bytes) {
  const std::string where = path + ": tensor '" + name + "'";
  require(Fault::bad_data, value.is_object() && value.contains("dtype") && value.contains("shape") &&
          value.contains("data_offsets") && value["dtype"].is_string(), where,
          ": needs dtype, shape and data_offsets; the file is damaged");
  TensorEntry entry{name, DType::f32, shape_value(value["shape"], where), 0, 0};

  const std::string type = value["dtype"].get<std::string>();
  const auto* known = std::find_if(std::begin(kTypeNames), std::end(kTypeNames), [&](auto& t) { return type == t.second; });
  require(Fault::bad_data, known != std::end(kTypeNames), where, ": dtype ", type,
          " is not supported; convert it to one of F32, F64, BF16, I32, I64, U8");
  entry.dtype = known->first;

  const json& offsets = value["data_offsets"];
  require(Fault::bad_data, offsets.is_array() && offsets.size() == 2, where,
          ": data_offsets is not a pair; the file is damaged");
  entry.begin = size_value(offsets[0], where, "data_offsets");
  entry.end = size_value(offsets[1], where, "data_offsets");
  require(Fault::bad_data, entry.begin <= entry.end && entry.end <= data_bytes, where, ": occupies bytes [", entry.begin,
      ", ",
          entry.end, "), but the file holds ", data_bytes, " bytes of data; the file is truncated or damaged");
  const int64_t expected = entry.shape.size() * size_of(entry.dtype);
  require(Fault::bad_data, entry.end - entry.begin == expected, where, ": ", type, " ", entry.shape, " needs ", expected,
          " bytes, its data_offsets span ", entry.end - entry.begin, "; the file is damaged");
  return entry;
}

SafetensorsHeader read_header(const InputFile& file, int64_t& data_begin) {
  const std::string& path = file.path();
  require(Fault::bad_data, file.size() >= 8, path, ": is ", file.size(),
          " bytes long, expected a safetensors file of at least 8; the file is truncated or of another kind");
  uint64_t length = 0;
  file.read(&length, 8, 0);
  require(Fault::bad_data, length <= static_cast<uint64_t>(std::min(kLargestHeader, file.size() - 8)), path,
          ": header length is ", length, ", but the file has ", file.size(), " bytes and a header at most ", kLargestHeader,
          "; the file is truncated or not a safetensors file");
  std::string text(length, '\0');
  file.read(text.data(), static_cast<int64_t>(length), 8);
  const json root = parse_header(path, text);
  require(Fault::bad_data, root.is_object(), path, ": header is not a JSON object; the file is damaged");

  data_begin = 8 + static_cast<int64_t>(length);
  const int64_t data_bytes = file.size() - data_begin;
  SafetensorsHeader header;
  for (const auto& [name, value] : root.items()) {
    if (name != kMetadataName) {
      header.entries.push_back(entry_value(path, name, value, data_bytes));
      continue;
    }
    require(Fault::bad_data, value.is_object(), path, ": __metadata__ is not an object; the file is damaged");
    for (const auto& [key, text_value] : value.items()) {
      require(Fault::bad_data, text_value.is_string(), path, ": __metadata__ '", key,
          "' is not a string; the file is damaged");
      header.metadata[key] = text_value.get<std::string>();
    }
  }
  std::sort(header.entries.begin(), header.entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  int64_t position = 0;
  for (const TensorEntry& entry : header.entries) {
    require(Fault::bad_data, entry.begin == position, path, ": tensor '", entry.name, "' begins at byte ", entry.begin,
            " of the data, expected ", position, " (", entry.begin < position ? "it overlaps another" : "a gap",
            "); the file is damaged");
    position = entry.end;
  }
  require(Fault::bad_data, position == data_bytes, path, ": ", data_bytes - position,
          " bytes after the last tensor belong to nothing; the file is damaged");
  return header;
}

}  // namespace

const Tensor* Safetensors::find(std::string_view name) const {
  for (const auto& [candidate, value] : tensors)
    if (candidate == name) return &value;
  return nullptr;
}

const Tensor& Safetensors::at(std::string_view name) const {
  const Tensor* found = find(name);
  require(Fault::bad_data, found != nullptr, path, ": holds no tensor '", name,
      "'; it was written by another program or version");
  return *found;
}

const std::string& Safetensors::metadata_at(const std::string& key) const {
  const auto found = metadata.find(key);
  require(Fault::bad_data, found != metadata.end(), path, ": metadata hold no '", key,
          "'; it was written by another program or version");
  return found->second;
}

void write_safetensors(const std::string& path, const NamedTensors& tensors, const Metadata& metadata) {
  std::string header = "{";
  std::set<std::string> names;
  int64_t position = 0;
  const auto text = [&](const std::string& value) {
    try {
      return json(value).dump();
    } catch (const json::exception&) {
      fail(Fault::bad_data, path, ": cannot store '", value, "'; names and metadata must be UTF-8");
    }
  };
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) header += join(header.back() == '{' ? "" : ",", text(key), ":", text(value));
    header += "}";
  }
  for (const auto& [name, value] : tensors) {
    check(value.defined(), path, ": tensor '", name, "' is undefined");
    check(name != kMetadataName && names.insert(name).second, path, ": tensor name '", name, "' is taken");
    header += join(header.size() == 1 ? "" : ",", text(name), ":{\"dtype\":\"", type_name(value.dtype()), "\",\"shape\":[");
    for (int i = 0; i < value.shape().rank(); ++i) header += join(i == 0 ? "" : ",", value.shape()[i]);
    header += join("],\"data_offsets\":[", position, ",", position + value.bytes(), "]}");
    position += value.bytes();
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  require(Fault::io, static_cast<int64_t>(header.size()) <= kLargestHeader, path, ": header needs ", header.size(),
          " bytes, the format allows ", kLargestHeader, "; store fewer tensors or less metadata");

  AtomicFile file(path);
  const uint64_t length = header.size();
  file.write(&length, 8);
  file.write(header);
  for (const auto& [name, value] : tensors) file.write(value.to(Device::cpu).raw(), value.bytes());
  file.commit();
}

Safetensors read_safetensors(const std::string& path) {
  const InputFile file(path);
  int64_t data_begin = 0;
  SafetensorsHeader header = read_header(file, data_begin);
  Safetensors result{path, {}, std::move(header.metadata)};
  for (TensorEntry& entry : header.entries) {
    Tensor value(entry.shape, entry.dtype);
    file.read(value.raw(), value.bytes(), data_begin + entry.begin);
    result.tensors.emplace_back(std::move(entry.name), std::move(value));
  }
  return result;
}

SafetensorsHeader read_safetensors_header(const std::string& path) {
  const InputFile file(path);
  int64_t data_begin = 0;
  return read_header(file, data_begin);
}

}  // namespace tensor
