// Runs the real program, genrec, and keeps what it wrote and how it ended.
#pragma once

#include <string>
#include <vector>

namespace tests {

struct Outcome {
  int exit_code = -1;  // 128 + signal if a signal ended it
  std::string out, err;
};

// Runs genrec with these arguments; `input` is its standard input.
Outcome run_program(const std::vector<std::string>& arguments, const std::string& input = "");

// The same with another program: its path, then the arguments.
Outcome run_command(const std::vector<std::string>& words, const std::string& input = "");

// The same, but sends a signal as soon as `file` holds so many lines (or the program ends before).
Outcome run_and_signal(const std::vector<std::string>& arguments, int signal, const std::string& file, int lines);

std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& text);
bool contains(const std::string& text, const std::string& part);

}  // namespace tests
