// The command line of the real program: help, unknown names, configuration files, exit codes, completion.
#include <cstdlib>
#include <filesystem>

#include "cli/program.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

using tests::contains;
using tests::run_program;

namespace {

std::vector<std::string> words_of(const std::string& name) {
  const size_t space = name.find(' ');
  if (space == std::string::npos) return {name};
  return {name.substr(0, space), name.substr(space + 1)};
}

}  // namespace

TEST_CASE("every command has a help text with all of its options", "[cli]") {
  const tests::Outcome root = run_program({"--help"});
  CHECK(root.exit_code == 0);
  CHECK(root.err.empty());
  for (const auto& command : cli::all_commands()) {
    INFO(command->name());
    std::vector<std::string> arguments = words_of(command->name());
    CHECK(contains(root.out, "  " + arguments.front()));
    arguments.push_back("--help");
    const tests::Outcome help = run_program(arguments);
    CHECK(help.exit_code == 0);
    CHECK(help.err.empty());
    CHECK(contains(help.out, "Usage: genrec " + command->name()));
    for (const char* name : {"seed", "threads", "device", "isa", "memory-limit", "quiet", "config", "dump-config", "help"})
      CHECK(contains(help.out, std::string("\n  --") + name));
    for (const auto& option : command->options().options()) {
      if (!option->is_positional()) CHECK(contains(help.out, "\n  --" + option->name()));
      CHECK_FALSE(option->help().empty());
    }
  }
}

TEST_CASE("every command dumps its options and reads them back", "[cli]") {
  const tests::TemporaryFolder folder;
  for (const auto& command : cli::all_commands()) {
    INFO(command->name());
    std::vector<std::string> arguments = words_of(command->name());
    arguments.push_back("--dump-config");
    const tests::Outcome first = run_program(arguments);
    REQUIRE(first.exit_code == 0);
    const std::string file = folder / "a.toml", origin = "  # " + file;
    tests::write_text(file, first.out);
    arguments.insert(arguments.end(), {"--config", file});
    const tests::Outcome second = run_program(arguments);
    INFO(second.err);
    CHECK(second.exit_code == 0);
    std::string without_origins;  // the second dump says where each value came from
    for (size_t begin = 0, end; begin < second.out.size(); begin = end + 1) {
      end = second.out.find('\n', begin);
      std::string line = second.out.substr(begin, end - begin);
      if (line.ends_with(origin)) line.resize(line.size() - origin.size());
      without_origins += line + "\n";
    }
    CHECK(without_origins == first.out);
  }
}

TEST_CASE("usage errors exit with 2 and name what is nearest", "[cli]") {
  const auto error = [](const std::vector<std::string>& arguments) {
    const tests::Outcome outcome = run_program(arguments);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out.empty());
    return outcome.err;
  };
  CHECK(error({}) == "genrec: genrec: a command is missing; `genrec --help` lists them\n");
  CHECK(error({"selftset"}) == "genrec: 'selftset': unknown command; did you mean 'selftest'?\n");
  CHECK(error({"qqqqqqqq"}) == "genrec: 'qqqqqqqq': unknown command; `genrec --help` lists them\n");
  CHECK(error({"--verbose"}) == "genrec: --verbose: unknown option; `genrec --help` lists what there is\n");
  CHECK(error({"selftest", "--filtr", "x"}) == "genrec: --filtr: unknown option; did you mean '--filter'?\n");
  CHECK(error({"selftest", "--filtr=x"}) == "genrec: --filtr=x: unknown option; did you mean '--filter'?\n");
  CHECK(error({"selftest", "-s"}) == "genrec: -s: unknown option; `genrec selftest --help` lists what there is\n");
  CHECK(error({"selftest", "now"}) == "genrec: 'now': unexpected argument; `genrec selftest --help` says what is taken\n");
  CHECK(contains(error({"selftest", "--seed"}), "--seed: 1 required INT missing"));
  CHECK(error({"selftest", "--seed", "1", "--seed", "2"}) == "genrec: --seed: given 2 times; give it once\n");
  CHECK(error({"selftest", "--seed", "abc"}) == "genrec: --seed: 'abc' is not a whole number; give a whole number from 0 to 2^63 - 1\n");
  CHECK(error({"selftest", "--seed", "9223372036854775808"}) ==
        "genrec: --seed: '9223372036854775808' is too large for this option; give a whole number from 0 to 2^63 - 1\n");
  CHECK(error({"selftest", "--seed", "-1"}) == "genrec: --seed: -1 is out of range; give a whole number from 0 to 2^63 - 1\n");
  CHECK(error({"train", "--model", "mmgrec", "--width", "33", "--dry-run"}) ==
        "genrec: --width: 33 is odd; give a whole number from 2 to 4096, even\n");
  CHECK(error({"train", "--model", "macrec", "--modalities", "textual,textual"}) ==
        "genrec: --modalities: 'textual' stands twice; name it once\n");
  CHECK(error({"selftest", "--device", "quantum"}) == "genrec: --device: 'quantum' is not known; give one of auto, cpu, cuda\n");
  CHECK(error({"selftest", "--threads", "-1"}) == "genrec: --threads: -1 is out of range; give a whole number from 0 to 1024\n");
  CHECK(error({"selftest", "--memory-limit", "4Q"}) ==
        "genrec: --memory-limit: '4Q' is not an amount of memory; give a number of bytes, or one with K, M, G or T\n");
  CHECK(error({"completion"}) == "genrec: shell: this is required; give bash|zsh|fish\n");
}

