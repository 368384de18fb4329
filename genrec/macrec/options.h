// The options of macrec, mql4grec, tiger and letter: one set, whose defaults differ by model.
#pragma once

#include "genrec/macrec/generator_options.h"
#include "genrec/macrec/identifier_options.h"

namespace genrec::macrec {

struct Options {
  std::string model = "macrec";
  std::string profile = "ours";
  std::string preset = "default";
  std::string variant = "full";
  std::vector<std::string> ids;  // "textual=FILE", "visual=FILE": instead of identifiers of its own
  IdentifierOptions identifiers;
  GeneratorOptions generator;
};
Options defaults_of(const std::string& model);

// Profiles, presets and variants are bundles of settings: see options.cpp.
void describe(OptionTable& table, Options& options);

}  // namespace genrec::macrec
