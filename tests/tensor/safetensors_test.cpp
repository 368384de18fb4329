// The container: round trips, the exact bytes, atomic replacement, and files that lie about themselves.
#include "tensor/safetensors.h"

#include <filesystem>
#include <fstream>

#include "tensor/file.h"
#include "tests/catch.h"

using namespace tensor;
using tests::Contains;
using tests::error_of;

namespace {

NamedTensors sample() {
  return {{"w", Tensor::from(std::vector<float>{1, -2, 3.5f, 0, 5, 6}, {2, 3})},
          {"codes", Tensor::from(std::vector<int32_t>{7, -8})},
          {"mask", Tensor::from(std::vector<uint8_t>{1, 0, 1})},
          {"step", Tensor::scalar(12, DType::i64)},
          {"empty", Tensor(Shape{0, 4})}};
}

// A file with this header and so many bytes of data.
std::string write_raw(const tests::TemporaryFolder& folder, const std::string& header, size_t data_bytes) {
  const std::string path = folder / "raw.safetensors";
  std::ofstream out(path, std::ios::binary);
  const uint64_t length = header.size();
  out.write(reinterpret_cast<const char*>(&length), 8);
  out << header << std::string(data_bytes, 'x');
  return path;
}

std::string error_of_raw(const std::string& header, size_t data_bytes) {
  tests::TemporaryFolder folder;
  const std::string path = write_raw(folder, header, data_bytes);
  const std::string whole = error_of([&] { read_safetensors(path); });
  CHECK(whole == error_of([&] { read_safetensors_header(path); }));
  CHECK((whole.empty() || whole.find(path) == 0));
  return whole;
}

}  // namespace

TEST_CASE("safetensors: what is written is read back", "[safetensors]") {
  tests::TemporaryFolder folder;
  const std::string path = folder / "a.safetensors";
  write_safetensors(path, sample(), {{"seed", "7"}, {"note", "tab\t, quote \", umlaut \xc3\xa4"}});
  const Safetensors file = read_safetensors(path);
  REQUIRE(file.tensors.size() == 5);
  CHECK(file.tensors[0].first == "w");
  CHECK(file.at("w").shape() == Shape{2, 3});
  CHECK(file.at("w").to_vector<float>() == std::vector<float>{1, -2, 3.5f, 0, 5, 6});
  CHECK(file.at("codes").to_vector<int32_t>() == std::vector<int32_t>{7, -8});
  CHECK(file.at("mask").to_vector<uint8_t>() == std::vector<uint8_t>{1, 0, 1});
  CHECK(file.at("step").shape().rank() == 0);
  CHECK(file.at("step").item() == 12);
  CHECK(file.at("empty").shape() == Shape{0, 4});
  CHECK(file.metadata_at("note") == "tab\t, quote \", umlaut \xc3\xa4");
  CHECK(file.find("absent") == nullptr);
  CHECK_THAT(error_of([&] { file.at("absent"); }), Contains("holds no tensor 'absent'"));
  CHECK_THAT(error_of([&] { file.metadata_at("absent"); }), Contains("metadata hold no 'absent'"));

  const SafetensorsHeader header = read_safetensors_header(path);
  REQUIRE(header.entries.size() == 5);
  CHECK(header.entries[1].name == "codes");
  CHECK(header.entries[1].dtype == DType::i32);
  CHECK(header.entries[1].begin == 24);
  CHECK(header.entries[1].end == 32);
}

TEST_CASE("safetensors: the layout is the published one", "[safetensors]") {
  tests::TemporaryFolder folder;
  const std::string path = folder / "a.safetensors";
  write_safetensors(path, {{"a", Tensor::from(std::vector<float>{1})}}, {{"k", "v"}});
  const std::string text = read_file(path);
  std::string header = R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  CHECK(text == std::string(1, static_cast<char>(header.size())) + std::string(7,
      '\0') + header + std::string("\0\0\x80\x3f", 4));
}

TEST_CASE("safetensors: a failed write leaves the old file and no litter", "[safetensors]") {
  tests::TemporaryFolder folder;
  const std::string path = folder / "a.safetensors";
  write_safetensors(path, sample());
  const std::string before = read_file(path);
  CHECK_THROWS_AS(write_safetensors(path, {{"a", Tensor()}}), Error);
  CHECK_THROWS_AS(write_safetensors(path, {{"a", Tensor::scalar(1)}, {"a", Tensor::scalar(2)}}), Error);
  CHECK_THAT(error_of([&] { write_safetensors(path, {{"bad \xff", Tensor::scalar(1)}}); }), Contains("must be UTF-8"));
  CHECK(read_file(path) == before);
  {
    AtomicFile unfinished(path);
    unfinished.write("half");
  }
  CHECK(read_file(path) == before);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  CHECK_THAT(error_of([&] { write_safetensors(folder / "no/such/a", sample()); }),
      Contains("cannot be created: No such file"));
  CHECK_THAT(error_of([&] { write_safetensors(folder.path(), sample()); }), Contains("cannot be put in place"));
}

