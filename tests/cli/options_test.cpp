// The option table: values, ranges, choices, bundles, messages, and the TOML text.
#include "genrec/options.h"
#include "tests/catch.h"

using genrec::Assignment;
using genrec::OptionTable;
using tests::error_of;

namespace {

enum class Split { ratio, leave_one_out };

struct Fields {
  bool shuffle = true;
  int epochs = 20;
  int64_t users = 5'000'000'000;
  uint64_t seed = 18446744073709551615u;
  float rate = 0.1f;
  double decay = 1e-5;
  std::string model = "mmgrec", path;
  std::vector<int> sizes{128, 64};
  std::vector<std::string> features;
  Split split = Split::leave_one_out;
  std::string preset = "none";
};

void describe(OptionTable& table, Fields& f) {
  table.add("shuffle", f.shuffle, "Shuffle");
  table.add("epochs", f.epochs, "Passes over the data").range(1, 1000);
  table.add("users", f.users, "Users");
  table.add("seed", f.seed, "Seed");
  table.group("Training");
  table.add("rate", f.rate, "Step size").range(0, 1);
  table.add("decay", f.decay, "Weight decay").range(0, 1e18);
  table.add("model", f.model, "Model").choices({"mmgrec", "lightgcn"});
  table.add("path", f.path, "Folder").value_name("DIR").required();
  table.add("sizes", f.sizes, "Widths").range(1, 4096);
  table.add("features", f.features, "Features");
  table.add("split", f.split, "Split", {{"ratio", Split::ratio}, {"leave-one-out", Split::leave_one_out}});
  table.add("preset", f.preset, "Preset").bundle("none", {}).bundle("tiny", {{"epochs", "2"}, {"sizes", "16,8"}});
}

struct Described : Fields {
  OptionTable table;
  Described() { describe(table, *this); }
};

}  // namespace

TEST_CASE("options keep the field's value as their default", "[options]") {
  Described d;
  CHECK(d.table.options().size() == 12);
  CHECK(d.table.find("rate")->default_text() == "0.1");
  CHECK(d.table.find("rate")->group() == "Training");
  CHECK(d.table.find("users")->default_text() == "5000000000");
  CHECK(d.table.find("sizes")->default_text() == "128,64");
  CHECK(d.table.find("split")->default_text() == "leave-one-out");
  CHECK(d.table.find("split")->value_name() == "ratio|leave-one-out");
  CHECK(d.table.find("epochs")->expectation() == "a whole number from 1 to 1000");
  CHECK(d.table.find("decay")->expectation() == "a number from 0");
  CHECK(d.table.find("nothing") == nullptr);
}

TEST_CASE("options are set from text", "[options]") {
  Described d;
  d.table.set("shuffle", "false");
  d.table.set("epochs", "7");
  d.table.set("rate", "1e-3");
  d.table.set("sizes", "8");
  d.table.set("features", "a=x.npy,b=y.npy");
  d.table.set("split", "ratio");
  CHECK_FALSE(d.shuffle);
  CHECK(d.epochs == 7);
  CHECK(d.rate == 1e-3f);
  CHECK(d.sizes == std::vector<int>{8});
  CHECK(d.features == std::vector<std::string>{"a=x.npy", "b=y.npy"});
  CHECK(d.split == Split::ratio);
  d.table.set("features", "");
  CHECK(d.features.empty());
}

TEST_CASE("a bad value is refused with what was expected and nothing changes", "[options]") {
  Described d;
  CHECK(error_of([&] { d.table.set("epochs", "abc"); }) ==
        "--epochs: 'abc' is not a whole number; give a whole number from 1 to 1000");
  CHECK(error_of([&] { d.table.set("epochs", "0"); }) == "--epochs: 0 is out of range; give a whole number from 1 to 1000");
  CHECK(error_of([&] { d.table.set("epochs", "2.5"); }) ==
        "--epochs: '2.5' is not a whole number; give a whole number from 1 to 1000");
  CHECK(error_of([&] { d.table.set("epochs", "99999999999"); }) ==
        "--epochs: '99999999999' is too large for this option; give a whole number from 1 to 1000");
  CHECK(error_of([&] { d.table.set("epochs", ""); }) == "--epochs: '' is not a whole number; give a whole number from 1 to 1000");
  CHECK(error_of([&] { d.table.set("seed", "-1"); }) == "--seed: '-1' is not a whole number; give a whole number");
  CHECK(error_of([&] { d.table.set("rate", "nan"); }) == "--rate: 'nan' is not finite; give a number from 0 to 1");
  CHECK(error_of([&] { d.table.set("rate", "0.1x"); }) == "--rate: '0.1x' is not a number; give a number from 0 to 1");
  CHECK(error_of([&] { d.table.set("shuffle", "yes"); }) == "--shuffle: 'yes' is not true or false; give one of the two");
  CHECK(error_of([&] { d.table.set("sizes", "8,9999"); }) ==
        "--sizes: 9999 is out of range; give whole numbers separated by commas from 1 to 4096");
  CHECK(error_of([&] { d.table.set("model", "lightgnc"); }) ==
        "--model: 'lightgnc' is not known; did you mean 'lightgcn'? give one of mmgrec, lightgcn");
  CHECK(error_of([&] { d.table.set("split", "time"); }) == "--split: 'time' is not known; give one of ratio, leave-one-out");
  CHECK(error_of([&] { d.table.set("epoch", "1"); }) == "--epoch: unknown option; did you mean 'epochs'?");
  CHECK(error_of([&] { d.table.set("zzzzzz", "1"); }) == "--zzzzzz: unknown option; --help lists what there is");
  CHECK(d.epochs == 20);
  CHECK(d.sizes == std::vector<int>{128, 64});
}