TEST_CASE("configuration errors exit with 78 and name the place", "[cli]") {
  const tests::TemporaryFolder folder;
  const std::string file = folder / "run.toml";
  const auto error = [&](const std::string& text) {
    tests::write_text(file, text);
    const tests::Outcome outcome = run_program({"selftest", "--dump-config", "--config", file});
    CHECK(outcome.exit_code == 78);
    CHECK(outcome.out.empty());
    return outcome.err;
  };
  CHECK(error("[selftest]\nfiltre = \"x\"\n") ==
        "genrec: " + file + ":2:1: filtre: unknown key of [selftest]; did you mean 'filter'?\n");
  CHECK(error("[selftset]\n") == "genrec: " + file + ":1:2: [selftset] is no command; did you mean 'selftest'?\n");
  CHECK(error("sed = 3\n") == "genrec: " + file + ":1:1: sed: unknown key; did you mean 'seed'?\n");
  CHECK(error("filter = \"x\"\n") ==
        "genrec: " + file + ":1:1: filter: this option belongs to a command; write it below [selftest]\n");
  CHECK(error("\n  threads = 5000\n") ==
        "genrec: " + file + ":2:3: threads: 5000 is out of range; give a whole number from 0 to 1024\n");
  CHECK(error("config = \"b.toml\"\n") ==
        "genrec: " + file + ":1:1: config: cannot stand in a file; give --config on the command line\n");
  CHECK(contains(error("seed = 1979-05-27\n"), file + ":1:1: seed: a value of this kind has no use here"));
  CHECK(contains(error("[completion]\nseed = \"x\"\n"), file + ":2:1: seed: 'x' is not a whole number"));
  const std::string broken = error("[selftest]\nfilter = \"x\n");
  CHECK(contains(broken, file + ":2:"));
  CHECK(contains(broken, "correct the TOML"));
  CHECK(contains(error("seed = 1\nseed = 2\n"), file + ":2:"));
}

TEST_CASE("the command line wins over the section, the section over what stands above it", "[cli]") {
  const tests::TemporaryFolder folder;
  const std::string file = folder / "run.toml";
  tests::write_text(file, "seed = 5\nthreads = 3\nisa = 'generic'\n[selftest]\nseed = 6\nisa = 'avx2'\n[completion]\nseed = 9\n");
  const tests::Outcome outcome = run_program({"selftest", "--isa", "auto", "--dump-config", "--config", file});
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.out, "\n[selftest]\n"));
  CHECK(contains(outcome.out, "\nseed = 6  # " + file + "\n"));
  CHECK(contains(outcome.out, "\nthreads = 3  # " + file + "\n"));
  CHECK(contains(outcome.out, "\nisa = \"auto\"  # command line\n"));
}

TEST_CASE("a configuration file that is not there exits with 66", "[cli]") {
  const tests::Outcome outcome = run_program({"selftest", "--config", "/nowhere/run.toml"});
  CHECK(outcome.exit_code == 66);
  CHECK(outcome.err == "genrec: --config: cannot open /nowhere/run.toml; give an existing TOML file\n");
}

TEST_CASE("the largest seed is that of TOML's integers", "[cli]") {
  const tests::TemporaryFolder folder;
  const std::string largest = "9223372036854775807", data = folder / "data", run = folder / "run";
  REQUIRE(run_program({"synth", "--out", data, "--users", "60", "--items", "80", "--quiet"}).exit_code == 0);
  REQUIRE(run_program({"train", "--model", "popularity", "--data", data, "--out", run, "--seed", largest}).exit_code == 0);
  CHECK(run_program({"evaluate", run}).exit_code == 0);
}

