#include "genrec/any_identifiers.h"

#include "genrec/log.h"

namespace genrec {

ItemIdentifiers read_any_identifiers(const std::string& path, const Dataset& dataset) {
  const bool json = path.ends_with(".json");
  ItemIdentifiers identifiers =
      json ? read_index_json(path, {dataset.item_ids, dataset.item_numbers}) : read_identifiers(path, dataset.item_ids);
  if (const std::string shared = shared_identifiers(identifiers); !shared.empty()) note(path + ": " + shared);
  return identifiers;
}

}  // namespace genrec
