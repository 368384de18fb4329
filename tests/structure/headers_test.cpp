// Every header compiles alone. That of a source with its own header as the first include is proved by the build; the others
// are compiled here.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/catch.h"
#include "tests/cli/program.h"
#include "tests/structure/sources.h"

namespace {

bool proved_by_the_build(const tests::SourceFile& header) {
  const std::string stem = header.path.substr(0, header.path.size() - 2), own = "#include \"" + header.path + "\"";
  static const std::vector<tests::SourceFile> files = tests::source_files(tests::kLayers);
  for (const tests::SourceFile& file : files) {
    if (file.path != stem + ".cpp") continue;
    const auto first = std::find_if(file.lines.begin(), file.lines.end(),
                                    [](const std::string& line) { return line.starts_with("#include"); });
    return first != file.lines.end() && *first == own;
  }
  return false;
}

// Headers of CUDA code: the .cu files prove them, where there is a compiler for those or the emulation.
bool is_device_code(const tests::SourceFile& header) {
  return std::any_of(header.lines.begin(), header.lines.end(), [](const std::string& line) {
    const std::string path = tests::included_by(line), vendor = tests::included_by(line, true);
    const bool plain = path == "tensor/cuda/device.h" || path == "tensor/cuda/gemm.h";
    return (path.starts_with("tensor/cuda/") && !plain) || vendor.starts_with("cu");
  });
}

}  // namespace

TEST_CASE("every header compiles alone", "[structure][slow]") {
  const std::string generated = std::filesystem::path(GENREC_PROGRAM).parent_path().string() + "/generated";
  const std::string compile = std::string(GENREC_CXX) + " -std=c++20 -fsyntax-only -fopenmp -Wall -Wextra -Werror " +
                              "-DGENREC_ISA=generic -I" + GENREC_SOURCE_DIR + " -I" + generated;
  const tests::TemporaryFolder folder;
  std::string commands[2] = {compile, compile};  // two compilers side by side
  size_t headers = 0;
  for (const tests::SourceFile& file : tests::source_files(tests::kLayers)) {
    if (!file.is_header() || proved_by_the_build(file) || is_device_code(file)) continue;
    const std::string unit = (folder / std::to_string(headers)) + ".cpp";  // so that `#pragma once` is no main file's
    tests::write_text(unit, "#include \"" + file.path + "\"\n");
    commands[headers++ % 2] += " " + unit;
  }
  REQUIRE(headers > 5);
  const std::string logs[2] = {folder / "a.log", folder / "b.log"};
  int status[2] = {-1, -1};
  std::thread other([&] { status[1] = std::system((commands[1] + " > " + logs[1] + " 2>&1").c_str()); });
  status[0] = std::system((commands[0] + " > " + logs[0] + " 2>&1").c_str());
  other.join();
  for (const int i : {0, 1}) {
    INFO(tests::read_text(logs[i]));
    CHECK(status[i] == 0);
  }
}
