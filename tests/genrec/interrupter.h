// Asks for an interruption at the n-th update of a stage, as a signal would.
#pragma once

#include <string>
#include <utility>

#include "genrec/interrupt.h"
#include "genrec/log.h"

namespace tests {

struct Interrupter : genrec::Progress {
  explicit Interrupter(int at, std::string stage = "") : at(at), stage(std::move(stage)) {}  // "": of any stage
  void begin(const std::string& name, int64_t, int64_t) override { now = name; }
  void update(int64_t, std::span<const genrec::Field>) override {
    if ((stage.empty() || now == stage) && ++count == at) genrec::request_interrupt(15);
  }
  void end() override {}
  void note(const std::string&) override {}
  int at, count = 0;
  std::string stage, now;
};

}  // namespace tests
