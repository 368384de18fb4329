// The request to stop. A signal handler sets it; long loops ask interrupted() once per step, save what can be resumed, and
// throw through raise_interrupted().
#pragma once

#include <string>

namespace genrec {

bool interrupted();                // SIGINT or SIGTERM has arrived
void request_interrupt(int signal) noexcept;  // async-signal-safe
void clear_interrupt();            // for tests, and for a program that goes on

// Throws Error(interrupted): "<what>: stopped by SIGTERM; <advice>", for example advice "go on with train --resume RUN".
[[noreturn]] void raise_interrupted(const std::string& what, const std::string& advice);

}  // namespace genrec
