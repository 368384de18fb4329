#include "cli/runs.h"

#include <filesystem>

#include "genrec/log.h"
#include "tensor/error.h"

namespace cli {

genrec::Dataset data_of(const genrec::Run& run, const std::string& given) {
  return genrec::load_dataset(given.empty() ? run.data() : given);
}

std::string evaluation_file(const std::string& run, genrec::Split split) {
  return run + "/evaluation-" + name_of(split) + ".safetensors";
}

IdentifiersOf load_identifiers(const std::string& run_or_file, const std::string& data) {
  const bool is_run = genrec::file_exists(run_or_file + "/config.toml");
  tensor::require(is_run || !data.empty(), "--data: the identifiers of a file need the data set that they identify; give --data DIR");
  IdentifiersOf result;
  result.data = data.empty() ? data_of(genrec::Run(run_or_file), "") : genrec::load_dataset(data);
  const std::string file = is_run ? run_or_file + "/identifiers.tsv" : run_or_file;
  tensor::require(tensor::Fault::missing_input, genrec::file_exists(file), file, ": is not there; ",
                  is_run ? "only runs of mmgrec whose stage assign is done have identifiers" : "give a run or a file of identifiers");
  if (file.ends_with(".json")) {
    result.identifiers = genrec::read_index_json(file, {result.data.item_ids, result.data.item_numbers});
    if (const std::string shared = shared_identifiers(result.identifiers); !shared.empty()) genrec::note(file + ": " + shared);
  } else {
    result.identifiers = genrec::read_identifiers(file, result.data.item_ids);
  }
  return result;
}

std::string base_name(const std::string& path) {
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  return (normal.filename().empty() ? normal.parent_path() : normal).filename().string();
}

genrec::Split split_named(const std::string& name) { return name == "valid" ? genrec::Split::valid : genrec::Split::test; }

}  // namespace cli
