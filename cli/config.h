// The configuration file: TOML with one section per command ([train], [ids.report]); options common to all commands may stand
// above the first section. Unknown sections and keys are errors with place and nearest name.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace cli {

// What the file says for `command`. Sections of other commands are checked too, names and values.
std::vector<genrec::Assignment> read_config(const std::string& path, const Commands& commands, const Command& command);

// The same for a text; `path` is only shown.
std::vector<genrec::Assignment> parse_config(const std::string& text, const std::string& path, const Commands& commands,
                                             const Command& command);

// One text of a section, "" where the file, the section or the key is not there or not what it should be: read_config tells.
std::string peek_config(const std::string& path, const std::string& section, const std::string& key);

// The resolved options as a file that read_config accepts.
std::string dump_config(const Command& command);

}  // namespace cli
