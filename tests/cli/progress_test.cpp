// The progress display: what it writes, when, and how durations and amounts are shown.
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "cli/progress.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

using tests::contains;

namespace {

// What a display of this style writes while `act` runs.
template <class Act>
std::string shown(cli::ProgressStyle style, Act&& act) {
  const tests::TemporaryFolder folder;
  const int file = open((folder / "log").c_str(), O_WRONLY | O_CREAT, 0600);
  {
    cli::ProgressDisplay display(style, file);
    act(display);
  }
  close(file);
  return tests::read_text(folder / "log");
}

void work(cli::ProgressDisplay& display, int milliseconds, int64_t done = 0) {
  display.begin("graph", 10, done);
  const genrec::Field fields[] = {{"loss", 0.25}, {"bpr", 0.5}};
  display.update(4, fields);
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  display.end();
}

}  // namespace

TEST_CASE("progress prints lines with steps, losses, memory and time left", "[progress]") {
  cli::ProgressStyle style;
  style.first_seconds = 0.01;
  const std::string text = shown(style, [](auto& display) { work(display, 300); });
  CHECK(contains(text, "graph  4/10 (40%)"));
  CHECK(contains(text, "  loss 0.25  bpr 0.5  "));
  CHECK(contains(text, "iB  "));
  CHECK(contains(text, " left\n"));
  CHECK_FALSE(contains(text, "\033"));
  CHECK_FALSE(contains(text, "\r"));
}

TEST_CASE("the rate of a stage that goes on is that of this run", "[progress]") {
  cli::ProgressStyle style;
  style.first_seconds = 0.01;
  const std::string text = shown(style, [](auto& display) { work(display, 500, 4); });
  CHECK(contains(text, "graph  4/10 (40%)  0/s"));
  CHECK_FALSE(contains(text, " left"));
}

TEST_CASE("a short stage stays silent, a note does not", "[progress]") {
  const std::string text = shown({}, [](auto& display) {
    work(display, 0);
    display.note("codebook 2: 3 dead codes revived");
  });
  CHECK(text == "codebook 2: 3 dead codes revived\n");
}

TEST_CASE("a stage that is divided leaves the word to its parts", "[progress]") {
  cli::ProgressStyle style;
  style.first_seconds = 0.01;
  const std::string text = shown(style, [](auto& display) {
    display.begin("train", 0, 0);
    work(display, 300);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    display.end();
  });
  CHECK(contains(text, "graph"));
  CHECK_FALSE(contains(text, "train"));
}

TEST_CASE("a terminal gets one line that is rewritten", "[progress]") {
  cli::ProgressStyle style;
  style.live = true;
  const std::string text = shown(style, [](auto& display) { work(display, 700); });
  CHECK(contains(text, "\r\033[Kgraph  4/10"));
  CHECK_FALSE(contains(text, "\033[2m"));
  style.colour = true;
  CHECK(contains(shown(style, [](auto& display) { work(display, 700); }), "\033[2m"));
}

TEST_CASE("durations and amounts", "[progress]") {
  CHECK(cli::duration_text(0.44) == "0.4 s");
  CHECK(cli::duration_text(9.97) == "10 s");
  CHECK(cli::duration_text(59.6) == "1 m 00 s");
  CHECK(cli::duration_text(200) == "3 m 20 s");
  CHECK(cli::duration_text(7500) == "2 h 05 m");
  CHECK(cli::bytes_text(512) == "512 B");
  CHECK(cli::bytes_text(1536) == "1.5 KiB");
  CHECK(cli::bytes_text(13.0 * 1024 * 1024 * 1024) == "13 GiB");
}
