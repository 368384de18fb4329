#include "cli/parser.h"

#include <map>

#include <CLI/CLI.hpp>

#include "tensor/error.h"

namespace cli {

using genrec::Option;
using genrec::OptionKind;
using tensor::fail;
using tensor::Fault;

namespace {

constexpr size_t kHelpColumn = 36, kHelpWidth = 118;

// Breaks `text` into lines of `width`, each but the first indented by `indent`.
std::string wrap(const std::string& text, size_t indent, size_t width) {
  std::string result, word;
  size_t column = indent;
  const auto flush = [&] {
    if (word.empty()) return;
    if (column > indent && column + 1 + word.size() > width) {
      result += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
    word.clear();
  };
  for (const char c : text) {
    if (c == ' ') flush();
    else word += c;
  }
  flush();
  return result;
}

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool) const override {
    return line(option->get_option_text(), option->get_description());
  }
  std::string make_group(std::string group, bool is_positional, std::vector<const CLI::Option*> options) const override {
    std::string text = "\n" + group + ":\n";
    for (const CLI::Option* option : options) text += make_option(option, is_positional);
    return text;
  }
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    return CLI::detail::find_and_replace(CLI::Formatter::make_help(app, name, mode), "\n\n\n", "\n\n");
  }
  std::string make_subcommand(const CLI::App* command) const override {
    const auto members = command->get_subcommands([](const CLI::App*) { return true; });
    if (members.empty()) return line(command->get_name(), command->get_description());
    std::string text;
    for (const CLI::App* member : members) text += line(command->get_name() + " " + member->get_name(), member->get_description());
    return text;
  }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string text = "\nUsage: " + name;
    if (!app->get_subcommands([](const CLI::App*) { return true; }).empty()) return text + " COMMAND [OPTIONS]\n";
    for (const CLI::Option* option : app->get_options([](const CLI::Option* o) { return o->get_positional(); }))
      text += " " + option->get_option_text();
    return text + " [OPTIONS]\n";
  }

 private:
  static std::string line(const std::string& left, const std::string& text) {
    std::string result = "  " + left;
    if (result.size() + 2 > kHelpColumn) result += '\n' + std::string(kHelpColumn, ' ');
    else result.resize(kHelpColumn, ' ');
    return result + wrap(text, kHelpColumn, kHelpWidth) + '\n';
  }
};

// "Step size of SGD (0 to 1, default 0.001)"
std::string describe(const Option& option) {
  std::string facts = option.range_text();
  const auto add = [&](const std::string& fact) { facts += (facts.empty() ? "" : ", ") + fact; };
  if (option.is_required()) add("required");
  else if (option.kind() == OptionKind::flag && option.default_text() == "false") return option.help();
  else if (option.kind() == OptionKind::flag) add("default true, --" + option.name() + "=false turns it off");
  else if (!option.default_text().empty()) add("default " + option.default_text());
  return facts.empty() ? option.help() : option.help() + " (" + facts + ")";
}

// One CLI11 option per option of the table. CLI11 collects texts and converts nothing.
CLI::Option* declare(CLI::App& app, const Option& option) {
  const std::string values = option.value_name();
  CLI::Option* result = nullptr;
  if (option.is_positional()) {
    result = app.add_option(option.name());
    result->option_text(option.is_list() ? values + "..." : values);
    if (option.is_list()) result->expected(-1);
  } else if (option.kind() == OptionKind::flag) {
    result = app.add_flag("--" + option.name());
    result->option_text("--" + option.name());
  } else {
    result = app.add_option("--" + option.name());
    result->option_text("--" + option.name() + " " + values);
  }
  result->description(describe(option))->type_name(values)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  if (!option.group().empty()) result->group(option.group());
  return result;
}

// The CLI11 tree of all commands, and which leaf is which.
struct Entry {
  Command* command = nullptr;
  CLI::App* app = nullptr;
  std::vector<std::pair<const Option*, CLI::Option*>> options;
};

struct Tree {
  CLI::App root{"Trains and serves multimodal generative recommenders.", "genrec"};
  CLI::Option* version = nullptr;
  std::map<CLI::App*, CLI::Option*> help;
  std::vector<Entry> entries;

