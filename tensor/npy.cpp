#include "tensor/npy.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "tensor/file.h"

namespace tensor {

namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr int64_t kLargestNpyHeader = 1 << 20;

struct Header {
  std::string type;
  bool fortran_order = false;
  std::vector<int64_t> sizes;
  int64_t data_begin = 0;
};

// Reads the Python dictionary literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Header parse() {
    Header header;
    bool type = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        require(Fault::bad_data, peek() != '[', where_,
                ": is a structured array; save its columns as one plain float array");
        header.type = quoted(), type = true;
      } else if (key == "fortran_order") {
        header.fortran_order = word() == "True", order = true;
      } else if (key == "shape") {
        header.sizes = tuple(), shape = true;
      } else {
        damaged();
      }
      if (!accept(',') && peek() != '}') damaged();
    }
    if (!type || !order || !shape) damaged();
    return header;
  }

 private:
  [[noreturn]] void damaged() const {
    fail(Fault::bad_data, where_, ": header is not understood at byte ", at_, "; the file is damaged");
  }
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) damaged();
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') damaged();
    const size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != quote) ++at_;
    if (at_ == text_.size()) damaged();
    return std::string(text_.substr(begin, at_++ - begin));
  }
  std::string_view word() {
    peek();
    const size_t begin = at_;
    while (at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_]))) ++at_;
    const std::string_view value = text_.substr(begin, at_ - begin);
    if (value != "True" && value != "False") damaged();
    return value;
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> sizes;
    expect('(');
    while (!accept(')')) {
      peek();
      int64_t size = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0) damaged();
      at_ = end - text_.data();
      sizes.push_back(size);
      if (!accept(',') && peek() != ')') damaged();
    }
    return sizes;
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
};

Header read_header(const InputFile& file, const std::string& where) {
  unsigned char start[12] = {};
  require(Fault::bad_data, file.size() >= 12, where, ": is ", file.size(),
          " bytes long, expected a .npy file; the file is truncated or of another kind");
  file.read(start, 12, 0);
  require(Fault::bad_data, std::memcmp(start, kMagic, 6) == 0, where,
      ": does not begin as a .npy file; save it with numpy.save");
  const int version = start[6];
  require(Fault::bad_data, version >= 1 && version <= 3, where, ": has .npy format version ", version,
          ", expected 1, 2 or 3; save it again with numpy.save");
  const int64_t begin = version == 1 ? 10 : 12;
  int64_t length = start[8] | start[9] << 8;
  if (version > 1) length |= int64_t{start[10]} << 16 | int64_t{start[11]} << 24;
  require(Fault::bad_data, length <= kLargestNpyHeader && begin + length <= file.size(), where, ": header length is ", length,
          ", but the file has ", file.size(), " bytes; the file is truncated or damaged");
  std::string text(static_cast<size_t>(length), '\0');
  file.read(text.data(), length, begin);
  Header header = HeaderParser(text, where).parse();
  header.data_begin = begin + length;
  return header;
}

float half_to_float(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000u} << 16;
  uint32_t exponent = half >> 10 & 31, mantissa = half & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) return (sign ? -1.0f : 1.0f) * static_cast<float>(mantissa) * 0x1p-24f;
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

// Reads `count` elements of type From in pieces and stores them converted.
template <class From, class To, class Convert>
void read_converted(const InputFile& file, int64_t begin, int64_t count, To* to, Convert convert) {
  constexpr int64_t kPiece = 1 << 18;
  std::vector<From> piece(static_cast<size_t>(std::min(count, kPiece)));
  for (int64_t at = 0; at < count; at += kPiece) {
    const int64_t n = std::min(kPiece, count - at);
    file.read(piece.data(), n * sizeof(From), begin + at * sizeof(From));
    std::transform(piece.begin(), piece.begin() + n, to + at, convert);
  }
}

