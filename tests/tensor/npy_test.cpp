// .npy files: every accepted type and version, and every refusal with its text.
#include "tensor/npy.h"

#include <cmath>
#include <cstring>
#include <fstream>

#include "tensor/file.h"
#include "tests/catch.h"

using namespace tensor;
using tests::Contains;
using tests::error_of;

namespace {

std::string header_of(const std::string& type, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

struct File {
  tests::TemporaryFolder folder;
  std::string path = folder / "x.npy";
  File(std::string header, const std::string& data, int version = 1) {
    header += "\n";
    std::ofstream out(path, std::ios::binary);
    out << "\x93NUMPY" << static_cast<char>(version) << '\0';
    const uint32_t length = header.size();
    out.write(reinterpret_cast<const char*>(&length), version == 1 ? 2 : 4);
    out << header << data;
  }
  std::string error(int rank = 0) const {
    return error_of([&] { read_npy(path, "visual features", rank); });
  }
};

}  // namespace

TEST_CASE("npy: types and versions", "[npy]") {
  const std::vector<float> expected = {1, -2, 0.5f, 3, 4, 5};
  CHECK(read_npy(File(header_of("<f4", "(2, 3)"), bytes_of(expected)).path).to_vector<float>() == expected);
  const File f8(header_of("<f8", "(2, 3)"), bytes_of(std::vector<double>(expected.begin(), expected.end())), 2);
  CHECK(read_npy(f8.path, "x", 2).shape() == Shape{2, 3});
  CHECK(read_npy(f8.path).to_vector<float>() == expected);
  const File f2(header_of("<f2", "(6,)"), bytes_of(std::vector<uint16_t>{0x3c00, 0xc000, 0x3800, 0x4200, 0x4400, 0x4500}),
      3);
  CHECK(read_npy(f2.path, "x", 1).to_vector<float>() == expected);
  const File i4(header_of("<i4", "(2,)"), bytes_of(std::vector<int32_t>{5, -6}));
  CHECK(read_npy(i4.path).to_vector<int32_t>() == std::vector<int32_t>{5, -6});
  const File i8(header_of("<i8", "(1, 2)"), bytes_of(std::vector<int64_t>{int64_t{1} << 40, -6}));
  CHECK(read_npy(i8.path).to_vector<int64_t>() == std::vector<int64_t>{int64_t{1} << 40, -6});
  CHECK(read_npy(File(header_of("<f4", "(0, 3)"), "").path).shape() == Shape{0, 3});
}

TEST_CASE("npy: half precision, special values", "[npy]") {
  const File file(header_of("<f2", "(7,)"), bytes_of(std::vector<uint16_t>{0x0001, 0x8000, 0x03ff, 0x7bff, 0x7c00, 0xfc00,
      0x7e00}));
  const std::vector<float> values = read_npy(file.path).to_vector<float>();
  CHECK(values[0] == 0x1p-24f);
  CHECK((values[1] == 0 && std::signbit(values[1])));
  CHECK(values[2] == 1023 * 0x1p-24f);
  CHECK(values[3] == 65504);
  CHECK(values[4] == INFINITY);
  CHECK(values[5] == -INFINITY);
  CHECK(std::isnan(values[6]));
}

TEST_CASE("npy: what is written is read back", "[npy]") {
  tests::TemporaryFolder folder;
  for (const Shape& shape : {Shape{}, Shape{4}, Shape{2, 3}, Shape{1, 2, 3, 4}, Shape{0, 2}}) {
    const Tensor value = Tensor::full(shape, 1.25);
    write_npy(folder / "a.npy", value);
    const Tensor again = read_npy(folder / "a.npy");
    CHECK(again.shape() == shape);
    CHECK(again.to_vector<float>() == value.to_vector<float>());
  }
  CHECK(read_file(folder / "a.npy").size() % 64 == 0);  // numpy aligns the data likewise
}

TEST_CASE("npy: refusals name the array, what was found and what was expected", "[npy]") {
  const std::string four(16, '\0');
  CHECK_THAT(File(header_of("|O", "(2,)"), four).error(),
      Contains("x.npy: visual features: is an array of Python objects") && Contains("docs/data.md"));
  CHECK_THAT(File(header_of("<f4", "(2, 2)", "True"), four).error(), Contains("is in Fortran order, expected C order"));
  CHECK_THAT(File(header_of(">f4", "(2, 2)"), four).error(), Contains("element type '>f4', expected <f2, <f4"));
  CHECK_THAT(File(header_of("<U4", "(2, 2)"), four).error(), Contains("element type '<U4'"));
  CHECK_THAT(File(header_of("<f4", "(4,)"), four).error(2), Contains("has shape (4), expected 2 dimensions"));
  CHECK_THAT(File(header_of("<f4", "(2, 2)"), four).error(1), Contains("has shape (2, 2), expected 1 dimension;"));
  CHECK_THAT(File(header_of("<f4", "(1, 1, 1, 2, 2)"), four).error(), Contains("expected at most 4 dimensions"));
  CHECK_THAT(File(header_of("<f4", "(2, 3)"), four).error(),
      Contains("needs 24 bytes, the file holds 16; the file is truncated"));
  CHECK_THAT(File(header_of("<f4", "(2, 1)"), four).error(), Contains("needs 8 bytes, the file holds 16; save one array"));
  CHECK_THAT(File(header_of("<f4", "(4611686018427387904, 8)"), four).error(), Contains("larger than any file"));
  CHECK_THAT(File("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", four).error(),
      Contains("is a structured array"));
  CHECK_THAT(File(header_of("<f4", "(2, 2)"), four, 4).error(), Contains("format version 4, expected 1, 2 or 3"));
  for (const char* header : {"", "{", "{'descr': '<f4'}", "{'descr': 3}", "{'other': '<f4'}", "{'shape': (-1,)}",
      "{'shape': (x)}", "{'fortran_order': no}",
                             "{'descr': '<f4', 'fortran_order': False, 'shape': (2"})
    CHECK_THAT(File(header, four).error(), Contains("header is not understood"));
  tests::TemporaryFolder folder;
  CHECK_THAT(error_of([&] { read_npy(folder / "none.npy"); }), Contains("no such file"));
  std::ofstream(folder / "short.npy") << "\x93NUMPY";
  CHECK_THAT(error_of([&] { read_npy(folder / "short.npy"); }), Contains("is 6 bytes long"));
  std::ofstream(folder / "text.npy") << "user,item,rating\n1,2,3\n";
  CHECK_THAT(error_of([&] { read_npy(folder / "text.npy"); }), Contains("does not begin as a .npy file"));
}

TEST_CASE("npy: any byte may be wrong", "[npy]") {
  const File file(header_of("<f4", "(2, 2)"), std::string(16, '\1'));
  const std::string good = read_file(file.path);
  int refused = 0;
  for (size_t i = 0; i < good.size(); ++i)
    for (int flip : {1 << (i % 8), 0xff}) {
      std::string bytes = good;
      bytes[i] = static_cast<char>(bytes[i] ^ flip);
      std::ofstream(file.path, std::ios::binary | std::ios::trunc) << bytes;
      refused += !file.error().empty();
    }
  CHECK(refused > 2 * 20);
}
