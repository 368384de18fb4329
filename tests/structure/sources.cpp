#include "tests/structure/sources.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace tests {

std::vector<SourceFile> source_files(const std::vector<std::string>& folders) {
  namespace fs = std::filesystem;
  const fs::path root(GENREC_SOURCE_DIR);
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp" && extension != ".cu") continue;
      SourceFile file;
      file.path = fs::relative(entry.path(), root).string();
      std::ifstream stream(entry.path());
      for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
      files.push_back(std::move(file));
    }
  }
  std::sort(files.begin(), files.end(), [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

std::string included_by(const std::string& line, bool system) {
  const std::string opening = system ? "#include <" : "#include \"";
  if (!line.starts_with(opening)) return "";
  const size_t end = line.find(system ? '>' : '"', opening.size());
  return line.substr(opening.size(), end - opening.size());
}

}  // namespace tests
