// genrec recommend with the real program: what is to be left out, and requests on standard input.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>

#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/cli/program.h"

extern char** environ;

using nlohmann::json;
using tests::contains;

namespace {

using Words = std::vector<std::string>;

std::string succeed(Words arguments, const std::string& input = "") {
  arguments.push_back("--quiet");
  const tests::Outcome outcome = tests::run_program(arguments, input);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return outcome.out;
}

// The trained run `model` in `folder`, on its own 60 items in order.
std::string make_run(const tests::TemporaryFolder& folder, const std::string& model, const Words& options = {}) {
  const std::string data = folder / "data", run = folder / "run";
  succeed({"synth", "--ordered", "--out", data, "--users", "40", "--items", "60", "--max-interactions", "14"});
  Words train{"train", "--model", model, "--data", data, "--out", run};
  train.insert(train.end(), options.begin(), options.end());
  succeed(train);
  return run;
}

Words items_of(const json& answer) {
  Words items;
  for (const json& entry : answer["items"]) items.push_back(entry["item"]);
  return items;
}

std::string joined(const Words& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

bool share_items(const Words& a, const Words& b) { return std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end(); }

// The program while it runs, its standard input and output open.
class Conversation {
 public:
  explicit Conversation(Words words) {
    words.insert(words.begin(), GENREC_PROGRAM);
    words.push_back("--quiet");
    int in[2], out[2];
    REQUIRE(pipe(in) == 0);
    REQUIRE(pipe(out) == 0);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    for (const int end : {in[0], in[1], out[0], out[1]}) posix_spawn_file_actions_addclose(&actions, end);
    const int failed = posix_spawnp(&process_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]), close(out[1]);
    to_ = in[1], from_ = out[0];
    REQUIRE(failed == 0);
  }
  ~Conversation() {
    end();
    close(from_);
    waitpid(process_, nullptr, 0);
  }
  void say(const std::string& text) const { REQUIRE(write(to_, text.data(), text.size()) == static_cast<ssize_t>(text.size())); }
  // Whether the signal ends the program.
  bool ends_by(int signal) {
    kill(process_, signal);
    int status = 0;
    for (int tries = 0; tries < 2000; ++tries, usleep(5000)) {
      if (waitpid(process_, &status, WNOHANG) == process_) return WIFSIGNALED(status) && WTERMSIG(status) == signal;
    }
    return false;
  }
  void end() {
    if (to_ >= 0) close(to_);
    to_ = -1;
  }
  // The next line of the output; empty if none comes in time.
  std::string hear() {
    const auto latest = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (heard_.find('\n') == std::string::npos) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(latest - std::chrono::steady_clock::now());
      pollfd output{from_, POLLIN, 0};
      char some[4096];
      if (left.count() <= 0 || poll(&output, 1, static_cast<int>(left.count())) <= 0) return "";
      const ssize_t count = read(from_, some, sizeof some);
      if (count <= 0) return "";
      heard_.append(some, count);
    }
    const size_t end = heard_.find('\n') + 1;
    const std::string line = heard_.substr(0, end);
    heard_.erase(0, end);
    return line;
  }

 private:
  pid_t process_ = 0;
  int to_ = -1, from_ = -1;
  std::string heard_;
};

}  // namespace

TEST_CASE("what is to be left out is never listed, even where seen items are kept", "[cli][run][recommend]") {
  const std::string model = GENERATE("mmgrec", "tiger", "letter", "mql4grec", "macrec");
  INFO(model);
  const tests::TemporaryFolder folder;
  const bool one_width = model == "mmgrec";  // its beams are as many as the list is long
  const std::string run = make_run(
      folder, model,
      one_width ? Words{"--preset", "tiny", "--graph-epochs", "1", "--rq-epochs", "1", "--epochs", "1"}
                : Words{"--preset", "tiny", "--rq-epochs", "1", "--epochs", "1", "--rq-chain", "16", "--layers", "1", "--width", "16"});
  const std::string file = folder / "unwanted";
  for (const std::string how : {"none", "leaf", "trie"}) {
    INFO(how);
    const auto list = [&](const Words& history, int k, const Words& unwanted) {
      tests::write_text(file, joined(unwanted, "\n"));
      const std::string beam = one_width ? "" : ",beam=" + std::to_string(k);
      const std::string out = succeed({"recommend", run, "--history", joined(history, ","), "--k", std::to_string(k), "--exclude", file,
                                       "--json", "--set", "exclude-seen=" + how + beam});
      return items_of(json::parse(out));
    };
    const Words all = list({"i1", "i2", "i3"}, 60, {}), some = list({"i1", "i2", "i3"}, 60, {"i1", "i2", "i9"});
    CHECK(share_items(all, {"i1"}) == (how == "none"));
    CHECK(share_items(some, {"i3"}) == (how == "none"));
    CHECK_FALSE(share_items(some, {"i1", "i2", "i9"}));
    CHECK(all.size() == (how == "none" ? 60 : 57));
    CHECK(some.size() == (how == "none" ? 57 : 56));

    const Words best = list({"i1", "i2", "i3"}, 25, {}), next = list({"i1", "i2", "i3"}, 25, best);
    CHECK(best.size() == 25);
    CHECK(next.size() == 25);  // the beams are not spent on what is dropped in the end
    CHECK_FALSE(share_items(next, best));
  }
  const std::string options = one_width ? "exclude-seen=none" : "exclude-seen=none,beam=60";
  const std::string request = R"({"history": ["i1", "i2"], "exclude": ["i2", "i4"]})";
  const Words listed = items_of(json::parse(succeed({"recommend", run, "--k", "60", "--set", options}, request + "\n")));
  CHECK(listed.size() == 58);
  CHECK(share_items(listed, {"i1"}));
  CHECK_FALSE(share_items(listed, {"i2", "i4"}));
}

