// The README's table of commands and options is the one of the program. GENREC_UPDATE_README=1 writes it anew.
#include <cstdlib>

#include "cli/program.h"
#include "cli/reference.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

TEST_CASE("the README's option tables are those of the program", "[cli][readme]") {
  const std::string path = GENREC_SOURCE_DIR "/README.md";
  const std::string begin = "<!-- commands: begin (generated) -->\n", end = "<!-- commands: end -->";
  const std::string readme = tests::read_text(path);
  const size_t from = readme.find(begin), to = readme.find(end);
  REQUIRE(from != std::string::npos);
  REQUIRE(to != std::string::npos);
  const std::string wanted = cli::reference();
  const size_t inner = from + begin.size();
  if (std::getenv("GENREC_UPDATE_README")) tests::write_text(path, readme.substr(0, inner) + wanted + readme.substr(to));
  INFO("to write it anew: GENREC_UPDATE_README=1 genrec_tests \"[readme]\"");
  if (!std::getenv("GENREC_UPDATE_README")) CHECK(readme.substr(inner, to - inner) == wanted);
}

TEST_CASE("a help text shows name, value, default and range of every option", "[cli][readme]") {
  for (const auto& command : cli::all_commands()) {
    std::vector<std::string> arguments;
    std::string words = command->name();
    if (const size_t space = words.find(' '); space != std::string::npos) {
      arguments.push_back(words.substr(0, space));
      words = words.substr(space + 1);
    }
    arguments.insert(arguments.end(), {words, "--help"});
    std::string help;  // without the line breaks of wrapping
    for (const char c : tests::run_program(arguments).out)
      if (c != '\n' && c != ' ') help += c;
    for (const auto& option : command->options().options()) {
      INFO(command->name() << " " << option->name());
      const std::string dots = option->is_positional() && option->is_list() ? "..." : "";
      std::string wanted = (option->is_positional() ? "" : "--" + option->name()) + option->value_name() + dots + option->help();
      if (option->range_text() != "") wanted += "(" + option->range_text();
      std::erase(wanted, ' ');
      CHECK(tests::contains(help, wanted));
    }
  }
}
