// genrec ids report: how well item identifiers use their codes, how often they collide, and whether they mean anything.
#include "cli/commands/commands.h"
#include "cli/program.h"
#include "cli/runs.h"
#include "genrec/ids_report.h"
#include "genrec/log.h"
#include "tensor/file.h"

namespace cli {

namespace {

class IdsReport : public Command {
 public:
  IdsReport() : Command("ids report", "Report code usage, collisions and neighbour purity of item identifiers") {
    options().add("ids", ids_, "Folder of a run, or a file of identifiers").value_name("RUN|FILE").positional().required();
    options().add("data", data_, "Folder of the data set; empty: that of the run").value_name("DIR");
    options().add("html", html_, "Also write one self-contained page with plots here").value_name("FILE");
    options().group("Neighbour purity");
    options().add("samples", purity_.samples, "Items whose neighbours are looked at").range(1, 1e18);
    options().add("neighbours", purity_.neighbours, "Nearest neighbours of each").range(1, 1e6);
    options().add("depths", purity_.depths, "Longest prefix of codes that is compared").range(1, 16);
    add_common(true);
  }

  int run() override {
    const auto [data, identifiers] = load_identifiers(ids_, data_);
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
    if (!html_.empty()) tensor::write_file_atomically(html_, genrec::report_html(report, "Item identifiers: " + ids_, {}));
    print(common().json ? genrec::report_json(report) : genrec::report_text(report));
    return 0;
  }

 private:
  std::string ids_, data_, html_;
  genrec::PurityOptions purity_;
};

}  // namespace

std::unique_ptr<Command> ids_report() { return std::make_unique<IdsReport>(); }

}  // namespace cli
