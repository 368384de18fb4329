// genrec inspect: what is in a file or folder that genrec writes, without loading it: tensors, types, shapes, metadata.
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/text_table.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"

namespace cli {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using tensor::Fault;

struct Part {
  std::string path;
  int64_t bytes = 0;
  bool is_tensors = false;
  tensor::SafetensorsHeader header;
};

Part look_at(const fs::path& path) {
  Part part;
  part.path = path.string();
  part.bytes = static_cast<int64_t>(fs::file_size(path));
  part.is_tensors = path.extension() == ".safetensors";
  if (part.is_tensors) part.header = tensor::read_safetensors_header(part.path);
  return part;
}

std::vector<Part> parts_of(const std::string& path) {
  const fs::file_status status = fs::status(path);
  tensor::require(Fault::missing_input, fs::exists(status), path, ": there is no such file or folder; give a .safetensors file, ",
                  "a data set or a run");
  if (!fs::is_directory(status)) {
    tensor::require(Fault::bad_data, fs::path(path).extension() == ".safetensors", path,
                    ": is no .safetensors file; give one, or a folder");
    return {look_at(path)};
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  tensor::require(Fault::bad_data, !files.empty(), path, ": the folder is empty; give a data set or a run");
  std::vector<Part> parts;
  for (const fs::path& file : files) parts.push_back(look_at(file));
  return parts;
}

std::string shortened(const std::string& text) {
  constexpr size_t kLongest = 100;
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + fmt::format(".. ({} bytes)", text.size());
}

std::string text(const std::vector<Part>& parts) {
  std::string result;
  for (const Part& part : parts) {
    result += fmt::format("{}  {} bytes\n", part.path, part.bytes);
    if (!part.is_tensors) continue;
    for (const auto& [key, value] : part.header.metadata) result += fmt::format("  {}: {}\n", key, shortened(value));
    std::vector<std::vector<std::string>> rows;
    int64_t elements = 0;
    for (const tensor::TensorEntry& entry : part.header.entries) {
      rows.push_back({"  " + entry.name, tensor::name_of(entry.dtype), tensor::join(entry.shape), std::to_string(entry.end - entry.begin)});
      elements += entry.shape.size();
    }
    const std::vector<std::string> header{"  tensor", "type", "shape", "bytes"};
    result += genrec::text_table(header, rows) + fmt::format("  {} tensors, {} numbers\n", rows.size(), elements);
  }
  return result;
}

std::string json(const std::vector<Part>& parts) {
  Json files = Json::array();
  for (const Part& part : parts) {
    Json file{{"path", part.path}, {"bytes", part.bytes}};
    if (part.is_tensors) {
      Json tensors = Json::array();
      for (const tensor::TensorEntry& entry : part.header.entries) {
        std::vector<int64_t> shape;
        for (int i = 0; i < entry.shape.rank(); ++i) shape.push_back(entry.shape[i]);
        tensors.push_back({{"name", entry.name},
                           {"type", tensor::name_of(entry.dtype)},
                           {"shape", shape},
                           {"bytes", entry.end - entry.begin}});
      }
      file["metadata"] = part.header.metadata;
      file["tensors"] = tensors;
    }
    files.push_back(file);
  }
  return files.dump(2) + "\n";
}

class Inspect : public Command {
 public:
  Inspect() : Command("inspect", "Show the tensors and the metadata of a checkpoint, a data set or a run") {
    options().add("path", path_, "A .safetensors file, or a folder that genrec wrote").value_name("PATH").positional().required();
    add_common(true);
  }

  int run() override {
    const std::vector<Part> parts = parts_of(path_);
    print(common().json ? json(parts) : text(parts));
    return 0;
  }

 private:
  std::string path_;
};

}  // namespace

std::unique_ptr<Command> inspect() { return std::make_unique<Inspect>(); }

}  // namespace cli
