// The rules of the code base that a compiler does not enforce: layers, sizes, macros, what library code may not do.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "tests/catch.h"
#include "tests/structure/sources.h"

using tests::included_by;
using tests::kAllFolders;
using tests::kLayers;
using tests::source_files;
using tests::SourceFile;

namespace {

using Layers = std::map<std::string, std::set<std::string>>;

const Layers kMayInclude{
    {"tensor", {"tensor"}},
    {"autograd", {"tensor", "autograd"}},
    {"nn", {"tensor", "autograd", "nn"}},
    {"graph", {"tensor", "autograd", "nn", "graph"}},
    {"quant", {"tensor", "autograd", "nn", "quant"}},
    {"genrec", {"tensor", "autograd", "nn", "graph", "quant", "genrec"}},
    {"cli", {"tensor", "autograd", "nn", "graph", "quant", "genrec", "cli"}},
};

// "path:line: text" for every line for which `bad` holds.
std::vector<std::string> lines_where(const std::vector<SourceFile>& files,
                                     const std::function<bool(const SourceFile&, const std::string&)>& bad) {
  std::vector<std::string> found;
  for (const SourceFile& file : files)
    for (size_t i = 0; i < file.lines.size(); ++i)
      if (bad(file, file.lines[i])) found.push_back(file.path + ":" + std::to_string(i + 1) + ": " + file.lines[i]);
  return found;
}

std::string without_comment(const std::string& line) { return line.substr(0, line.find("//")); }

// `word` stands in the text with no letter, digit or _ before it.
bool has_word(const std::string& text, const std::string& word) {
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const char before = at == 0 ? ' ' : text[at - 1];
    if (!std::isalnum(static_cast<unsigned char>(before)) && before != '_') return true;
  }
  return false;
}

const std::vector<std::string> kNothing;

}  // namespace

TEST_CASE("the tests of the structure see the sources", "[structure]") {
  const auto files = source_files(kLayers);
  CHECK(files.size() > 50);
  for (const std::string& layer : kLayers)
    CHECK(std::any_of(files.begin(), files.end(), [&](const SourceFile& file) { return file.folder() == layer; }));
}

TEST_CASE("layers include only what lies below them", "[structure]") {
  CHECK(lines_where(source_files(kLayers), [](const SourceFile& file, const std::string& line) {
          const std::string path = included_by(line);
          return !path.empty() && !kMayInclude.at(file.folder()).count(path.substr(0, path.find('/')));
        }) == kNothing);
}

TEST_CASE("includes are written from the root", "[structure]") {
  CHECK(lines_where(source_files(kAllFolders), [](const SourceFile&, const std::string& line) {
          const std::string path = included_by(line);
          return !path.empty() && path != "genrec/version.h" &&
                 !std::filesystem::exists(std::filesystem::path(GENREC_SOURCE_DIR) / path);
        }) == kNothing);
}

TEST_CASE("no header includes itself through others", "[structure]") {
  std::map<std::string, std::vector<std::string>> includes;
  for (const SourceFile& file : source_files(kAllFolders))
    for (const std::string& line : file.lines)
      if (const std::string path = included_by(line); !path.empty()) includes[file.path].push_back(path);
  std::map<std::string, int> state;  // 1: being visited, 2: done
  std::vector<std::string> cycles;
  const std::function<void(const std::string&)> visit = [&](const std::string& path) {
    state[path] = 1;
    for (const std::string& next : includes[path]) {
      if (state[next] == 1) cycles.push_back(path + " -> " + next);
      if (state[next] == 0) visit(next);
    }
    state[path] = 2;
  };
  for (const SourceFile& file : source_files(kAllFolders))
    if (state[file.path] == 0) visit(file.path);
  CHECK(cycles == kNothing);
}

TEST_CASE("files stay short, lines too", "[structure]") {
  const auto files = source_files(kAllFolders);
  std::vector<std::string> long_files;
  std::vector<size_t> sizes;
  for (const SourceFile& file : files) {
    sizes.push_back(file.lines.size());
    if (file.lines.size() > 500) long_files.push_back(file.path + ": " + std::to_string(file.lines.size()) + " lines");
  }
  CHECK(long_files == kNothing);
  std::nth_element(sizes.begin(), sizes.begin() + sizes.size() / 2, sizes.end());
  CHECK(sizes[sizes.size() / 2] < 150);
  CHECK(lines_where(files, [](const SourceFile&, const std::string& line) { return line.size() > 140; }) == kNothing);
  CHECK(lines_where(files, [](const SourceFile&, const std::string& line) {
          return line.find('\t') != std::string::npos || line.ends_with(' ');
        }) == kNothing);
}

