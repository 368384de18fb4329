#include "cli/config.h"

#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "genrec/version.h"
#include "tensor/error.h"

namespace cli {

using genrec::Assignment;
using tensor::fail;
using tensor::Fault;

namespace {

std::string place(const std::string& path, const toml::source_region& region) {
  return fmt::format("{}:{}:{}", path, region.begin.line, region.begin.column);
}

std::string scalar_text(const toml::node& node, const std::string& shown) {
  if (const auto* value = node.as_string()) return value->get();
  if (const auto* value = node.as_integer()) return fmt::format("{}", value->get());
  if (const auto* value = node.as_floating_point()) return fmt::format("{}", value->get());
  if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
  fail(Fault::config, shown, ": a value of this kind has no use here; give a number, a text, true, false or a list of them");
}

std::string value_text(const toml::node& node, const std::string& shown) {
  const toml::array* array = node.as_array();
  if (!array) return scalar_text(node, shown);
  std::string text;
  for (size_t i = 0; i < array->size(); ++i) {
    if (i > 0) text += ',';
    text += scalar_text(*array->get(i), shown);
  }
  return text;
}

class Reader {
 public:
  Reader(const std::string& path, const Commands& commands, const Command& wanted)
      : path_(path), commands_(commands), wanted_(wanted) {}

  std::vector<Assignment> read(const toml::table& root) {
    visit(root, "");
    return std::move(found_);
  }

 private:
  // Values before sections: what a section says of a common option counts more than what stands above it.
  void visit(const toml::table& table, const std::string& section) {
    for (const auto& [key, node] : table)
      if (!node.is_table()) take(section, key, node);
    for (const auto& [key, node] : table) {
      if (!node.is_table()) continue;
      const std::string name = section.empty() ? std::string(key.str()) : section + " " + std::string(key.str());
      require_section(name, place(path_, key.source()));
      visit(*node.as_table(), name);
    }
  }

  void require_section(const std::string& name, const std::string& where) const {
    std::vector<std::string> names;
    for (const auto& command : commands_) {
      if (command->name() == name || command->name().starts_with(name + " ")) return;
      names.push_back(command->name());
    }
    const std::string hint = genrec::did_you_mean(genrec::nearest_name(name, names));
    fail(Fault::config, where, ": [", name, "] is no command; ", hint.empty() ? "`genrec --help` lists them" : hint);
  }

  Command* find(const std::string& name) const {
    for (const auto& command : commands_)
      if (command->name() == name) return command.get();
    return nullptr;
  }

  void take(const std::string& section, const toml::key& key, const toml::node& node) {
    const std::string name(key.str()), shown = place(path_, key.source()) + ": " + name;
    const Command* command = section.empty() ? &wanted_ : find(section);
    const genrec::Option* option = command ? command->options().find(name) : nullptr;
    const bool misplaced = option && section.empty() && option->group() != kCommonGroup;
    if (misplaced)
      fail(Fault::config, shown, ": this option belongs to a command; write it below [", wanted_.name(), "]");
    if (!option || option->is_positional()) {
      const std::string nearest = command ? command->options().nearest(name) : "";
      fail(Fault::config, shown, ": unknown key", section.empty() ? "" : " of [" + section + "]", "; ",
           nearest.empty() ? "`genrec " + (section.empty() ? wanted_.name() : section) + " --help` lists what there is"
                           : genrec::did_you_mean(nearest));
    }
    tensor::require(Fault::config, name != "config" && name != "dump-config", shown, ": cannot stand in a file; give --", name,
                    " on the command line");
    const Assignment assignment{name, value_text(node, shown), shown, path_, Fault::config};
    if (command == &wanted_) found_.push_back(assignment);
    else find(section)->options().apply({assignment});  // only to check the value
  }

  const std::string& path_;
  const Commands& commands_;
  const Command& wanted_;
  std::vector<Assignment> found_;
};

}  // namespace

std::vector<Assignment> parse_config(const std::string& text, const std::string& path, const Commands& commands,
                                     const Command& command) {
  try {
    return Reader(path, commands, command).read(toml::parse(text, path));
  } catch (const toml::parse_error& error) {
    fail(Fault::config, place(path, error.source()), ": ", error.description(), "; correct the TOML");
  }
}

std::vector<Assignment> read_config(const std::string& path, const Commands& commands, const Command& command) {
  std::ifstream file(path, std::ios::binary);
  tensor::require(Fault::missing_input, file.good(), "--config: cannot open ", path, "; give an existing TOML file");
  std::ostringstream text;
  text << file.rdbuf();
  tensor::require(Fault::io, !file.bad(), "--config: cannot read ", path, "; give a readable TOML file");
  return parse_config(text.str(), path, commands, command);
}

std::string peek_config(const std::string& path, const std::string& section, const std::string& key) {
  try {
    return toml::parse_file(path)[section][key].value_or(std::string());
  } catch (const toml::parse_error&) {
    return "";
  }
}

std::string dump_config(const Command& command) {
  std::string section = command.name();
  for (char& c : section)
    if (c == ' ') c = '.';
  std::string text = fmt::format("# genrec {}\n[{}]\n", genrec::kVersion, section);
  std::istringstream lines(command.options().toml());
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("config = ") && !line.starts_with("dump-config = ")) text += line + "\n";
  return text;
}

}  // namespace cli
