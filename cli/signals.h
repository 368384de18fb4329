// SIGINT and SIGTERM ask the running command to save and stop; a second one ends the program at once.
#pragma once

namespace cli {

void install_signal_handlers();

}  // namespace cli
