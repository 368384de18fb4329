#include "genrec/log.h"

namespace genrec {

namespace {

class NoProgress : public Progress {
  void begin(const std::string&, int64_t, int64_t) override {}
  void update(int64_t, std::span<const Field>) override {}
  void end() override {}
  void note(const std::string&) override {}
};

Progress* current_sink = nullptr;

}  // namespace

Progress& progress() {
  static NoProgress nothing;
  return current_sink ? *current_sink : nothing;
}

void set_progress(Progress* sink) { current_sink = sink; }

}  // namespace genrec
