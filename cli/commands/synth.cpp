// genrec synth: a data set with planted structure, and what its generator itself would score.
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

class Synth : public Command {
 public:
  Synth() : Command("synth", "Make a data set with planted structure, to judge learning by") {
    options().add("out", out_, "Folder for the data set").value_name("DIR").required();
    describe(options(), options_, preset_);
    add_common(true);
  }

  int run() override {
    options_.seed = common().seed;
    const genrec::Stage stage("synth");
    const genrec::SynthResult result = genrec::make_synthetic(options_);
    genrec::save_synthetic(result, out_);
    print(common().json ? json(result) : text(result));
    return 0;
  }

 private:
  std::string text(const genrec::SynthResult& result) const {
    const genrec::Dataset& data = result.dataset;
    const auto row = [](const std::string& name, const genrec::SynthScores& scores) {
      return std::vector<std::string>{name, fmt::format("{:.4f}", scores.valid.recall), fmt::format("{:.4f}", scores.valid.ndcg),
                                      fmt::format("{:.4f}", scores.test.recall), fmt::format("{:.4f}", scores.test.ndcg)};
    };
    const std::vector<std::string> header{"ranking by", "valid Recall@10", "valid NDCG@10", "test Recall@10", "test NDCG@10"};
    const std::vector<std::vector<std::string>> rows{row("the planted oracle", result.oracle), row("popularity", result.popularity)};
    return fmt::format("{}: {} users, {} items, {} interactions, fingerprint {}\n{}", out_, data.users(), data.item_count(),
                       data.interactions(), fingerprint(data), genrec::text_table(header, rows));
  }

  std::string json(const genrec::SynthResult& result) const {
    const auto scores = [](const genrec::SynthScores& s) {
      return Json{{"valid", {{"Recall@10", s.valid.recall}, {"NDCG@10", s.valid.ndcg}}},
                  {"test", {{"Recall@10", s.test.recall}, {"NDCG@10", s.test.ndcg}}}};
    };
    const genrec::Dataset& data = result.dataset;
    const Json root{{"out", out_},
                    {"users", data.users()},
                    {"items", data.item_count()},
                    {"interactions", data.interactions()},
                    {"fingerprint", fingerprint(data)},
                    {"oracle", scores(result.oracle)},
                    {"popularity", scores(result.popularity)}};
    return root.dump(2) + "\n";
  }

  genrec::SynthOptions options_;
  std::string out_, preset_ = "tiny";
};

}  // namespace

std::unique_ptr<Command> synth() { return std::make_unique<Synth>(); }

}  // namespace cli
