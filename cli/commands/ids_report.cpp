// genrec ids report: how well item identifiers use their codes, how often they collide, and whether they mean anything.
#include <algorithm>
#include <fstream>

#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "cli/runs.h"
#include "genrec/ids_report.h"
#include "genrec/log.h"
#include "tensor/file.h"

namespace cli {

namespace {

// One plot per phase of a training for its loss, one for its validation metrics; none where there is no such file.
std::vector<genrec::LossPlot> metric_plots(const std::string& path) {
  std::vector<genrec::LossPlot> plots;
  const auto add = [&](const std::string& phase, const std::string& y, const std::string& name, double epoch, double value) {
    const std::string title = phase + ": " + y;
    auto plot = std::find_if(plots.begin(), plots.end(), [&](const auto& p) { return p.labels.title == title; });
    if (plot == plots.end()) plot = plots.insert(plots.end(), {{.title = title, .x = "epoch", .y = y}, {}});
    auto series = std::find_if(plot->series.begin(), plot->series.end(), [&](const auto& s) { return s.name == name; });
    if (series == plot->series.end()) series = plot->series.insert(plot->series.end(), {name, {}, {}});
    series->x.push_back(epoch), series->y.push_back(value);
  };
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json record = nlohmann::json::parse(line, nullptr, false);
    if (!record.is_object() || !record.contains("phase") || !record.contains("epoch")) continue;
    const std::string phase = record["phase"];
    const double epoch = record["epoch"];
    for (const auto& [name, value] : record.items()) {
      if (!value.is_number()) continue;
      if (name == "loss") add(phase, "loss", "loss", epoch, value);
      if (name.starts_with("valid/")) add(phase, "validation", name.substr(6), epoch, value);
      if (name.ends_with(" perplexity")) add(phase, "perplexity", name.substr(0, name.find(" perplexity")), epoch, value);
    }
  }
  return plots;
}

class IdsReport : public Command {
 public:
  IdsReport() : Command("ids report", "Report code usage, collisions and neighbour purity of item identifiers") {
    options().add("ids", ids_, "Folder of a run, or a file of identifiers").value_name("RUN|FILE").positional().required();
    options().add("modality", modality_, "Of a run with two identifiers per item: textual or visual; empty: textual")
        .choices({"", "textual", "visual"});
    options().add("data", data_, "Folder of the data set; empty: that of the run").value_name("DIR");
    options().add("html", html_, "Also write one self-contained page with plots here").value_name("FILE");
    options().group("Neighbour purity");
    options().add("samples", purity_.samples, "Items whose neighbours are looked at").range(1, 1e18);
    options().add("neighbours", purity_.neighbours, "Nearest neighbours of each").range(1, 1e6);
    options().add("depths", purity_.depths, "Longest prefix of codes that is compared").range(1, 16);
    add_common(true);
  }

  int run() override {
    const auto [data, identifiers] = load_identifiers(ids_, data_, modality_);
    purity_.seed = common().seed;
    const genrec::Stage stage("ids report");
    genrec::IdentifierReport report;
    report.usage = genrec::measure_usage(identifiers);
    for (const auto& [name, modality] : data.features)
      report.purity.push_back(genrec::feature_purity(
          identifiers, name, {modality.values.data<float>(), static_cast<size_t>(modality.values.shape().size())}, modality.dim(),
          purity_));
    const genrec::Csr train = data.train_csr();
    report.purity.push_back(genrec::interaction_purity(identifiers, train.offsets, train.items, purity_));
    if (!html_.empty()) {
      const std::vector<genrec::LossPlot> plots = metric_plots(ids_ + "/metrics.jsonl");
      tensor::write_file_atomically(html_, genrec::report_html(report, "Item identifiers: " + ids_, plots));
    }
    print(common().json ? genrec::report_json(report) : genrec::report_text(report));
    return 0;
  }

 private:
  std::string ids_, modality_, data_, html_;
  genrec::PurityOptions purity_;
};

}  // namespace

std::unique_ptr<Command> ids_report() { return std::make_unique<IdsReport>(); }

}  // namespace cli
