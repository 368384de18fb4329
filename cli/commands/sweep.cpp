// genrec sweep: what a model reaches on validation items for several values of its options.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/evaluate.h"
#include "genrec/sweep.h"
#include "genrec/system.h"
#include "genrec/text_table.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace cli {

namespace {

using genrec::Sweep;
using genrec::SweepPoint;
using tensor::require;

// Figure 3 of MACRec: size of the codebooks, length of the identifiers, the first level with a contrast, and the three weights.
// The paper prints no values; these lie around the defaults.
const std::vector<std::string> kFigure3 = {
    "codes=64",         "128",  "256", "512", "levels=2",           "3",     "4",    "5", "con-level=0",       "1",    "2",  "3",
    "con-weight=0.025", "0.05", "0.1", "0.2", "align-weight=0.0001", "0.001", "0.01", "implicit-weight=0.001", "0.01", "0.1"};

class SweepCommand : public Command {
 public:
  explicit SweepCommand(const std::string& model)
      : Command("sweep", "Train a model for several values of some options, and compare them on validation items"),
        system_(genrec::make_system(model)) {
    sweep_.model = model;
    options().add("model", sweep_.model, "What to train; each model has options of its own").choices(genrec::system_names());
    options().add("data", sweep_.data, "Folder of the data set").value_name("DIR").required();
    options().add("out", sweep_.out, "Folder for the runs, the table and the charts; a sweep that is there goes on")
        .value_name("DIR")
        .required();
    options().add("vary", vary_, "Options and their values, one option at a time; empty: those of Figure 3 of MACRec")
        .value_name("NAME=VALUE,VALUE,...");
    options().add("k", sweep_.cutoffs, "Lengths of the lists; empty: 10,20, or 1,5,10 where each user holds out one item")
        .range(1, 100000);
    add_precision(sweep_.precision);
    system_->describe(options());
    add_common(true);
  }

  bool saves_when_stopped() const override { return true; }

  int run() override {
    choose_device(common());
    sweep_.seed = common().seed;
    require(!vary_.empty() || sweep_.model == "macrec", "--vary: ", sweep_.model, " has no usual values; give OPTION=VALUE,VALUE,..");
    sweep_.axes = genrec::sweep_axes(vary_.empty() ? kFigure3 : vary_);
    const genrec::Dataset data = genrec::load_dataset(sweep_.data);
    if (sweep_.cutoffs.empty()) sweep_.cutoffs = genrec::usual_cutoffs(data);
    const Sweep sweep = genrec::run_sweep(given_to_the_model(), sweep_, data);
    write_files(sweep);
    print(common().json ? json(sweep) : genrec::text_table(header(sweep), rows(sweep)));
    return 0;
  }

 private:
  std::vector<genrec::Assignment> given_to_the_model() const {
    std::vector<genrec::Assignment> given = options().given();
    std::erase_if(given, [&](const genrec::Assignment& each) {
      const std::string& group = options().find(each.name)->group();
      return group.empty() || group == kCommonGroup;
    });
    return given;
  }

  static std::vector<std::string> header(const Sweep& sweep) {
    std::vector<std::string> header = {"option", "value"};
    header.insert(header.end(), sweep.metrics.begin(), sweep.metrics.end());
    return header;
  }

  static std::vector<std::vector<std::string>> rows(const Sweep& sweep) {
    std::vector<std::vector<std::string>> rows;
    for (const SweepPoint& point : sweep.points) {
      std::vector<std::string>& row = rows.emplace_back(std::vector<std::string>{point.option, point.value});
      for (const double value : point.metrics) row.push_back(fmt::format("{:.4f}", value));
    }
    return rows;
  }

  void write_files(const Sweep& sweep) const {
    std::string table = fmt::format("{}\trun\n", fmt::join(header(sweep), "\t"));
    const auto cells = rows(sweep);
    for (size_t i = 0; i < cells.size(); ++i) table += fmt::format("{}\t{}\n", fmt::join(cells[i], "\t"), sweep.points[i].run);
    tensor::write_file_atomically(sweep_.out + "/sweep.tsv", table);
    const std::string metric = fmt::format("NDCG@{}", sweep_.cutoffs.back());
    for (const genrec::SweepAxis& axis : sweep_.axes) {
      tensor::write_file_atomically(sweep_.out + "/sweep-" + axis.option + ".svg", genrec::sweep_chart(sweep, axis.option, metric));
    }
  }

  static std::string json(const Sweep& sweep) {
    nlohmann::ordered_json points = nlohmann::ordered_json::array();
    for (const SweepPoint& point : sweep.points) {
      nlohmann::ordered_json metrics = nlohmann::ordered_json::object();
      for (size_t i = 0; i < sweep.metrics.size(); ++i) metrics[sweep.metrics[i]] = point.metrics[i];
      points.push_back({{"option", point.option}, {"value", point.value}, {"run", point.run}, {"metrics", metrics}});
    }
    return nlohmann::ordered_json{{"split", "valid"}, {"points", points}}.dump(2) + "\n";
  }

  std::unique_ptr<genrec::System> system_;
  genrec::SweepOptions sweep_;
  std::vector<std::string> vary_;
};

}  // namespace

std::unique_ptr<Command> sweep(const std::string& model) { return std::make_unique<SweepCommand>(model); }

}  // namespace cli
