#include "genrec/data/lines.h"

#include <zlib.h>

#include <cerrno>
#include <cstring>

#include "tensor/error.h"
#include "tensor/file.h"

namespace genrec {

using tensor::Fault;
using tensor::require;

namespace {
constexpr size_t kPiece = 1 << 20;
constexpr size_t kLongestLine = 16 << 20;
}  // namespace

struct LineReader::Stream {
  gzFile file = nullptr;  // reads plain files as they are
};

LineReader::LineReader(const std::string& path) : stream_(std::make_unique<Stream>()), path_(path), buffer_(2 * kPiece) {
  const tensor::InputFile probe(path);  // for its errors
  stream_->file = gzopen(path.c_str(), "rb");
  require(Fault::io, stream_->file != nullptr, path, ": cannot be opened: ", std::strerror(errno),
      "; check its permissions");
  gzbuffer(stream_->file, 256 << 10);
}

LineReader::~LineReader() { gzclose_r(stream_->file); }

bool LineReader::fill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  require(Fault::bad_data, end_ < kLongestLine, path_, ":", number_ + 1, ": line is longer than ", kLongestLine,
          " bytes; this is no table of text");
  if (buffer_.size() < end_ + kPiece) buffer_.resize(2 * buffer_.size());
  const int got = gzread(stream_->file, buffer_.data() + end_, kPiece);
  int code = Z_OK;
  gzerror(stream_->file, &code);
  require(Fault::bad_data, code != Z_BUF_ERROR, path_, ":", number_ + 1,
          ": compressed data end too early; the file is truncated, fetch it again");
  require(Fault::bad_data, got >= 0 && code >= 0, path_, ":", number_ + 1,
          ": compressed data are damaged; fetch the file again");
  end_ += static_cast<size_t>(got);
  return got > 0;
}

bool LineReader::next(std::string_view& line) {
  size_t searched = 0;
  const char* end = nullptr;
  while (true) {
    const char* from = buffer_.data() + begin_;
    end = static_cast<const char*>(std::memchr(from + searched, '\n', end_ - begin_ - searched));
    if (end != nullptr) break;
    searched = end_ - begin_;
    if (fill()) continue;
    if (begin_ == end_) return false;
    end = buffer_.data() + end_;
    break;
  }
  const char* from = buffer_.data() + begin_;
  size_t length = static_cast<size_t>(end - from);
  begin_ = std::min(end_, begin_ + length + 1);
  if (length > 0 && from[length - 1] == '\r') --length;
  if (++number_ == 1 && length >= 3 && std::memcmp(from, "\xef\xbb\xbf", 3) == 0) from += 3, length -= 3;
  require(Fault::bad_data, std::memchr(from, '\0', length) == nullptr, place(),
          ": holds a zero byte, expected text; the file is binary or encoded as UTF-16, convert it to UTF-8");
  line = std::string_view(from, length);
  return true;
}

bool is_gzip(const std::string& path) {
  const tensor::InputFile file(path);
  unsigned char start[2] = {};
  if (file.size() >= 2) file.read(start, 2, 0);
  return start[0] == 0x1f && start[1] == 0x8b;
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
    const unsigned first = byte(i);
    const size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length == 0) return false;
    for (size_t k = 1; k < length; ++k)
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    const unsigned second = byte(i + 1);  // overlong forms, surrogates, beyond U+10FFFF
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
        (first == 0xf4 && second > 0x8f))
      return false;
    i += length;
  }
  return true;
}

std::string utf8_from_latin1(std::string_view text) {
  std::string result;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      result += c;
    } else {
      result += static_cast<char>(0xc0 | byte >> 6);
      result += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return result;
}

}  // namespace genrec
