#include "cli/runs.h"

#include <filesystem>

#include "genrec/any_identifiers.h"
#include "tensor/error.h"

namespace cli {

genrec::Dataset data_of(const genrec::Run& run, const std::string& given) {
  genrec::Dataset data = genrec::load_dataset(given.empty() ? run.data() : given);
  genrec::require_data_of(run.folder(), data);
  return data;
}

static std::string identifiers_of_run(const std::string& run, const std::string& modality) {
  const std::vector<std::string> names =
      modality.empty() ? std::vector<std::string>{"identifiers.tsv", "identifiers-textual.tsv", "identifiers-visual.tsv"}
                       : std::vector<std::string>{"identifiers-" + modality + ".tsv"};
  for (const std::string& name : names) {
    if (genrec::file_exists(run + "/" + name)) return run + "/" + name;
  }
  tensor::fail(tensor::Fault::missing_input, run, "/", names.front(),
               ": is not there; only runs of generative models that have made their identifiers have them");
}

IdentifiersOf load_identifiers(const std::string& run_or_file, const std::string& data, const std::string& modality) {
  const bool is_run = genrec::file_exists(run_or_file + "/config.toml");
  tensor::require(tensor::Fault::missing_input, genrec::file_exists(run_or_file), run_or_file,
                  ": is not there; give a run or a file of identifiers");
  tensor::require(tensor::Fault::missing_input, is_run || !std::filesystem::is_directory(run_or_file), run_or_file,
                  ": is not the folder of a run (it has no config.toml); give a run or a file of identifiers");
  tensor::require(is_run || !data.empty(), "--data: the identifiers of a file need the data set that they identify; give --data DIR");
  tensor::require(is_run || modality.empty(), "--modality: chooses among the identifiers of a run; ", run_or_file, " is a file");
  IdentifiersOf result;
  result.data = data.empty() ? data_of(genrec::Run(run_or_file), "") : genrec::load_dataset(data);
  const std::string file = is_run ? identifiers_of_run(run_or_file, modality) : run_or_file;
  result.identifiers = genrec::read_any_identifiers(file, result.data);
  return result;
}

void add_run_precision(genrec::OptionTable& table, std::string& field) {
  table.add("precision", field, "Inputs of the model's matrix products; run: as it was trained").choices({"run", "fp32", "bf16"});
}

std::optional<tensor::Precision> run_precision(const std::string& text) {
  if (text == "run") return std::nullopt;
  return tensor::precision_named(text);
}

std::string base_name(const std::string& path) {
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  return (normal.filename().empty() ? normal.parent_path() : normal).filename().string();
}

genrec::Split split_named(const std::string& name) { return name == "valid" ? genrec::Split::valid : genrec::Split::test; }

}  // namespace cli