Shape shape_of(const Header& header, int64_t data_bytes, int64_t element_bytes, int rank, const std::string& where) {
  std::string shown = "(";
  for (size_t i = 0; i < header.sizes.size(); ++i) shown += join(i == 0 ? "" : ", ", header.sizes[i]);
  shown += ")";
  require(Fault::bad_data, header.sizes.size() <= 4, where, ": has shape ", shown,
      ", expected at most 4 dimensions; reshape it");
  require(Fault::bad_data, rank == 0 || static_cast<int>(header.sizes.size()) == rank, where, ": has shape ", shown,
          ", expected ", rank, " dimension", rank == 1 ? "" : "s", "; reshape it before saving");
  int64_t bytes = element_bytes;
  for (int64_t size : header.sizes) {
    require(Fault::bad_data, size == 0 || bytes <= std::numeric_limits<int64_t>::max() / size, where, ": has shape ", shown,
            ", which is larger than any file; the file is damaged");
    bytes *= size;
  }
  require(Fault::bad_data, bytes <= data_bytes, where, ": shape ", shown, " needs ", bytes, " bytes, the file holds ",
      data_bytes,
          "; the file is truncated");
  require(Fault::bad_data, bytes == data_bytes, where, ": shape ", shown, " needs ", bytes, " bytes, the file holds ",
      data_bytes,
          "; save one array per file");
  const auto& s = header.sizes;
  switch (s.size()) {
    case 0: return {};
    case 1: return {s[0]};
    case 2: return {s[0], s[1]};
    case 3: return {s[0], s[1], s[2]};
    default: return {s[0], s[1], s[2], s[3]};
  }
}

}  // namespace

Tensor read_npy(const std::string& path, const std::string& array, int rank) {
  const InputFile file(path);
  const std::string where = path + ": " + array;
  const Header header = read_header(file, where);
  const std::string& type = header.type;
  require(Fault::bad_data, type.find('O') == std::string::npos, where,
          ": is an array of Python objects ('|O'), expected plain numbers; "
          "docs/data.md, section Object arrays, has a converter");
  require(Fault::bad_data, type == "<f2" || type == "<f4" || type == "<f8" || type == "<i4" || type == "<i8", where,
          ": has element type '", type, "', expected <f2, <f4, <f8, <i4 or <i8; save it with .astype('<f4')");
  require(Fault::bad_data, !header.fortran_order, where,
          ": is in Fortran order, expected C order; save it with numpy.ascontiguousarray");
  const int64_t element_bytes = type[2] - '0', begin = header.data_begin;
  const Shape shape = shape_of(header, file.size() - begin, element_bytes, rank, where);
  const DType dtype = type == "<i4" ? DType::i32 : type == "<i8" ? DType::i64 : DType::f32;
  Tensor value(shape, dtype);
  if (type == "<f2") {
    read_converted<uint16_t>(file, begin, value.size(), value.data<float>(), half_to_float);
  } else if (type == "<f8") {
    read_converted<double>(file, begin, value.size(), value.data<float>(), [](double x) { return static_cast<float>(x); });
  } else {
    file.read(value.raw(), value.bytes(), begin);
  }
  return value;
}

void write_npy(const std::string& path, const Tensor& value) {
  const DType type = value.dtype();
  check(type == DType::f32 || type == DType::i32 || type == DType::i64, "write_npy: needs f32, i32 or i64, got ", type);
  std::string header = "{'descr': '";
  header += type == DType::f32 ? "<f4" : type == DType::i32 ? "<i4" : "<i8";
  header += "', 'fortran_order': False, 'shape': (";
  for (int i = 0; i < value.shape().rank(); ++i) header += std::to_string(value.shape()[i]) + ", ";
  if (value.shape().rank() > 1) header.resize(header.size() - 2);
  header += "), }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  const unsigned char start[4] = {1, 0, static_cast<unsigned char>(header.size() & 255),
                                  static_cast<unsigned char>(header.size() >> 8)};
  AtomicFile file(path);
  file.write(std::string_view(kMagic, 6));
  file.write(start, 4);
  file.write(header);
  file.write(value.to(Device::cpu).raw(), value.bytes());
  file.commit();
}

}  // namespace tensor
