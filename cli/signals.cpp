#include "cli/signals.h"

#include <csignal>

#include "genrec/interrupt.h"

namespace cli {

namespace {

void handle(int signal) { genrec::request_interrupt(signal); }

}  // namespace

void install_signal_handlers() {
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    action.sa_handler = handle;
    action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second signal finds the default action
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace cli
