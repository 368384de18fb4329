// Progress on stderr: one live line on a terminal, otherwise one line per interval. Shows stage, steps, rate, the fields of
// the last update (loss terms), resident memory and the time left.
#pragma once

#include <memory>
#include <string>

#include "genrec/log.h"

namespace cli {

struct ProgressStyle {
  bool live = false;               // rewrite one line
  bool colour = false;
  double first_seconds = 1.0;      // a stage that runs longer than this is heard of
  double interval_seconds = 10.0;  // then every so often; live lines are rewritten five times a second
};
ProgressStyle style_of_stderr();  // a terminal? NO_COLOR?

class ProgressDisplay : public genrec::Progress {
 public:
  explicit ProgressDisplay(ProgressStyle style, int descriptor = 2);
  ~ProgressDisplay() override;
  void begin(const std::string& stage, int64_t total, int64_t done) override;
  void update(int64_t step, std::span<const genrec::Field> fields) override;
  void end() override;
  void note(const std::string& line) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string duration_text(double seconds);  // "0.4 s", "12 s", "3 m 20 s", "2 h 05 m"
std::string bytes_text(double bytes);       // "512 B", "1.5 MiB", "12 GiB"

}  // namespace cli
