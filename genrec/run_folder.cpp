#include "genrec/run_folder.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tensor/error.h"
#include "tensor/file.h"

namespace genrec {

using tensor::Fault;
using tensor::require;

namespace {

constexpr const char* kManifest = "manifest.json";
constexpr const char* kMetrics = "metrics.jsonl";

}  // namespace

bool file_exists(const std::string& path) { return std::filesystem::exists(path); }

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
  tensor::write_file_atomically(run / kManifest, "{}\n");
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
  tensor::write_file_atomically(*this / kMetrics, kept);
  lines_ = count;
}

void RunFolder::set_manifest(const std::string& key, const std::string& json) {
  nlohmann::ordered_json manifest = nlohmann::ordered_json::parse(tensor::read_file(*this / kManifest), nullptr, false);
  require(Fault::bad_data, manifest.is_object(), *this / kManifest, ": is not a JSON object");
  manifest[key] = nlohmann::ordered_json::parse(json);
  tensor::write_file_atomically(*this / kManifest, manifest.dump(2) + "\n");
}

std::string RunFolder::manifest(const std::string& key) const {
  const nlohmann::ordered_json manifest = nlohmann::ordered_json::parse(tensor::read_file(*this / kManifest), nullptr, false);
  require(Fault::bad_data, manifest.is_object(), *this / kManifest, ": is not a JSON object");
  if (!manifest.contains(key)) return "";
  return manifest[key].is_string() ? manifest[key].get<std::string>() : manifest[key].dump();
}

}  // namespace genrec