TEST_CASE("a path that cannot be followed exits with 74", "[cli]") {
  const tests::TemporaryFolder folder;
  const std::string loop = folder / "loop";  // permissions would not do: they bind no administrator
  std::filesystem::create_symlink("loop", loop);
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"evaluate", loop}, {"check", loop}, {"inspect", loop}, {"inspect", folder / "."}, {"ids", "report", loop}}) {
    const tests::Outcome outcome = run_program(arguments);
    INFO(arguments[0] << ": " << outcome.err);
    CHECK(outcome.exit_code == 74);
    CHECK(contains(outcome.err, "loop"));
    CHECK(outcome.err.ends_with(": cannot be opened: Too many levels of symbolic links; check the path and its permissions\n"));
  }
}

TEST_CASE("identifiers that are not there are named", "[cli]") {
  const tests::TemporaryFolder folder;
  const std::string none = folder / "none";
  const tests::Outcome missing = run_program({"ids", "report", none});
  CHECK(missing.exit_code == 66);
  CHECK(missing.err == "genrec: " + none + ": is not there; give a run or a file of identifiers\n");
  const std::string empty = folder / "empty";
  std::filesystem::create_directory(empty);
  const tests::Outcome no_run = run_program({"ids", "report", empty});
  CHECK(no_run.exit_code == 66);
  CHECK(no_run.err == "genrec: " + empty +
                          ": is not the folder of a run (it has no config.toml); give a run or a file of identifiers\n");
}

TEST_CASE("the version is one line", "[cli]") {
  const tests::Outcome outcome = run_program({"--version"});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out.starts_with("genrec "));
  CHECK(std::count(outcome.out.begin(), outcome.out.end(), '\n') == 1);
}

TEST_CASE("selftest checks the gradients and reports", "[cli]") {
  const tests::Outcome text = run_program({"selftest", "--filter", "multiply"});
  CHECK(text.exit_code == 0);
  CHECK(contains(text.out, "gradients: "));
  CHECK(contains(text.out, " 0 failures\n"));
  const tests::Outcome json = run_program({"selftest", "--filter", "multiply", "--json"});
  CHECK(json.exit_code == 0);
  CHECK(contains(json.out, "\"failures\": []"));
  const tests::Outcome none = run_program({"selftest", "--filter", "no-such-operation"});
  CHECK(none.exit_code == 2);
  CHECK(none.out.empty());
  CHECK(contains(none.err, "genrec: --filter: no operation has 'no-such-operation' in its name; leave it out to check all\n"));
}

TEST_CASE("completion scripts are valid and know the commands", "[cli]") {
  const tests::TemporaryFolder folder;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const tests::Outcome outcome = run_program({"completion", shell});
    CHECK(outcome.exit_code == 0);
    for (const auto& command : cli::all_commands()) CHECK(contains(outcome.out, words_of(command->name()).back()));
    tests::write_text(folder / shell, outcome.out);
  }
  const std::string script = folder / "bash", words = folder / "words";
  CHECK(std::system(("bash -n " + script).c_str()) == 0);
  const std::string complete = "bash -c '. " + script +
                               "; COMP_WORDS=(genrec selftest --fil); COMP_CWORD=2; _genrec; echo \"${COMPREPLY[@]}\"' > " + words;
  CHECK(std::system(complete.c_str()) == 0);
  CHECK(tests::read_text(words) == "--filter\n");
}

TEST_CASE("a result that cannot be written exits with 74", "[cli]") {
  const std::string command = std::string(GENREC_PROGRAM) + " --help > /dev/full 2> /dev/null";
  const int status = std::system(command.c_str());
  CHECK(WEXITSTATUS(status) == 74);
}

TEST_CASE("amounts of memory", "[cli]") {
  CHECK(cli::parse_bytes("0", "x") == 0);
  CHECK(cli::parse_bytes("1000000", "x") == 1000000);
  CHECK(cli::parse_bytes("512M", "x") == 512 * 1024 * 1024);
  CHECK(cli::parse_bytes("1.5G", "x") == 1536LL * 1024 * 1024);
  CHECK(cli::parse_bytes("2T", "x") == 2LL << 40);
  for (const char* bad : {"", "G", "-1", "4GB", "1e99", "nan"})
    CHECK(contains(tests::error_of([&] { cli::parse_bytes(bad, "--memory-limit"); }), "is not an amount of memory"));
}
