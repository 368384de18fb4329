// Progress reaches the sink that was set, and a request to stop is seen and named.
#include <csignal>
#include <vector>

#include "genrec/interrupt.h"
#include "genrec/log.h"
#include "tests/catch.h"

namespace {

struct Collector : genrec::Progress {
  std::vector<std::string> lines;
  void begin(const std::string& stage, int64_t total, int64_t done) override {
    lines.push_back("begin " + stage + " " + std::to_string(total) + " " + std::to_string(done));
  }
  void update(int64_t step, std::span<const genrec::Field> fields) override {
    std::string line = "update " + std::to_string(step);
    for (const genrec::Field& field : fields) line += " " + std::string(field.name);
    lines.push_back(line);
  }
  void end() override { lines.push_back("end"); }
  void note(const std::string& line) override { lines.push_back("note " + line); }
};

}  // namespace

TEST_CASE("progress goes to the sink, and nowhere without one", "[log]") {
  Collector collector;
  genrec::Progress* before = &genrec::progress();
  genrec::set_progress(&collector);
  {
    genrec::Stage stage("bpr", 3);
    stage.update(1, {{"loss", 0.5}, {"norm", 1}});
    genrec::note("two codes revived");
  }
  genrec::set_progress(nullptr);
  CHECK(collector.lines == std::vector<std::string>{"begin bpr 3 0", "update 1 loss norm", "note two codes revived", "end"});
  genrec::Stage("ignored").update(1);
  CHECK(collector.lines.size() == 4);
  CHECK(&genrec::progress() == before);
}

TEST_CASE("an interrupt is seen, named and cleared", "[log]") {
  CHECK_FALSE(genrec::interrupted());
  genrec::request_interrupt(SIGTERM);
  CHECK(genrec::interrupted());
  try {
    genrec::raise_interrupted("train", "go on with --resume RUN");
  } catch (const tensor::Error& error) {
    CHECK(error.exit_code() == 75);
    CHECK(std::string(error.what()) == "train: stopped by SIGTERM; go on with --resume RUN");
  }
  genrec::clear_interrupt();
  CHECK_FALSE(genrec::interrupted());
}
