#include "genrec/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

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

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  require(Fault::io, !error, path, ": cannot be made (", error.message(), "); give the path of a new folder, or of one to write to");
}

// Whether there is more in it than what a training begins with.
bool has_trained(const std::string& path) {
  const auto manifest = nlohmann::ordered_json::parse(tensor::read_file(path + "/" + kManifest), nullptr, false);
  for (const auto& [key, value] : manifest.items()) {
    if (key.starts_with("finished")) return true;
  }
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string name = entry.path().filename();
    const bool begun = name.starts_with(kManifest) || name.starts_with("config.toml");  // also what was left half written
    if (!begun && !(name == kMetrics && entry.file_size() == 0)) return true;
  }
  return false;
}

}  // namespace

// On a file system that knows no locks it keeps nobody out.
FolderLock::FolderLock(const std::string& path) : file_((make_folder(path), open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))) {
  if (file_ < 0 || flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  close(file_);
  tensor::fail(Fault::io, path, ": another genrec is training in it; wait for its end, or give another --out");
}

FolderLock::~FolderLock() {
  if (file_ >= 0) close(file_);
}

bool file_exists(const std::string& path) { return std::filesystem::exists(path); }

RunFolder::RunFolder(std::string path) : path_(std::move(path)) {
  std::ifstream in(*this / kMetrics);
  for (std::string line; std::getline(in, line);) ++lines_;
}

RunFolder RunFolder::create(const std::string& path) {
  require(!file_exists(path + "/" + kManifest) || !has_trained(path), path,
          ": holds a run already; use --resume to go on with it, or another --out");
  make_folder(path);
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
