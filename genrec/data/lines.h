// Text files line by line, plain or gzip-compressed, with the line number for messages.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace genrec {

class LineReader {
 public:
  explicit LineReader(const std::string& path);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line without its end (\n or \r\n); valid until the next call. False at the end of the file. Compressed data
  // that
  // end early or are damaged, lines over 16 MiB and bytes that no text holds are errors.
  bool next(std::string_view& line);

  int64_t number() const { return number_; }  // of the line last returned, from 1
  const std::string& path() const { return path_; }
  std::string place() const { return path_ + ":" + std::to_string(number_); }

 private:
  bool fill();  // reads more behind what is left; false at the end

  struct Stream;
  std::unique_ptr<Stream> stream_;
  std::string path_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;
  int64_t number_ = 0;
};

bool is_gzip(const std::string& path);  // by its first bytes

bool is_utf8(std::string_view text);
std::string utf8_from_latin1(std::string_view text);

}  // namespace genrec
