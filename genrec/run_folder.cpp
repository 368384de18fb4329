#include "genrec/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tensor/error.h"

namespace genrec {

using tensor::fail;
using tensor::Fault;
using tensor::require;

namespace {

constexpr const char* kManifest = "manifest.json";
constexpr const char* kMetrics = "metrics.jsonl";

void flush_to_disk(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags);
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
}

}  // namespace

void write_file_atomically(const std::string& path, const std::string& content) {
  const std::string temporary = path + ".tmp";
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.flush();
    require(Fault::io, out.good(), path, ": cannot be written (", std::strerror(errno), "); check the folder and the free space");
  }
  flush_to_disk(temporary, O_RDONLY);
  require(Fault::io, std::rename(temporary.c_str(), path.c_str()) == 0, path, ": cannot be replaced (", std::strerror(errno), ")");
  flush_to_disk(std::filesystem::path(path).parent_path().string(), O_RDONLY | O_DIRECTORY);
}

bool file_exists(const std::string& path) { return std::filesystem::exists(path); }

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  require(Fault::missing_input, in.good(), path, ": cannot be opened (", std::strerror(errno), ")");
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

RunFolder::RunFolder(std::string path) : path_(std::move(path)) {
  std::ifstream in(*this / kMetrics);
  for (std::string line; std::getline(in, line);) ++lines_;
}

RunFolder RunFolder::create(const std::string& path) {
  require(!file_exists(path + "/" + kManifest), path, ": holds a run already; use --resume to go on with it, or another --out");
  std::error_code error;
  std::filesystem::create_directories(path, error);
  require(Fault::io, !error, path, ": cannot be made (", error.message(), ")");
  RunFolder run(path);
  write_file_atomically(run / kManifest, "{}\n");
  run.truncate_log(0);
  return run;
}

RunFolder RunFolder::open(const std::string& path) {
  require(Fault::missing_input, file_exists(path + "/" + kManifest), path, ": is not the folder of a run (it has no ", kManifest,
          "); `genrec train --out` makes one");
  return RunFolder(path);
}

void RunFolder::log(const Record& record) {
  std::ofstream out(*this / kMetrics, std::ios::app);
  out << record.to_json() << '\n';
  out.flush();
  require(Fault::io, out.good(), *this / kMetrics, ": cannot be written (", std::strerror(errno), ")");
  ++lines_;
}

void RunFolder::truncate_log(int64_t lines) {
  std::ifstream in(*this / kMetrics);
  std::string kept, line;
  int64_t count = 0;
  for (; count < lines && std::getline(in, line); ++count) kept += line + '\n';
  in.close();
  write_file_atomically(*this / kMetrics, kept);
  lines_ = count;
}

void RunFolder::set_manifest(const std::string& key, const std::string& json) {
  nlohmann::ordered_json manifest = nlohmann::ordered_json::parse(read_file(*this / kManifest), nullptr, false);
  require(Fault::bad_data, manifest.is_object(), *this / kManifest, ": is not a JSON object");
  manifest[key] = nlohmann::ordered_json::parse(json);
  write_file_atomically(*this / kManifest, manifest.dump(2) + "\n");
}

std::string RunFolder::manifest(const std::string& key) const {
  const nlohmann::ordered_json manifest = nlohmann::ordered_json::parse(read_file(*this / kManifest), nullptr, false);
  require(Fault::bad_data, manifest.is_object(), *this / kManifest, ": is not a JSON object");
  if (!manifest.contains(key)) return "";
  return manifest[key].is_string() ? manifest[key].get<std::string>() : manifest[key].dump();
}

}  // namespace genrec
