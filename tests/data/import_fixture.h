// What the importer tests share: small files, and the place of the real data.
#pragma once

#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "genrec/data/import.h"
#include "tensor/npy.h"
#include "tests/catch.h"

namespace tests {

struct ImportFolder {
  TemporaryFolder folder;
  genrec::ImportOptions options;

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary | std::ios::trunc) << text;
    return folder / name;
  }
  std::string write_gzip(const std::string& name, const std::string& text) {
    gzFile file = gzopen((folder / name).c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return folder / name;
  }
  std::string write_npy(const std::string& name, const std::vector<float>& values, tensor::Shape shape) {
    tensor::write_npy(folder / name, tensor::Tensor::from(values, shape));
    return folder / name;
  }
  genrec::ImportResult run() const { return genrec::import_dataset(options); }
  std::string error() const {
    return error_of([&] { run(); });
  }
  // Imports this text as interactions.
  genrec::ImportResult run(const std::string& name, const std::string& text) {
    options.interactions = write(name, text);
    return run();
  }
  std::string error(const std::string& name, const std::string& text) {
    options.interactions = write(name, text);
    return error();
  }
};

// "user: items | items | items" of train, valid and test, one line per user, in external ids.
inline std::string shown(const genrec::Dataset& d) {
  std::string text;
  for (int64_t u = 0; u < d.users(); ++u) {
    text += d.user_ids[u] + ":";
    for (genrec::Split split : genrec::kSplits) {
      if (split != genrec::Split::train) text += " |";
      for (int32_t item : d.items_of(u, split)) text += " " + d.item_ids[item];
    }
    text += "\n";
  }
  return text;
}

// The folder of the real data; "" where there is none.
inline std::string real_data(const std::string& name) {
  const char* set = std::getenv("GENREC_DATA");
  for (const std::string& root : {std::string(set ? set : ""), std::string(GENREC_SOURCE_DIR) + "/../shared/data"})
    if (!root.empty() && std::filesystem::exists(root + "/" + name)) return root + "/" + name;
  return "";
}

}  // namespace tests
