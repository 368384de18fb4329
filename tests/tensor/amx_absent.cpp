// In place of amx_trap.cpp where the processor is not x86-64 or the system not Linux.
#include "tests/tensor/amx_trap.h"

namespace tests {

std::string AmxTrap::missing() { return "AMX can be trapped on x86-64 Linux only"; }

AmxTrap::AmxTrap() : installed_(false) {}
AmxTrap::~AmxTrap() = default;
int64_t AmxTrap::executed(AmxInstruction) const { return 0; }
std::string AmxTrap::fault() const { return ""; }
int AmxTrap::configured_threads() const { return 0; }

}  // namespace tests
