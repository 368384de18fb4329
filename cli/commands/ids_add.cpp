// genrec ids add: new items for a trained run, by its frozen quantisers.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "cli/runs.h"
#include "genrec/log.h"
#include "genrec/macrec/grown_run.h"

namespace cli {

namespace {

class IdsAdd : public Command {
 public:
  IdsAdd() : Command("ids add", "Add new items to a trained run of macrec, mql4grec, tiger or letter, without training") {
    options().add("run", run_, "Folder of the run").value_name("RUN").positional().required();
    options().add("data", data_, "Folder of the data set; empty: that of the run").value_name("DIR");
    options().add("features", features_, "Of the new items, MODALITY=FILE.npy for each modality of the data set")
        .value_name("NAME=FILE")
        .required();
    options().add("feature-ids", ids_, "File with the id of each row, one per line").value_name("FILE").required();
    options()
        .add("interactions", interactions_,
             "What users did with the new items: test items of the new data set, for `evaluate --targets cold`")
        .value_name("FILE");
    options().add("out", out_, "Folder for the run with the new items; its data set goes into DIR/data")
        .value_name("DIR")
        .required();
    add_common(true);
  }

  int run() override {
    const genrec::Run run(run_);
    const genrec::Dataset data = data_of(run, data_);
    const genrec::Stage stage("ids add");
    auto items = genrec::macrec::read_new_items(features_, ids_, data);
    if (!interactions_.empty()) items.interactions = genrec::macrec::read_new_interactions(interactions_, items, data);
    const auto grown = genrec::macrec::grow_run(run, data, items, out_);
    nlohmann::ordered_json json = {{"run", out_}, {"items", items.ids.size()}, {"interactions", items.interactions.size()},
                                   {"modalities", nlohmann::json::array()}};
    std::string text = fmt::format("{}: {} new items, {} interactions to test them with\n", out_, items.ids.size(),
                                   items.interactions.size());
    for (const genrec::macrec::Grown& each : grown) {
      json["modalities"].push_back({{"modality", each.modality},
                                    {"collisions_before", each.conflicts.rate_before()},
                                    {"collisions_after", each.conflicts.rate_after()},
                                    {"moved", each.conflicts.moved}});
      text += fmt::format("{}: {:.2f} % had codes in use, {} items got others, {:.2f} % still have\n", each.modality,
                          100 * each.conflicts.rate_before(), each.conflicts.moved, 100 * each.conflicts.rate_after());
    }
    print(common().json ? json.dump(2) + "\n" : text);
    return 0;
  }

 private:
  std::string run_, data_, ids_, interactions_, out_;
  std::vector<std::string> features_;
};

}  // namespace

std::unique_ptr<Command> ids_add() { return std::make_unique<IdsAdd>(); }

}  // namespace cli