TEST_CASE("headers open with a comment and #pragma once, and define no function-like macro", "[structure]") {
  std::vector<std::string> wrong;
  for (const SourceFile& file : source_files(kAllFolders)) {
    if (!file.is_header()) continue;
    const auto pragma = std::find(file.lines.begin(), file.lines.end(), "#pragma once");
    if (file.lines.empty() || !file.lines[0].starts_with("// ") || pragma == file.lines.end()) wrong.push_back(file.path);
  }
  CHECK(wrong == kNothing);
  CHECK(lines_where(source_files(kAllFolders), [](const SourceFile& file, const std::string& line) {
          if (!file.is_header() || !line.starts_with("#define ")) return false;
          const size_t end = line.find_first_of(" (", 8);
          return end != std::string::npos && line[end] == '(';
        }) == kNothing);
}

TEST_CASE("at most 15 preprocessor conditionals in all", "[structure]") {
  const auto found = lines_where(source_files(kAllFolders), [](const SourceFile&, const std::string& line) {
    const size_t hash = line.find_first_not_of(' ');
    if (hash == std::string::npos || line[hash] != '#') return false;
    const size_t word = line.find_first_not_of(' ', hash + 1);
    return word != std::string::npos && (line.compare(word, 2, "if") == 0 || line.compare(word, 4, "elif") == 0);
  });
  CAPTURE(found);
  CHECK(found.size() <= 15);
}

TEST_CASE("heavy headers stay out of headers", "[structure]") {
  const std::vector<std::string> heavy{"iostream", "regex", "nlohmann/", "fmt/", "CLI/", "toml++/", "thread", "future"};
  CHECK(lines_where(source_files(kLayers), [&](const SourceFile& file, const std::string& line) {
          const std::string path = included_by(line, true);
          return file.is_header() && !path.empty() && std::any_of(heavy.begin(), heavy.end(), [&](const std::string& name) {
            return name.ends_with('/') ? path.starts_with(name) : path == name;
          });
        }) == kNothing);
}

TEST_CASE("the command line library is known to the parser only", "[structure]") {
  CHECK(lines_where(source_files(kLayers), [](const SourceFile& file, const std::string& line) {
          return included_by(line, true).starts_with("CLI/") && file.path != "cli/parser.cpp";
        }) == kNothing);
}

TEST_CASE("library code does not print, exit, or draw its own random numbers", "[structure]") {
  const std::vector<std::string> forbidden{"std::cout", "std::cerr", "std::clog", "printf(", "puts(", "fprintf(", "exit(",
                                           "abort(", "terminate(", "std::random_device", "std::mt19937", "rand()"};
  CHECK(lines_where(source_files(kLayers), [&](const SourceFile& file, const std::string& line) {
          if (file.folder() == "cli") return false;
          if (file.path == "tensor/allocator.cpp") return false;  // a destructor of the debug build that finds an overrun
          const std::string code = without_comment(line);
          return std::any_of(forbidden.begin(), forbidden.end(),
                             [&](const std::string& word) { return has_word(code, word); });
        }) == kNothing);
}

TEST_CASE("threads are started in two places: for arithmetic, and for what the next step needs", "[structure]") {
  CHECK(lines_where(source_files(kLayers), [](const SourceFile& file, const std::string& line) {
          return file.path != "tensor/parallel.cpp" && line.find("#pragma omp") != std::string::npos;
        }) == kNothing);
  CHECK(lines_where(source_files(kLayers), [](const SourceFile& file, const std::string& line) {
          return file.folder() != "cli" && file.path != "tensor/parallel.cpp" && file.path != "tensor/background.cpp" &&
                 (included_by(line, true) == "thread" || included_by(line, true) == "future");
        }) == kNothing);
}

TEST_CASE("no unfinished business", "[structure]") {
  const std::vector<std::string> marks{std::string("TO") + "DO", std::string("FIX") + "ME", std::string("HA") + "CK"};
  CHECK(lines_where(source_files(kAllFolders), [&](const SourceFile&, const std::string& line) {
          return std::any_of(marks.begin(), marks.end(), [&](const std::string& mark) { return has_word(line, mark); });
        }) == kNothing);
}
