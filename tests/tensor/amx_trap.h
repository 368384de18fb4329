// Runs the machine code of AMX on x86-64 processors without AMX. An instruction that the processor does not know raises
// SIGILL; while a trap lives, its handler carries out those of AMX on tiles in memory, as the manual describes them (Intel
// 64 and IA-32 Architectures Software Developer's Manual, volume 2). It says nothing about speed. Where the processor has
// AMX and the program may use it, nothing is trapped and the same tests run on the processor.
#pragma once

#include <cstdint>
#include <string>

namespace tests {

enum class AmxInstruction { ldtilecfg, sttilecfg, tilerelease, tilezero, tileloadd, tileloaddt1, tilestored, tdpbf16ps };

class AmxTrap {
 public:
  // Why tensor's code for AMX cannot be run here, neither trapped nor by the processor; "" where it can.
  static std::string missing();

  AmxTrap();  // one at a time, for all threads
  ~AmxTrap();
  AmxTrap(const AmxTrap&) = delete;
  AmxTrap& operator=(const AmxTrap&) = delete;

  bool installed() const { return installed_; }  // false where the processor itself runs the instructions
  // Since the trap was made, over all threads:
  int64_t executed(AmxInstruction instruction) const;
  // The first instruction that a processor would refuse, and why; "" if none. It was skipped.
  std::string fault() const;
  int configured_threads() const;  // that have not released their tiles

 private:
  bool installed_;
};

}  // namespace tests
