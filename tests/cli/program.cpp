#include "tests/cli/program.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/catch.h"

extern char** environ;

namespace tests {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

namespace {

// A started program. Through files: no pipe can fill up and block.
class Child {
 public:
  Child(std::vector<std::string> words, const std::string& input) {
    write_text(folder_ / "in", input);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, (folder_ / "in").c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, (folder_ / "out").c_str(), O_WRONLY | O_CREAT, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, (folder_ / "err").c_str(), O_WRONLY | O_CREAT, 0600);
    const int failed = posix_spawnp(&process_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) throw std::runtime_error("cannot start " + words[0]);
  }

  void signal(int number) const { kill(process_, number); }

  Outcome wait() const {
    int status = 0;
    waitpid(process_, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(folder_ / "out"),
            read_text(folder_ / "err")};
  }

 private:
  TemporaryFolder folder_;
  pid_t process_ = 0;
};

std::vector<std::string> genrec_words(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{GENREC_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

}  // namespace

Outcome run_command(const std::vector<std::string>& words, const std::string& input) { return Child(words, input).wait(); }

Outcome run_program(const std::vector<std::string>& arguments, const std::string& input) {
  return run_command(genrec_words(arguments), input);
}

Outcome run_and_signal(const std::vector<std::string>& arguments, int signal, const std::string& file, int lines) {
  const auto written = [&] {
    const std::string text = std::filesystem::exists(file) ? read_text(file) : "";
    return std::count(text.begin(), text.end(), '\n');
  };
  const Child child(genrec_words(arguments), "");
  for (int tries = 0; tries < 6000 && written() < lines; ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  child.signal(signal);
  return child.wait();
}

}  // namespace tests
