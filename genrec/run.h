// Whole runs: a system, a data set and a folder. What the commands train, evaluate and recommend do.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "genrec/evaluate.h"
#include "genrec/system.h"
#include "tensor/precision.h"

namespace genrec {

struct RunOptions {
  std::string model = "mmgrec";
  std::string data{};      // folder of a prepared data set
  std::string out{};       // folder of the run
  std::string stage{};     // "": all stages in order
  uint64_t seed = 1;
  bool resume = false;     // go on with `out`; its own configuration is used
  tensor::Precision precision = tensor::Precision::fp32;  // of the matrix products; set for the program while training
};

// Trains `system`, whose options were set through `table`, into options.out: writes config.toml and manifest.json first, then
// runs the stages. With resume the folder must hold a run of the same data and precision; a finished run says so and is left
// alone.
void train_run(System& system, const OptionTable& table, const RunOptions& options, const Dataset& dataset);

// The new folder options.out with config.toml and the beginning of manifest.json; what a training starts with.
RunFolder begin_run(const OptionTable& table, const RunOptions& options, const Dataset& dataset);

// A run as it lies in its folder.
class Run {
 public:
  // Reads config.toml: model, seed, data and every option. changes: "name=value" of options that are to be other than they were in
  // training, for this Run alone.
  explicit Run(const std::string& path, const std::vector<std::string>& changes = {});

  const RunFolder& folder() const { return folder_; }
  const std::string& model_name() const { return model_; }
  const std::string& data() const { return data_; }
  uint64_t seed() const { return seed_; }
  tensor::Precision precision() const { return precision_; }  // it was trained in
  System& system() { return *system_; }
  const OptionTable& table() const { return *table_; }

  // The trained model; the data must be those of the training. From here on the program computes in this
  // precision, which is that of the training unless another is given.
  std::unique_ptr<TrainedModel> load(const Dataset& dataset, std::optional<tensor::Precision> precision = {}) const;

 private:
  RunFolder folder_;
  std::string model_, data_;
  uint64_t seed_ = 1;
  tensor::Precision precision_ = tensor::Precision::fp32;
  std::unique_ptr<System> system_;
  std::unique_ptr<OptionTable> table_;
};

// compare(name, there, here) for all that a run was made with, but its data, and what is wanted now.
void compare_settings(const Run& run, const OptionTable& table, const RunOptions& options,
                      const std::function<void(const std::string&, const std::string&, const std::string&)>& compare);

// Fingerprint of the data that a run was trained on; "" where its folder does not say.
std::string trained_on(const RunFolder& run);
void require_data_of(const RunFolder& run, const Dataset& dataset);  // that it is these

// Values per user and metric that an evaluation leaves in the folder of a run, for comparisons.
std::string evaluation_file(const std::string& run, Split split);

// The runs under a path: the path itself, or its folders seed-1, seed-2, ... (train --seeds).
std::vector<std::string> runs_under(const std::string& path);

}  // namespace genrec
