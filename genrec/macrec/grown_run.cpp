#include "genrec/macrec/grown_run.h"

#include "genrec/macrec/identifier_files.h"
#include "genrec/macrec/identifier_stage.h"
#include "genrec/macrec/quantizer_training.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"

namespace genrec::macrec {

using tensor::Fault;
using tensor::require;

namespace {

constexpr const char* kGenerator = "generator.safetensors";

// The identifiers that the generator was trained with: those of both languages, or of the one that its tasks speak.
SpokenIdentifiers spoken_at(const SpokenIdentifiers& all, const std::string& wanted, const SpokenIdentifiers& replacement) {
  for (const bool textual : {true, false})
    for (const bool visual : {true, false}) {
      SpokenIdentifiers old, result;
      if (textual) old[Language::textual] = all[Language::textual], result[Language::textual] = replacement[Language::textual];
      if (visual) old[Language::visual] = all[Language::visual], result[Language::visual] = replacement[Language::visual];
      if (fingerprint(old) == wanted) return result;
    }
  tensor::fail(Fault::bad_data, kGenerator, ": was trained with other identifiers than those in its folder; train it again");
}

}  // namespace

std::vector<Grown> grow_run(const Run& run, const Dataset& dataset, const NewItems& items, const std::string& out) {
  const RunFolder& from = run.folder();
  require(Fault::missing_input, file_exists(from / kGenerator), from / kGenerator,
          ": is not there; items are added to a finished run of macrec, mql4grec, tiger or letter");
  const Dataset all = with_items(dataset, items);
  const tensor::PrecisionScope scope(run.precision());  // of the codes that are there
  SpokenIdentifiers before, after;
  std::vector<Grown> grown;
  for (const Language language : kLanguages) {
    const std::string name = name_of(language), file = from / identifier_file(name), weights = from / quantizer_file(name);
    if (!file_exists(file)) continue;
    require(Fault::missing_input, file_exists(weights), weights,
            ": is not there; identifiers that were made elsewhere cannot be added to");
    Grown& entry = grown.emplace_back();
    entry.modality = name;
    before[language] = read_identifiers(file, dataset.item_ids);
    after[language] = extend_identifiers(before[language], FrozenQuantizer(weights), items.features.at(name), entry.conflicts);
  }
  tensor::Safetensors generator = tensor::read_safetensors(from / kGenerator);
  const SpokenIdentifiers spoken = spoken_at(before, generator.metadata_at("identifiers"), after);

  RunOptions where;
  where.model = run.model_name(), where.seed = run.seed(), where.precision = run.precision();
  where.out = out, where.data = out + "/data";
  RunFolder to = begin_run(run.table(), where, all);
  save_dataset(all, where.data);
  for (const Grown& entry : grown) {
    const Language language = language_named(entry.modality);
    write_identifiers(to / identifier_file(entry.modality), after[language], all.item_ids);
    tensor::write_file_atomically(to / quantizer_file(entry.modality), tensor::read_file(from / quantizer_file(entry.modality)));
  }
  generator.metadata["data"] = genrec::fingerprint(all);
  generator.metadata["identifiers"] = fingerprint(spoken);
  tensor::write_safetensors(to / kGenerator, generator.tensors, generator.metadata);
  Record added;
  added.add("run", from.path()).add("items", static_cast<int64_t>(items.ids.size()));
  to.set_manifest("added to", added.to_json());
  for (const char* stage : {"finished ids", "finished generator"}) to.set_manifest(stage, "true");
  return grown;
}

}  // namespace genrec::macrec