  explicit Tree(const Commands& commands) {
    root.formatter(std::make_shared<HelpFormatter>());
    root.get_formatter()->label("Positionals", "Arguments");
    prepare(root);
    root.footer("`genrec COMMAND --help` describes a command. Results go to stdout, everything else to stderr.");
    version = root.add_flag("--version")->option_text("--version")->description("Print the version")->group(kCommonGroup);
    std::map<std::string, CLI::App*> families;
    for (const auto& command : commands) add(*command, families);
  }

 private:
  void prepare(CLI::App& app) {
    app.set_help_flag();
    app.group("Commands");
    app.footer("");
    app.allow_extras();
    app.require_subcommand(0, 1);
    help[&app] = app.add_flag("--help")->option_text("--help")->description("Print this help")->group(kCommonGroup);
  }

  void add(Command& command, std::map<std::string, CLI::App*>& families) {
    CLI::App* parent = &root;
    std::string word = command.name();
    if (const size_t space = word.find(' '); space != std::string::npos) {
      CLI::App*& family = families[word.substr(0, space)];
      if (!family) prepare(*(family = root.add_subcommand(word.substr(0, space))));
      word = word.substr(space + 1);
      parent = family;
    }
    Entry entry{&command, parent->add_subcommand(word, command.summary()), {}};
    for (const auto& option : command.options().options())
      entry.options.emplace_back(option.get(), declare(*entry.app, *option));
    prepare(*entry.app);
    entries.push_back(std::move(entry));
  }
};

[[noreturn]] void reject_extras(const std::string& path, const std::vector<std::string>& extras,
                                const genrec::OptionTable& options) {
  for (const std::string& extra : extras) {
    if (extra[0] != '-') continue;
    const size_t begin = extra.find_first_not_of('-');
    const std::string nearest = begin == std::string::npos ? "" : options.nearest(extra.substr(begin, extra.find('=') - begin));
    fail(Fault::usage, extra, ": unknown option; ",
         nearest.empty() ? "`" + path + " --help` lists what there is" : genrec::did_you_mean("--" + nearest));
  }
  fail(Fault::usage, "'", extras.front(), "': unexpected argument; `", path, " --help` says what is taken");
}

[[noreturn]] void reject_command(const std::string& path, const std::vector<std::string>& extras, const CLI::App& app) {
  if (extras.empty()) fail(Fault::usage, path, ": a command is missing; `", path, " --help` lists them");
  if (extras.front()[0] == '-') reject_extras(path, extras, {});
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(command->get_name());
  const std::string hint = genrec::did_you_mean(genrec::nearest_name(extras.front(), names));
  fail(Fault::usage, "'", extras.front(), "': unknown command; ", hint.empty() ? "`" + path + " --help` lists them" : hint);
}

std::vector<genrec::Assignment> collect(const Entry& entry) {
  std::vector<genrec::Assignment> result;
  for (const auto& [option, parsed] : entry.options) {
    if (parsed->count() == 0) continue;
    const std::vector<std::string>& texts = parsed->results();
    const std::string shown = option->is_positional() ? option->name() : "--" + option->name();
    tensor::require(option->is_list() || texts.size() == 1, shown, ": given ", texts.size(), " times; give it once");
    std::string text = texts[0];
    for (size_t i = 1; i < texts.size(); ++i) text += "," + texts[i];
    result.push_back({option->name(), text, shown, "command line"});
  }
  return result;
}

}  // namespace

Parsed parse(const Commands& commands, const std::vector<std::string>& arguments) {
  Tree tree(commands);
  CLI::App& root = tree.root;
  try {
    root.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes the last argument first
  } catch (const CLI::ParseError& error) {
    fail(Fault::usage, error.what(), "; --help describes every option");
  }
  Parsed result;
  result.version = tree.version->count() > 0;
  if (result.version) return result;

  CLI::App* app = &root;
  std::string path = "genrec";
  for (bool deeper = true; deeper;) {
    if (tree.help[app]->count() > 0) result.help = root.help();
    deeper = !app->get_subcommands().empty();
    if (deeper) path += " " + (app = app->get_subcommands().front())->get_name();
  }
  if (!result.help.empty()) return result;
  const std::vector<std::string> extras = root.remaining(true);
  for (const Entry& entry : tree.entries) {
    if (entry.app != app) continue;
    if (!extras.empty()) reject_extras(path, extras, entry.command->options());
    result.command = entry.command;
    result.assignments = collect(entry);
    return result;
  }
  reject_command(path, extras, *app);
}

}  // namespace cli
