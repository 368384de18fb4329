// Files as bytes: whole-file reads with clear errors, and writes that replace a file in one step or leave the old one alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tensor {

// A file opened for reading, with its size. Faults: missing_input when it is not there, io when it cannot be read.
class InputFile {
 public:
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }
  void read(void* to, int64_t bytes, int64_t offset) const;  // exactly so many; a file that ends earlier is bad_data

 private:
  std::string path_;
  int descriptor_ = -1;
  int64_t size_ = 0;
};

std::string read_file(const std::string& path);

// Writes to a temporary name in the same folder; commit() flushes it to the disk and renames it. Without commit() nothing
// changes. All faults are io.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* from, int64_t bytes);
  void write(std::string_view text) { write(text.data(), static_cast<int64_t>(text.size())); }
  void commit();

 private:
  void flush();
  void write_now(const char* from, int64_t bytes);
  [[noreturn]] void fail_with(const char* step);

  std::string path_, temporary_, buffer_;
  int descriptor_ = -1;
};

void write_file_atomically(const std::string& path, std::string_view text);

}  // namespace tensor
