#include "genrec/macrec/options.h"

#include "genrec/options.h"

namespace genrec::macrec {

namespace {

Settings joined(Settings first, const Settings& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// The tiny generator learns in small, hot steps; dropout would keep so small a model from remembering which identifiers exist.
const Settings kTiny = {{"layers", "2"}, {"width", "64"}, {"heads", "2"}, {"head-width", "32"}, {"feed-forward", "128"},
                        {"batch", "64"}, {"learning-rate", "2e-3"}, {"dropout", "0"}, {"epochs", "6"}, {"patience", "3"}};

}  // namespace

// Where the papers and their code differ from MACRec.
Options defaults_of(const std::string& model) {
  Options options;
  options.model = model;
  options.identifiers = identifier_defaults(model);
  GeneratorOptions& generator = options.generator;
  if (model == "macrec") return options;
  generator.learning_rate = 5e-4;
  generator.batch = 1024;
  generator.implicit_weight = 0;
  if (model == "mql4grec") {
    generator.tasks = {"seqrec", "seqimage", "item2image", "image2item", "fusionseqrec"};
  } else {
    generator.tasks = {"seqrec"};
    generator.patience = 20;
  }
  return options;
}

void describe(OptionTable& table, Options& o) {
  table.group("Bundles of settings (each setting can still be given)");
  table.add("profile", o.profile, "whose choices: ours (the paper's method, repaired), paper (literally), release (the authors' code)")
      .choices({"ours", "paper", "release"})
      .bundle("paper", joined(identifier_profile("paper"), {{"ensemble", "avg"}}))
      .bundle("release", joined(identifier_profile("release"), {{"validation", "text-loss"}}));
  table.add("preset", o.preset, "sizes: default, or tiny (seconds on two cores)")
      .choices({"default", "tiny"})
      .bundle("tiny", joined(identifier_preset("tiny", o.model), kTiny));
  if (o.model == "macrec") {
    table.add("variant", o.variant, "an ablation of the paper")
        .choices({"full", "no_con", "no_align", "no_implicit", "no_explicit"})
        .bundle("no_con", identifier_variant("no_con"))
        .bundle("no_align", identifier_variant("no_align"))
        .bundle("no_implicit", {{"implicit-weight", "0"}})
        .bundle("no_explicit", {{"tasks", "seqrec,seqimage"}, {"implicit-items", "256"}});
  }
  table.group("Stage ids: item identifiers");
  table.add("ids", o.ids, "identifiers made elsewhere, as textual=FILE,visual=FILE: .tsv of this program or published .json")
      .value_name("LANGUAGE=FILE,...");
  describe(table, o.identifiers);
  describe(table, o.generator);
}

}  // namespace genrec::macrec
