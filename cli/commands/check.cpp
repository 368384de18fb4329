// genrec check: is a prepared data set sound, what is in it, and what about it may cause trouble.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "genrec/data/check.h"
#include "genrec/text_table.h"

namespace cli {

namespace {

using Json = nlohmann::ordered_json;

std::string text(const genrec::DatasetCheck& c) {
  std::string result = fmt::format(
      "users                {}\nitems                {}\n"
      "interactions         {} ({} train, {} valid, {} test), density {:.3g}, {}\n"
      "per user             {:.1f} on average, {} to {}\n"
      "split                {}\n"
      "without training     {} users, {} items\n"
      "without held-out     {} users in validation, {} in test\n"
      "unreachable          {} test interactions with an item that training never saw\n"
      "duplicates           {} pairs of user and item\n"
      "fingerprint          {}\n",
      c.users, c.items, c.interactions, c.train, c.valid, c.test, c.density, c.ordered ? "in order" : "without order", c.user_mean,
      c.user_min, c.user_max, c.split_protocol, c.cold_users, c.cold_items, c.users_without_valid, c.users_without_test,
      c.unreachable_test, c.duplicate_pairs, c.fingerprint);
  std::vector<std::vector<std::string>> rows;
  for (const genrec::ModalityCheck& m : c.features)
    rows.push_back({m.name, std::to_string(m.dim), std::to_string(m.missing), std::to_string(m.zero_rows),
                    std::to_string(m.duplicate_rows), std::to_string(m.not_finite), fmt::format("{:.4g}", m.norm_mean),
                    fmt::format("{:.4g}", m.norm_min), fmt::format("{:.4g}", m.norm_max)});
  const std::vector<std::string> header{"features", "width",      "missing",   "zero",    "duplicate",
                                        "not finite", "mean norm", "least norm", "largest norm"};
  if (!rows.empty()) result += "\n" + genrec::text_table(header, rows);
  for (const genrec::WordsCheck& w : c.words)
    result += fmt::format("{}: words, vocabulary {} ({} unused), {:.1f} per item, {} items without any\n", w.name, w.vocabulary,
                          w.unused_words, w.words_per_item, w.empty_items);
  if (c.untitled > 0) result += fmt::format("titles: {} items have none\n", c.untitled);
  for (const std::string& warning : c.warnings) result += "warning: " + warning + "\n";
  return result;
}

std::string json(const genrec::DatasetCheck& c) {
  Json features = Json::array(), words = Json::array();
  for (const genrec::ModalityCheck& m : c.features)
    features.push_back({{"name", m.name},
                        {"dim", m.dim},
                        {"missing", m.missing},
                        {"zero_rows", m.zero_rows},
                        {"duplicate_rows", m.duplicate_rows},
                        {"not_finite", m.not_finite},
                        {"norm_mean", m.norm_mean},
                        {"norm_min", m.norm_min},
                        {"norm_max", m.norm_max}});
  for (const genrec::WordsCheck& w : c.words)
    words.push_back({{"name", w.name},
                     {"vocabulary", w.vocabulary},
                     {"unused_words", w.unused_words},
                     {"empty_items", w.empty_items},
                     {"words_per_item", w.words_per_item}});
  const Json root{{"users", c.users},
                  {"items", c.items},
                  {"interactions", c.interactions},
                  {"train", c.train},
                  {"valid", c.valid},
                  {"test", c.test},
                  {"density", c.density},
                  {"user_mean", c.user_mean},
                  {"user_min", c.user_min},
                  {"user_max", c.user_max},
                  {"ordered", c.ordered},
                  {"split", c.split_protocol},
                  {"duplicate_pairs", c.duplicate_pairs},
                  {"cold_users", c.cold_users},
                  {"cold_items", c.cold_items},
                  {"users_without_valid", c.users_without_valid},
                  {"users_without_test", c.users_without_test},
                  {"unreachable_test", c.unreachable_test},
                  {"untitled", c.untitled},
                  {"features", features},
                  {"words", words},
                  {"warnings", c.warnings},
                  {"fingerprint", c.fingerprint}};
  return root.dump(2) + "\n";
}

class Check : public Command {
 public:
  Check() : Command("check", "Validate a prepared data set and count what is in it") {
    options().add("data", data_, "Folder of the data set").value_name("DIR").positional().required();
    add_common(true);
  }

  int run() override {
    const genrec::DatasetCheck result = genrec::check_dataset(genrec::load_dataset(data_));
    print(common().json ? json(result) : text(result));
    return 0;
  }

 private:
  std::string data_;
};

}  // namespace

std::unique_ptr<Command> check() { return std::make_unique<Check>(); }

}  // namespace cli
