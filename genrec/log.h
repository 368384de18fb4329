// How library code reports what it is doing: it never prints. A Progress sink receives stages, steps and notes; the program
// shows them on stderr, tests collect them, and without a sink they are dropped.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace genrec {

struct Field {
  std::string_view name;  // "loss", "recall@10"
  double value;
};

class Progress {
 public:
  virtual ~Progress() = default;
  // total steps, 0: unknown; `done` of them were made by an earlier run.
  virtual void begin(const std::string& stage, int64_t total, int64_t done) = 0;
  virtual void update(int64_t step, std::span<const Field> fields) = 0;
  virtual void end() = 0;
  virtual void note(const std::string& line) = 0;  // one line that the user should see: a decision, a warning, advice
};

Progress& progress();               // the sink in use; one that does nothing until set_progress
void set_progress(Progress* sink);  // not owned; nullptr: back to the one that does nothing

// A stage while it lives. Stages may nest; the innermost is the one shown.
class Stage {
 public:
  explicit Stage(const std::string& name, int64_t total = 0, int64_t done = 0) { progress().begin(name, total, done); }
  ~Stage() { progress().end(); }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Cheap enough for every step. `step` counts what is done, from 1 to total.
  void update(int64_t step, std::initializer_list<Field> fields = {}) {
    progress().update(step, std::span<const Field>(fields.begin(), fields.size()));
  }
};

inline void note(const std::string& line) { progress().note(line); }

}  // namespace genrec
