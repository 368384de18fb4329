// genrec import: files of others to a prepared data set.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/data/describe.h"
#include "genrec/log.h"
#include "genrec/text_table.h"

namespace cli {

namespace {

using Json = nlohmann::ordered_json;

class Import : public Command {
 public:
  Import() : Command("import", "Read interactions, features and titles into a prepared data set") {
    options().add("out", out_, "Folder for the data set").value_name("DIR").required();
    describe(options(), options_);
    add_common(true);
  }

  int run() override {
    options_.seed = common().seed;
    for (const genrec::Schema& schema : genrec::import_schemas(options_))
      for (const std::string& line : describe(schema)) genrec::note(line);
    const genrec::Stage stage("import");
    const genrec::ImportResult result = genrec::import_dataset(options_);
    genrec::save_dataset(result.dataset, out_);
    for (const std::string& warning : result.report.warnings) genrec::note("warning: " + warning);
    print(common().json ? json(result) : text(result));
    return 0;
  }

 private:
  std::string text(const genrec::ImportResult& result) const {
    const genrec::Dataset& data = result.dataset;
    std::vector<std::vector<std::string>> rows;
    for (const genrec::ImportStep& step : result.report.steps)
      rows.push_back({step.name, std::to_string(step.interactions), std::to_string(step.users), std::to_string(step.items)});
    const std::vector<std::string> header{"after", "interactions", "users", "items"};
    std::string text = genrec::text_table(header, rows);
    for (const genrec::FeatureReport& feature : result.report.features)
      text += fmt::format("{}: {}, {} {}, {} rows, {} items without one, {} rows of other items\n", feature.modality, feature.kind,
                          feature.kind == "words" ? "vocabulary" : "width", feature.dim, feature.rows, feature.missing,
                          feature.unused);
    using genrec::Split;
    return text + fmt::format("split {}: {} train, {} valid, {} test\n{}: fingerprint {}\n", data.split_protocol,
                              data.interactions(Split::train), data.interactions(Split::valid), data.interactions(Split::test),
                              out_, fingerprint(data));
  }

  std::string json(const genrec::ImportResult& result) const {
    const genrec::Dataset& data = result.dataset;
    Json steps = Json::array(), features = Json::array();
    for (const genrec::ImportStep& step : result.report.steps)
      steps.push_back(
          {{"after", step.name}, {"interactions", step.interactions}, {"users", step.users}, {"items", step.items}});
    for (const genrec::FeatureReport& feature : result.report.features)
      features.push_back({{"modality", feature.modality},
                          {"kind", feature.kind},
                          {"dim", feature.dim},
                          {"rows", feature.rows},
                          {"missing", feature.missing},
                          {"unused", feature.unused}});
    using genrec::Split;
    const Json root{{"out", out_},
                    {"users", data.users()},
                    {"items", data.item_count()},
                    {"interactions", data.interactions()},
                    {"train", data.interactions(Split::train)},
                    {"valid", data.interactions(Split::valid)},
                    {"test", data.interactions(Split::test)},
                    {"split", data.split_protocol},
                    {"duplicates", result.report.duplicates},
                    {"untitled", result.report.untitled},
                    {"steps", steps},
                    {"features", features},
                    {"warnings", result.report.warnings},
                    {"fingerprint", fingerprint(data)}};
    return root.dump(2) + "\n";
  }

  genrec::ImportOptions options_;
  std::string out_;
};

}  // namespace

std::unique_ptr<Command> import_data() { return std::make_unique<Import>(); }

}  // namespace cli
