// The stage generator: identifiers-*.tsv -> generator.safetensors. Also what a trained generator is built from.
#pragma once

#include <memory>
#include <optional>

#include "genrec/macrec/generator.h"
#include "genrec/macrec/inference.h"
#include "genrec/macrec/options.h"
#include "genrec/run_folder.h"

namespace genrec::macrec {

// A generator with its identifiers, trained or not.
class Model {
 public:
  Model(const GeneratorOptions& options, const SpokenIdentifiers& identifiers, uint64_t seed);

  const std::vector<Task>& tasks() const { return tasks_; }
  const SpokenIdentifiers& identifiers() const { return identifiers_; }
  const ItemTokens& tokens() const { return tokens_; }
  const nn::T5& transformer() const { return transformer_; }
  nn::Parameters& parameters() { return parameters_; }

  // Lays the weights out for rank(), which then uses them as they are now; without it, rank() takes the current ones.
  void pack() { packed_ = transformer_.packed(); }
  bool lists(Language language) const;  // whether the ensemble asks this language
  struct Lists {
    BeamLists of[2];  // of a language that is not asked: empty
    Ranking ranking;  // merged
  };
  Lists rank(std::span<const Query> queries, int k) const;

 private:
  GeneratorOptions options_;
  std::vector<Task> tasks_;
  SpokenIdentifiers identifiers_;
  ItemTokens tokens_;
  std::unique_ptr<Trie> tries_[2];
  nn::Parameters parameters_;
  nn::T5 transformer_;
  std::optional<nn::T5> packed_;
};

const Dataset& require_ordered(const Dataset& dataset, const std::string& model);
// sizes: codes per level of the identifiers, which may not exist yet.
Plan::Stage plan_generator(const GeneratorOptions& options, const Dataset& dataset, const std::vector<int32_t>& sizes);
void run_generator_stage(const Options& options, const TrainingRequest& request);

}  // namespace genrec::macrec
