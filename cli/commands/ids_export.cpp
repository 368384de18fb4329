// genrec ids export: item identifiers for other programs.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "cli/runs.h"
#include "tensor/file.h"

namespace cli {

namespace {

// The codes of an item for people and files: the popularity code counts from 1, all others from 0.
int32_t shown_code(const genrec::ItemIdentifiers& identifiers, int64_t item, int level) {
  const bool last = identifiers.popularity && level + 1 == identifiers.levels;
  return identifiers[item][level] + (last ? 1 : 0);
}

// {"item": ["<a_12>", "<b_3>", ...]} by external id, the popularity code as people see it.
std::string json_by_id(const IdentifiersOf& all) {
  nlohmann::ordered_json root = nlohmann::ordered_json::object();
  for (int64_t item = 0; item < all.identifiers.items(); ++item) {
    auto& tokens = root[all.data.item_ids[item]] = nlohmann::ordered_json::array();
    for (int level = 0; level < all.identifiers.levels; ++level)
      tokens.push_back(fmt::format("<{}_{}>", static_cast<char>('a' + level), shown_code(all.identifiers, item, level)));
  }
  return root.dump(2) + "\n";
}

class IdsExport : public Command {
 public:
  IdsExport() : Command("ids export", "Print item identifiers for other programs") {
    options().add("ids", ids_, "Folder of a run, or a file of identifiers").value_name("RUN|FILE").positional().required();
    options().add("modality", modality_, "Of a run with two identifiers per item: textual or visual; empty: textual")
        .choices({"", "textual", "visual"});
    options().add("format", format_,
                  "tsv: a table that every --ids reads; json: tokens by item id; lcrec: an index file of LC-Rec, MQL4GRec and MACRec, "
                  "by their item numbers",
                  {{"tsv", Format::tsv}, {"json", Format::json}, {"lcrec", Format::lcrec}});
    options().add("letters", letters_,
                  "With lcrec: lower (<a_12>, textual identifiers) or capital (<A_12>, visual; also with --modality visual)",
                  {{"lower", genrec::IndexLetters::lower}, {"capital", genrec::IndexLetters::capital}});
    options().add("data", data_, "Folder of the data set; empty: that of the run").value_name("DIR");
    options().add("out", out_, "Write to this file instead of stdout").value_name("FILE");
    add_common(true);
  }

  int run() override {
    const IdentifiersOf all = load_identifiers(ids_, data_, modality_);
    const Format format = common().json ? Format::json : format_;
    const std::string text = format == Format::tsv    ? genrec::identifiers_text(all.identifiers, all.data.item_ids)
                             : format == Format::json ? json_by_id(all)
                                                      : index_json(all.identifiers, {all.data.item_ids, all.data.item_numbers}, letters());
    if (out_.empty()) print(text);
    else tensor::write_file_atomically(out_, text);
    return 0;
  }

 private:
  enum class Format { tsv, json, lcrec };

  genrec::IndexLetters letters() const { return modality_ == "visual" ? genrec::IndexLetters::capital : letters_; }

  std::string ids_, modality_, data_, out_;
  Format format_ = Format::tsv;
  genrec::IndexLetters letters_ = genrec::IndexLetters::lower;
};

}  // namespace

std::unique_ptr<Command> ids_export() { return std::make_unique<IdsExport>(); }

}  // namespace cli
