// The files of LC-Rec and its descendants (LETTER, MQL4GRec, MACRec): X.inter.json, X.user2id, X.item2id, X.item.json.
// Users and items are numbers in them; two maps say which raw id each number stands for. Identifier files (X.index.json):
// genrec/identifiers.h.
#pragma once

#include <string>
#include <vector>

#include "genrec/data/interaction_log.h"
#include "genrec/data/views.h"

namespace genrec {

// By its name (.inter.json, .item.json) or its first bytes: one object whose keys are numbers and whose values are lists
// (interactions) or objects (items).
bool is_lcrec(const std::string& path, TableKind kind);

// The schema of such a file: it is the same in all of them.
Schema lcrec_schema(const std::string& path, TableKind kind);

// X.inter.json, {"user": [item, item, ..in time order]}. Maps hold "raw id TAB number" per line; without one the numbers
// themselves are the ids. With a map of the items, InteractionLog::item_numbers holds their numbers.
InteractionLog read_lcrec_interactions(const Schema& schema, const std::string& user_map, const std::string& item_map,
                                       std::vector<std::string>& warnings);

// X.item.json, {"item": {"title": .., "description": .., "brand": .., "categories": ..}}, as read_item_texts.
ItemTexts read_lcrec_texts(const Schema& schema, const std::vector<uint32_t>& numbers, const InteractionLog& log);

}  // namespace genrec
