// genrec completion bash|zsh|fish: a script for the shell, written from the tables of all commands.
#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/program.h"

namespace cli {

using genrec::Option;
using genrec::OptionKind;

namespace {

std::string joined(const std::vector<std::string>& words, const std::string& before = "") {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + before + word;
  return text;
}

std::vector<std::string> option_names(const Command& command) {
  std::vector<std::string> names{"help"};
  for (const auto& option : command.options().options())
    if (!option->is_positional()) names.push_back(option->name());
  return names;
}

// The words that may follow `prefix` ("" or "ids") as commands.
std::vector<std::string> next_words(const Commands& commands, const std::string& prefix) {
  std::vector<std::string> words;
  for (const auto& command : commands) {
    if (!prefix.empty() && !command->name().starts_with(prefix + " ")) continue;
    const std::string rest = command->name().substr(prefix.empty() ? 0 : prefix.size() + 1);
    const std::string word = rest.substr(0, rest.find(' '));
    if (words.empty() || words.back() != word) words.push_back(word);
  }
  return words;
}

std::vector<std::string> families(const Commands& commands) {
  std::vector<std::string> words;
  for (const auto& command : commands) {
    const size_t space = command->name().find(' ');
    if (space == std::string::npos) continue;
    const std::string word = command->name().substr(0, space);
    if (words.empty() || words.back() != word) words.push_back(word);
  }
  return words;
}

std::string escaped(const std::string& text) {  // for single quotes of a shell
  std::string result;
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result;
}

// Which values complete an option or an argument: the choices, or files.
std::string bash_cases(const Commands& commands) {
  std::string text;
  for (const auto& command : commands) {
    text += fmt::format("    '{}')\n      case \"$previous\" in\n", command->name());
    std::string positional;
    for (const auto& option : command->options().options()) {
      if (option->is_positional()) positional = joined(option->allowed());
      else if (!option->allowed().empty())
        text += fmt::format("        --{}) words='{}' ;;\n", option->name(), joined(option->allowed()));
      else if (option->kind() != OptionKind::flag)
        text += fmt::format("        --{}) words='' ;;\n", option->name());
    }
    text += fmt::format("        *) words='{}{}{}' ;;\n      esac ;;\n", positional, positional.empty() ? "" : " ",
                        joined(option_names(*command), "--"));
  }
  return text;
}

// bash; zsh runs the same function through bashcompinit.
std::string bash_script(const Commands& commands) {
  std::string families_case;
  for (const std::string& family : families(commands))
    families_case += fmt::format("    '{}') words='{}' ;;\n", family, joined(next_words(commands, family)));
  return fmt::format(R"(_genrec() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" command="" words=""
  local i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case "${{COMP_WORDS[i]}}" in
      -*) break ;;
      *) if ((i <= 2)); then case "$command ${{COMP_WORDS[i]}}" in
           {}) command="${{command:+$command }}${{COMP_WORDS[i]}}" ;;
         esac; fi ;;
    esac
  done
  case "$command" in
    '') words='{} --help --version' ;;
{}{}  esac
  COMPREPLY=()
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$current")
}}
complete -o default -F _genrec genrec
)",
                     [&] {
                       std::string patterns;
                       for (const std::string& word : next_words(commands, "")) patterns += "' " + word + "'|";
                       for (const std::string& family : families(commands))
                         for (const std::string& word : next_words(commands, family)) patterns += "'" + family + " " + word + "'|";
                       patterns.pop_back();
                       return patterns;
                     }(),
                     joined(next_words(commands, "")), families_case, bash_cases(commands));
}

std::string zsh_script(const Commands& commands) {
  return "#compdef genrec\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script(commands);
}

std::string fish_script(const Commands& commands) {
  std::string text = "complete -c genrec -n __fish_use_subcommand -f\n";
  const std::vector<std::string> groups = families(commands);
  for (const std::string& word : next_words(commands, "")) {
    std::string summary;
    for (const auto& command : commands)
      if (command->name() == word) summary = command->summary();
    text += fmt::format("complete -c genrec -n __fish_use_subcommand -f -a {} -d '{}'\n", word, escaped(summary));
  }
  for (const auto& command : commands) {
    const size_t space = command->name().find(' ');
    const std::string first = command->name().substr(0, space);
    std::string condition = "__fish_seen_subcommand_from " + first;
    if (space != std::string::npos) {
      const std::string second = command->name().substr(space + 1);
      text += fmt::format("complete -c genrec -n '{}' -f -a {} -d '{}'\n", condition, second, escaped(command->summary()));
      condition += "; and __fish_seen_subcommand_from " + second;
    }
    text += fmt::format("complete -c genrec -n '{}' -l help -d 'Print this help'\n", condition);
    for (const auto& option : command->options().options()) {
      if (option->is_positional()) {
        if (!option->allowed().empty())
          text += fmt::format("complete -c genrec -n '{}' -f -a '{}'\n", condition, joined(option->allowed()));
        continue;
      }
      std::string value = option->kind() == OptionKind::flag ? "" : " -r";
      if (!option->allowed().empty()) value = fmt::format(" -x -a '{}'", joined(option->allowed()));
      text += fmt::format("complete -c genrec -n '{}' -l {}{} -d '{}'\n", condition, option->name(), value, escaped(option->help()));
    }
  }
  return text;
}

class Completion : public Command {
 public:
  Completion() : Command("completion", "Print a completion script for a shell") {
    options().add("shell", shell_, "Which shell").choices({"bash", "zsh", "fish"}).positional().required();
    add_common(false);
  }

  int run() override {
    const Commands commands = all_commands();
    print(shell_ == "bash" ? bash_script(commands) : shell_ == "zsh" ? zsh_script(commands) : fish_script(commands));
    return 0;
  }

 private:
  std::string shell_;
};

}  // namespace

std::unique_ptr<Command> completion() { return std::make_unique<Completion>(); }

}  // namespace cli
