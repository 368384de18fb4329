#include "cli/reference.h"

#include <functional>

#include <fmt/format.h>

#include "cli/program.h"
#include "genrec/system.h"

namespace cli {

namespace {

std::string cell(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '|' ? std::string("\\|") : std::string(1, c);
  return result;
}

std::string row(const genrec::Option& option) {
  std::string left = option.is_positional() ? option.name() : "--" + option.name();
  if (!option.value_name().empty() && !option.is_positional()) left += " " + option.value_name();
  const std::string range = option.range_text();
  const std::string standard = option.is_required() ? "required" : option.default_text();
  return fmt::format("| `{}` | {} | {} | {} |\n", cell(left), cell(option.help()), cell(standard), range);
}

std::string table(const std::string& rows) {
  return rows.empty() ? "" : "| option | meaning | default | range |\n|---|---|---|---|\n" + rows;
}

std::string table(const genrec::OptionTable& options, const std::function<bool(const genrec::Option&)>& wanted) {
  std::string rows;
  for (const auto& option : options.options())
    if (wanted(*option)) rows += row(*option);
  return table(rows);
}

bool is_common(const genrec::Option& option) { return option.group() == kCommonGroup; }
bool is_own(const genrec::Option& option) { return !is_common(option); }
bool is_of_the_sweep(const genrec::Option& option) { return option.group().empty(); }  // the others are those of `train`

std::string folded(const std::string& title, const std::string& text) {
  return text.empty() ? "" : fmt::format("\n<details><summary><code>{}</code></summary>\n\n{}\n</details>\n", title, text);
}

// Options of the models other than the first, which `train` shows; models with the same options share a table.
std::string models_reference() {
  std::vector<std::pair<std::string, std::string>> tables;  // table, names of its models
  for (const genrec::SystemEntry& entry : genrec::systems()) {
    if (&entry == &genrec::systems().front()) continue;
    genrec::OptionTable options;
    const auto system = entry.make();
    system->describe(options);
    const std::string text = table(options, is_own);
    auto same = tables.begin();
    while (same != tables.end() && same->first != text) ++same;
    if (same == tables.end()) tables.emplace_back(text, entry.name);
    else same->second += fmt::format("|{}", entry.name);
  }
  std::string result;
  for (const auto& [text, names] : tables) result += folded("genrec train --model " + names, text);
  return result;
}

}  // namespace

std::string reference() {
  const Commands commands = all_commands();
  std::string text = "| command | what it does |\n|---|---|\n";
  for (const auto& command : commands) text += fmt::format("| `genrec {}` | {} |\n", command->name(), command->summary());
  text += "\n| `train --model` | |\n|---|---|\n";
  for (const genrec::SystemEntry& entry : genrec::systems()) text += fmt::format("| `{}` | {} |\n", entry.name, entry.summary);
  text += "\nEvery command takes these (`--json` where there is a result):\n\n" + table(commands.front()->options(), is_common);
  for (const auto& command : commands) {
    text += folded("genrec " + command->name(), table(command->options(), command->name() == "sweep" ? is_of_the_sweep : is_own));
    if (command->name() == "train") text += models_reference();
  }
  return text;
}

}  // namespace cli
