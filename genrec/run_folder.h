// The folder of one training run: config.toml (resolved options), manifest.json (what made it), metrics.jsonl (one object per
// event), checkpoints, identifiers. Everything is written atomically or appended line by line.
#pragma once

#include <string>
#include <vector>

#include "genrec/record.h"

namespace genrec {

bool file_exists(const std::string& path);

// Keeps every other training out of a folder, which it makes if it is not there, for as long as it lives.
class FolderLock {
 public:
  explicit FolderLock(const std::string& path);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_;
};

class RunFolder {
 public:
  // Makes the folder; an error if it already holds a run. One that ended before it had trained anything does not count.
  static RunFolder create(const std::string& path);
  // An existing run; an error if there is none.
  static RunFolder open(const std::string& path);

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  void log(const Record& record);            // appends one line to metrics.jsonl
  int64_t log_lines() const { return lines_; }
  void truncate_log(int64_t lines);          // drops what came after a checkpoint

  // The manifest: top-level entries are replaced one by one. Values are JSON texts.
  void set_manifest(const std::string& key, const std::string& json);
  std::string manifest(const std::string& key) const;  // its JSON text, "" when absent; strings without quotes

 private:
  explicit RunFolder(std::string path);
  std::string path_;
  int64_t lines_ = 0;
};

}  // namespace genrec