TEST_CASE("a range may be of even numbers or end with TOML's integers, and a list hold no name twice", "[options]") {
  int width = 2;
  int64_t seed = 1;
  std::vector<std::string> names;
  OptionTable table;
  table.add("width", width, "Width").range(2, 64).even();
  table.add("seed", seed, "Seed").range(0, genrec::kLargestInteger);
  table.add("names", names, "Names").distinct();
  CHECK(error_of([&] { table.set("width", "7"); }) == "--width: 7 is odd; give a whole number from 2 to 64, even");
  CHECK(error_of([&] { table.set("names", "a,b,a"); }) == "--names: 'a' stands twice; name it once");
  CHECK(error_of([&] { table.set("seed", "9223372036854775808"); }) ==
        "--seed: '9223372036854775808' is too large for this option; give a whole number from 0 to 2^63 - 1");
  table.set("seed", "9223372036854775807");
  CHECK(seed == INT64_MAX);
  table.set("width", "8");
  table.set("names", "a,b");
  CHECK(width == 8);
  CHECK(names.size() == 2);
}

TEST_CASE("a required option must be given", "[options]") {
  Described d;
  CHECK(error_of([&] { d.table.require_given(); }) == "--path: this is required; give --path DIR");
  d.table.set("path", "here");
  CHECK(error_of([&] { d.table.require_given(); }).empty());
}

TEST_CASE("a bundle sets others, and each can still be set on its own", "[options]") {
  Described d;
  d.table.apply({{"epochs", "5", "--epochs", "command line"}, {"preset", "tiny", "--preset", "command line"}});
  CHECK(d.epochs == 5);
  CHECK(d.sizes == std::vector<int>{16, 8});
  CHECK(d.table.find("sizes")->origin() == "preset tiny");
  CHECK(d.table.find("epochs")->origin() == "command line");

  Described other;  // the last assignment of the bundle's option counts
  other.table.apply({{"preset", "tiny", "run.toml:1:1: preset", "run.toml"}, {"preset", "none", "--preset", "command line"}});
  CHECK(other.epochs == 20);
  CHECK(other.preset == "none");
}

TEST_CASE("options are written as TOML", "[options]") {
  Described d;
  d.table.apply({{"preset", "tiny", "--preset", "command line"}, {"path", "a \"b\"\\c\n", "--path", "command line"},
                 {"features", "x,y", "--features", "command line"}, {"rate", "1", "--rate", "command line"}});
  CHECK(d.table.toml() ==
        "shuffle = true\n"
        "epochs = 2  # preset tiny\n"
        "users = 5000000000\n"
        "seed = \"18446744073709551615\"\n"
        "rate = 1.0  # command line\n"
        "decay = 1e-05\n"
        "model = \"mmgrec\"\n"
        "path = \"a \\\"b\\\"\\\\c\\u000A\"  # command line\n"
        "sizes = [16, 8]  # preset tiny\n"
        "features = [\"x\", \"y\"]  # command line\n"
        "split = \"leave-one-out\"\n"
        "preset = \"tiny\"  # command line\n");
  CHECK(d.table.toml(false).find('#') == std::string::npos);
}

TEST_CASE("an option is declared once", "[options]") {
  Described d;
  int other = 0;
  CHECK(error_of([&] { d.table.add("epochs", other, "again"); }).find("option epochs is declared twice") != std::string::npos);
}

TEST_CASE("the differences of two tables", "[options]") {
  Described one, other;
  other.table.set("epochs", "3");
  other.table.set("sizes", "4,5");
  using Settings = std::vector<std::pair<std::string, std::string>>;
  CHECK(genrec::differences(one.table, other.table) == Settings{{"epochs", "3"}, {"sizes", "4,5"}});
}

TEST_CASE("nearest names", "[options]") {
  CHECK(genrec::nearest_name("tain", {"import", "train", "check"}) == "train");
  CHECK(genrec::nearest_name("evaluat", {"export", "evaluate"}) == "evaluate");
  CHECK(genrec::nearest_name("xyz", {"import", "train"}) == "");
  CHECK(genrec::nearest_name("k", {"ab", "cd"}) == "");
  CHECK(genrec::nearest_name("", {"ab"}) == "");
}
