#include "genrec/macrec/identifier_files.h"

#include "genrec/hash.h"
#include "genrec/macrec/identifier_stage.h"
#include "tensor/error.h"

namespace genrec::macrec {

using tensor::Fault;
using tensor::require;

std::string given_file(const std::vector<std::string>& ids, Language language) {
  std::string file;
  for (const std::string& given : ids) {
    const size_t equals = given.find('=');
    const Language named = equals == std::string::npos ? Language::textual : language_named(given.substr(0, equals));
    if (named != language) continue;
    require(file.empty(), "--ids: ", name_of(language), " identifiers are given twice; give one file");
    file = equals == std::string::npos ? given : given.substr(equals + 1);
    require(!file.empty(), "--ids: '", given, "' names no file; give ", name_of(language), "=FILE");
  }
  return file;
}

SpokenIdentifiers load_identifiers(const RunFolder& run, const Dataset& dataset, std::span<const Task> tasks) {
  SpokenIdentifiers identifiers;
  for (const Language language : kLanguages) {
    if (!speaks(tasks, language)) continue;
    const std::string file = run / identifier_file(name_of(language));
    require(Fault::missing_input, file_exists(file), file, ": is not there yet; run the stage ids first");
    identifiers[language] = read_identifiers(file, dataset.item_ids);
  }
  return identifiers;
}

std::string fingerprint(const SpokenIdentifiers& identifiers) {
  Hash hash;
  for (const Language language : kLanguages) {
    hash.add(identifiers[language].sizes);
    hash.add(identifiers[language].codes);
  }
  return hash.hex();
}

}  // namespace genrec::macrec
