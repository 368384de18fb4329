// genrec compare: a table over evaluated runs, with mean and deviation over seeds and paired tests per user.
#include <optional>

#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "cli/runs.h"
#include "genrec/compare.h"
#include "genrec/data/synth.h"
#include "genrec/log.h"
#include "genrec/run.h"
#include "tensor/error.h"

namespace cli {

namespace {

class Compare : public Command {
 public:
  Compare() : Command("compare", "Compare evaluated runs: mean and deviation over seeds, paired tests per user") {
    options().add("runs", runs_, "Folders of runs, each of one seed or several").value_name("RUN").positional().required();
    options().add("split", split_, "Which evaluation to compare").choices({"test", "valid"});
    options().add("metrics", options_.metrics, "Columns, as Recall@10; empty: all that were measured");
    options().add("reference", options_.reference, "Folder name of the run that the others are tested against; empty: the best");
    options().add("confidence", options_.confidence, "Of the intervals").range(0.5, 0.9999);
    options().add("resamples", options_.resamples, "Bootstrap samples of the users").range(10, 1e7);
    options().add("format", format_, "Of the table").choices({"text", "markdown"});
    add_common(true);
  }

  int run() override {
    options_.seed = common().seed;
    const genrec::Stage stage("compare");
    std::vector<genrec::NamedRuns> runs;
    for (const std::string& path : runs_) {
      genrec::NamedRuns named{base_name(path), {}};
      for (const std::string& run : genrec::runs_under(path)) {
        const std::string file = evaluation_file(run, split_named(split_));
        const std::string evaluate = "`genrec evaluate " + path + (split_ == "test" ? "`" : " --split valid`");
        tensor::require(tensor::Fault::missing_input, genrec::file_exists(file), run, ": was not evaluated on ", split_, "; run ",
                        evaluate, " first");
        named.seeds.push_back(genrec::MetricTable::load(file));
        tensor::require(tensor::Fault::bad_data, !named.seeds.back().conditions.empty(), file, ": does not say how it was made; run ",
                        evaluate, " again");
      }
      runs.push_back(std::move(named));
    }
    const genrec::Comparison result = genrec::compare_runs(runs, options_);
    const auto style = format_ == "markdown" ? genrec::TableStyle::markdown : genrec::TableStyle::text;
    const std::string& data = runs[0].seeds[0].conditions.at("data");  // of all of them
    print(common().json ? genrec::comparison_json(result) : genrec::comparison_table(result, style) + oracle_text(data));
    return 0;
  }

 private:
  // On data from `synth`: what its generator itself scores. Another data set may have come into the folder since.
  std::string oracle_text(const std::string& fingerprint) const {
    const std::string data = genrec::Run(genrec::runs_under(runs_[0]).front()).data();
    const std::optional<genrec::SavedScores> saved = genrec::load_oracle(data);
    if (!saved || saved->fingerprint != fingerprint) return "";
    const genrec::HeldOutScore& score = split_ == "valid" ? saved->oracle.valid : saved->oracle.test;
    return fmt::format("\nThe oracle that planted the structure of {} reaches Recall@10 {:.4f}, NDCG@10 {:.4f}.\n", data,
                       score.recall, score.ndcg);
  }

  std::vector<std::string> runs_;
  std::string split_ = "test", format_ = "text";
  genrec::CompareOptions options_;
};

}  // namespace

std::unique_ptr<Command> compare() { return std::make_unique<Compare>(); }

}  // namespace cli
