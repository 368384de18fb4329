#include "cli/progress.h"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace cli {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) { return std::chrono::duration<double>(to - from).count(); }

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace

// A stage that goes on.
struct RunningStage {
  std::string name;
  int64_t total = 0, done = 0, step = 0;  // done: by an earlier run
  Clock::time_point started;
  std::vector<std::pair<std::string, double>> fields;
  bool heard = false;    // a line about it was printed
  bool divided = false;  // into stages of its own, which speak for it

  bool silent() const { return divided && step == 0; }
};

static std::string describe(const RunningStage& stage, Clock::time_point now) {
  const double elapsed = seconds_between(stage.started, now);
  const auto made = static_cast<double>(stage.step - stage.done);
  std::string text = stage.name;
  if (stage.step > 0) {
    text += fmt::format("  {}", stage.step);
    if (stage.total > 0) text += fmt::format("/{} ({:.0f}%)", stage.total, 100.0 * stage.step / stage.total);
    if (elapsed > 0) text += fmt::format("  {:.3g}/s", made / elapsed);
  }
  for (const auto& [name, value] : stage.fields) text += fmt::format("  {} {:.4g}", name, value);
  text += fmt::format("  {}  {}", bytes_text(resident_bytes()), duration_text(elapsed));
  if (made > 0 && stage.total > stage.step)
    text += fmt::format(", {} left", duration_text(elapsed * static_cast<double>(stage.total - stage.step) / made));
  return text;
}

// The thread prints; the others only leave their numbers here, so a step costs a lock and a copy of its fields.
struct ProgressDisplay::State {
  State(ProgressStyle style, int descriptor) : style(style), descriptor(descriptor), printer([this] { loop(); }) {}

  void write(const std::string& text) const {
    const char* data = text.data();
    for (size_t left = text.size(); left > 0;) {
      const ssize_t written = ::write(descriptor, data, left);
      if (written <= 0) return;  // nobody to tell
      data += written;
      left -= static_cast<size_t>(written);
    }
  }

  void print_line(const std::string& text) const {
    write((style.live ? "\r\033[K" : "") + (style.colour ? "\033[2m" + text + "\033[0m" : text) + "\n");
  }

  void print_live(std::string text) const {
    winsize size{};
    const size_t columns = ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 120;
    if (text.size() > columns - 1) text.resize(columns - 1);
    write("\r\033[K" + text);
  }

  void loop() {
    std::unique_lock lock(mutex);
    auto last = Clock::now();
    while (!stopping) {
      wake.wait_for(lock, std::chrono::milliseconds(style.live ? 200 : 100));
      if (stopping || stages.empty()) continue;
      RunningStage& stage = stages.back();
      const auto now = Clock::now();
      if (stage.silent() || seconds_between(stage.started, now) < (style.live ? 0.2 : style.first_seconds)) continue;
      if (style.live) {
        print_live(describe(stage, now));
      } else if (!stage.heard || seconds_between(last, now) >= style.interval_seconds) {
        print_line(describe(stage, now));
        last = now;
      }
      stage.heard = true;
    }
  }

  const ProgressStyle style;
  const int descriptor;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::vector<RunningStage> stages;
  std::thread printer;  // last: it uses everything above
};

ProgressStyle style_of_stderr() {
  ProgressStyle style;
  const char* terminal = std::getenv("TERM");
  style.live = isatty(2) == 1 && terminal && std::string(terminal) != "dumb";
  const char* no_colour = std::getenv("NO_COLOR");
  style.colour = style.live && !(no_colour && *no_colour);
  return style;
}

ProgressDisplay::ProgressDisplay(ProgressStyle style, int descriptor) : state_(std::make_unique<State>(style, descriptor)) {}

ProgressDisplay::~ProgressDisplay() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  state_->printer.join();
  if (state_->style.live) state_->write("\r\033[K");
}

void ProgressDisplay::begin(const std::string& stage, int64_t total, int64_t done) {
  const std::lock_guard lock(state_->mutex);
  RunningStage running;
  running.name = stage;
  running.total = total;
  running.done = done;
  running.started = Clock::now();
  if (!state_->stages.empty()) state_->stages.back().divided = true;
  state_->stages.push_back(std::move(running));
}

void ProgressDisplay::update(int64_t step, std::span<const genrec::Field> fields) {
  const std::lock_guard lock(state_->mutex);
  if (state_->stages.empty()) return;
  RunningStage& stage = state_->stages.back();
  stage.step = step;
  stage.fields.resize(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    stage.fields[i].first = fields[i].name;
    stage.fields[i].second = fields[i].value;
  }
}

void ProgressDisplay::end() {
  const std::lock_guard lock(state_->mutex);
  if (state_->stages.empty()) return;
  const RunningStage& stage = state_->stages.back();
  if (stage.heard && !stage.silent()) state_->print_line(describe(stage, Clock::now()));
  state_->stages.pop_back();
}

void ProgressDisplay::note(const std::string& line) {
  const std::lock_guard lock(state_->mutex);
  state_->write((state_->style.live ? "\r\033[K" : "") + line + "\n");
}

std::string duration_text(double seconds) {
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} m {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} m", whole / 3600, whole / 60 % 60);
}

std::string bytes_text(double bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  for (; bytes >= 1023.5 && unit < 4; ++unit) bytes /= 1024;
  return bytes >= 9.95 || unit == 0 ? fmt::format("{:.0f} {}", bytes, units[unit]) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

}  // namespace cli
