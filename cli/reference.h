// The commands and their options as Markdown: the generated part of the README.
#pragma once

#include <string>

namespace cli {

std::string reference();

}  // namespace cli