TEST_CASE("safetensors: input that is not such a file", "[safetensors]") {
  tests::TemporaryFolder folder;
  CHECK_THAT(error_of([&] { read_safetensors(folder / "none"); }), Contains("no such file"));
  CHECK_THAT(error_of([&] { read_safetensors(folder.path()); }), Contains("is not a regular file"));
  std::ofstream(folder / "short") << "abc";
  CHECK_THAT(error_of([&] { read_safetensors(folder / "short"); }), Contains("is 3 bytes long"));
  std::ofstream(folder / "other") << "PK, some other kind of file that is long enough";
  CHECK_THAT(error_of([&] { read_safetensors(folder / "other"); }), Contains("header length is") &&
      Contains("not a safetensors"));
  CHECK_THAT(error_of_raw("{\"a\":", 0), Contains("header is not valid JSON"));
  CHECK_THAT(error_of_raw("[1]", 0), Contains("header is not a JSON object"));
  CHECK_THAT(error_of_raw(std::string(100000, '['), 0), Contains("nested deeper than 3"));
  CHECK_THAT(error_of_raw(R"({"a":{"b":{"c":{"d":1}}}})", 0), Contains("nested deeper than 3"));
}

TEST_CASE("safetensors: headers that lie", "[safetensors]") {
  const std::string good = R"("dtype":"F32","shape":[1],"data_offsets":[0,4])";
  CHECK(error_of_raw("{\"a\":{" + good + "}}", 4).empty());
  CHECK_THAT(error_of_raw("{\"a\":{" + good + "},\"a\":{" + good + "}}", 4), Contains("names 'a' twice"));
  CHECK_THAT(error_of_raw("{\"a\":{" + good + "},\"b\":{" + good + "}}", 4), Contains("'b' begins at byte 0") &&
      Contains("overlaps"));
  CHECK_THAT(error_of_raw("{\"a\":{" + good + "}}", 5), Contains("1 bytes after the last tensor"));
  CHECK_THAT(error_of_raw("{\"a\":{" + good + "}}", 3), Contains("tensor 'a': occupies bytes [0, 4), but the file holds 3"));
  CHECK_THAT(error_of_raw(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8), Contains("expected 0 (a gap)"));
  CHECK_THAT(error_of_raw(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4),
      Contains("F32 [2] needs 8 bytes, its data_offsets span 4"));
  CHECK_THAT(error_of_raw(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", 4),
      Contains("dtype F16 is not supported"));
  CHECK_THAT(error_of_raw(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4), Contains("shape holds -1"));
  CHECK_THAT(error_of_raw(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4), Contains("shape holds 1.5"));
  CHECK_THAT(error_of_raw(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1],"data_offsets":[0,4]}})", 4),
      Contains("at most 4 sizes"));
  CHECK_THAT(error_of_raw(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", 0),
      Contains("larger than any file"));
  CHECK_THAT(error_of_raw(R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,0]}})", 0),
      Contains("expected a non-negative integer"));
  CHECK_THAT(error_of_raw(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4),
      Contains("occupies bytes [4, 0)"));
  CHECK_THAT(error_of_raw(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4), Contains("is not a pair"));
  CHECK_THAT(error_of_raw(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4),
      Contains("needs dtype, shape and data_offsets"));
  CHECK_THAT(error_of_raw(R"({"a":3})", 0), Contains("needs dtype, shape and data_offsets"));
  CHECK_THAT(error_of_raw(R"({"__metadata__":{"a":3}})", 0), Contains("__metadata__ 'a' is not a string"));
  CHECK_THAT(error_of_raw(R"({"__metadata__":[]})", 0), Contains("__metadata__ is not an object"));
}

TEST_CASE("safetensors: any byte may be wrong, any length may be missing", "[safetensors]") {
  tests::TemporaryFolder folder;
  const std::string path = folder / "a.safetensors", damaged = folder / "b.safetensors";
  write_safetensors(path, {{"w", Tensor::from(std::vector<float>{1, 2})}, {"c", Tensor::from(std::vector<int32_t>{3})}},
      {{"k", "v"}});
  const std::string good = read_file(path);
  int loaded = 0, refused = 0;
  const auto attempt = [&](const std::string& bytes) {
    std::ofstream(damaged, std::ios::binary | std::ios::trunc) << bytes;
    try {
      read_safetensors(damaged);
      ++loaded;
    } catch (const Error& error) {
      CHECK(error.fault() == Fault::bad_data);
      ++refused;
    }
  };
  for (size_t i = 0; i < good.size(); ++i)
    for (int flip : {1 << (i % 8), 0xff}) {
      std::string bytes = good;
      bytes[i] = static_cast<char>(bytes[i] ^ flip);
      attempt(bytes);
    }
  CHECK(loaded >= 2 * 12);  // the data bytes at least
  CHECK(refused > 2 * 8);
  loaded = 0;
  for (size_t length = 0; length < good.size(); ++length) attempt(good.substr(0, length));
  CHECK(loaded == 0);
}