TEST_CASE("a request on standard input is answered before the next one comes", "[cli][run][recommend]") {
  const tests::TemporaryFolder folder;
  const std::string run = make_run(folder, "popularity");
  Conversation talk({"recommend", run, "--k", "2"});
  talk.say(R"({"id": 1, "user": "u1"})" "\n");
  CHECK(contains(talk.hear(), R"({"id":1,"user":"u1","items":)"));
  talk.say(R"({"id": 2, "user": "u2"})" "\n" R"({"id": 3, "user": "u3"})" "\n" R"({"id": 4, )");  // the last is not all there
  CHECK(contains(talk.hear(), R"("id":2)"));
  CHECK(contains(talk.hear(), R"("id":3)"));
  talk.say(R"("user": "u4"})" "\n");
  CHECK(contains(talk.hear(), R"("id":4)"));
  talk.say(R"({"id": 5, "user": "u5"})");  // no line break before the end
  talk.end();
  CHECK(contains(talk.hear(), R"("id":5)"));
  CHECK(talk.hear() == "");

  std::string many;
  for (int i = 0; i < 3000; ++i) many += R"({"id": )" + std::to_string(i) + R"(, "history": ["i1"]})" + "\n";
  const std::string answers = succeed({"recommend", run, "--k", "1"}, many);
  CHECK(std::count(answers.begin(), answers.end(), '\n') == 3000);
  CHECK(contains(answers.substr(answers.rfind("{\"id\"")), "{\"id\":2999,"));
}

TEST_CASE("a command that has nothing to save ends at the first signal", "[cli][run][recommend]") {
  const tests::TemporaryFolder folder;
  const std::string run = make_run(folder, "popularity");
  for (const int signal : {SIGINT, SIGTERM}) {
    Conversation talk({"recommend", run});
    talk.say(R"({"user": "u1"})" "\n");
    REQUIRE(talk.hear() != "");
    CHECK(talk.ends_by(signal));
  }
}

TEST_CASE("a request that cannot be read is answered with what is wrong and what it should look like", "[cli][run][recommend]") {
  const tests::TemporaryFolder folder;
  const std::string run = make_run(folder, "popularity");
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"nonsense", "the line is not JSON, see its character 2; "},
      {R"({"user": "u1")", "the line is not JSON, see its character 14; "},
      {R"({"id": 1e999, "user": "u1"})", "the line holds a number that is too large; "},
      {R"(["u1"])", "the line is no JSON object; "},
      {R"({"user": 7})", "\"user\" holds a number where an id in quotes belongs; "},
      {R"({"history": "i1"})", "\"history\" is a string, no list of ids; "},
      {R"({"history": ["i1", null]})", "\"history\" holds a null where an id in quotes belongs; "},
      {R"({"user": "u1", "exclude": [3]})", "\"exclude\" holds a number where an id in quotes belongs; "},
      {R"({"user": "u1", "k": 3})", "unknown key 'k'; "},
      {R"({"id": 4})", "give either \"user\" or \"history\"; "}};
  for (const auto& [line, message] : wrong) {
    INFO(line);
    const std::string error = json::parse(succeed({"recommend", run}, line + "\n"))["error"];
    CHECK(contains(error, message + R"(a request looks like {"user": "u7"} or {"history": ["i3", "i9"]})"));
    CHECK_FALSE(contains(error, "json.exception"));
    CHECK_FALSE(contains(error, "\n"));
  }
}
