// From a data set to recommendations with the real program: train, evaluate, compare, recommend, ids.
#include <csignal>
#include <nlohmann/json.hpp>

#include "genrec/metrics.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

using nlohmann::json;
using tests::contains;
using tests::run_program;

namespace {

using Words = std::vector<std::string>;

tests::Outcome succeed(const Words& arguments, const std::string& input = "") {
  const tests::Outcome outcome = run_program(arguments, input);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return outcome;
}

std::string error_of(int exit_code, const Words& arguments) {
  const tests::Outcome outcome = run_program(arguments);
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out.empty());
  return outcome.err;
}

// A small data set in `folder`, with titles of its own.
std::string make_data(const tests::TemporaryFolder& folder) {
  const std::string data = folder / "data";
  succeed({"synth", "--out", data, "--users", "60", "--items", "80", "--seed", "5", "--quiet"});
  return data;
}

const Words kBriefMmgrec{"--preset",    "tiny", "--graph-epochs", "2",  "--rq-epochs",   "2", "--epochs", "2",
                         "--width",     "16",   "--rq-hidden",    "12", "--feed-forward", "16", "--codes",  "8",
                         "--rq-latent", "4"};

Words joined(Words first, const Words& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

TEST_CASE("popularity and a factorisation are trained, evaluated and compared", "[cli][run]") {
  const tests::TemporaryFolder folder;
  const std::string data = make_data(folder), pop = folder / "popularity", mf = folder / "mf";
  CHECK(contains(error_of(66, {"evaluate", pop}), "is not the folder of a run"));
  succeed({"train", "--model", "popularity", "--data", data, "--out", pop});
  const tests::Outcome trained =
      succeed({"train", "--model", "mf", "--data", data, "--out", mf, "--epochs", "3", "--width", "8", "--seeds", "2", "--json"});
  CHECK(json::parse(trained.out)["runs"].size() == 2);
  CHECK(json::parse(trained.out)["runs"][1]["seed"] == 2);
  CHECK(contains(error_of(2, {"train", "--model", "popularity", "--data", data, "--out", pop}), "holds a run already"));
  const Words many{"train", "--model", "popularity", "--data", data, "--out", folder / "many", "--seed", "9223372036854775807"};
  CHECK(error_of(2, joined(many, {"--seeds", "2"})).ends_with("give at most 9223372036854775806\n"));
  CHECK_FALSE(std::filesystem::exists(folder / "many"));

  CHECK(contains(error_of(66, {"compare", pop, mf}), "was not evaluated on test; run `genrec evaluate "));
  const json measured = json::parse(succeed({"evaluate", pop, "--k", "5,10", "--json"}).out);
  const double recall = measured["runs"][0]["metrics"]["Recall@10"];
  CHECK(recall > 0);
  CHECK(recall <= 1);
  CHECK(measured["runs"][0]["metrics"].contains("NDCG@5"));
  const std::string both = succeed({"evaluate", mf, "--k", "5,10"}).out;
  CHECK(contains(both, "seed-1"));
  CHECK(contains(both, "deviation"));
  const std::string table = succeed({"compare", pop, mf, "--metrics", "Recall@10"}).out;
  CHECK(contains(table, "popularity"));
  CHECK(contains(table, "The oracle that planted the structure"));
  CHECK(json::parse(succeed({"compare", pop, mf, "--json"}).out).is_object());
}

TEST_CASE("no run is evaluated on other data, and only what was evaluated alike is compared", "[cli][run]") {
  const tests::TemporaryFolder folder;
  const std::string data = make_data(folder), other = folder / "other", pop = folder / "pop", knn = folder / "knn", mf = folder / "mf";
  succeed({"synth", "--out", other, "--users", "60", "--items", "80", "--seed", "6", "--quiet"});
  succeed({"train", "--model", "popularity", "--data", data, "--out", pop, "--quiet"});
  succeed({"train", "--model", "itemknn", "--data", other, "--out", knn, "--quiet"});
  succeed({"train", "--model", "mf", "--data", data, "--out", mf, "--epochs", "1", "--quiet"});
  succeed({"evaluate", pop, "--quiet"});
  const std::string saved = tests::read_text(pop + "/evaluation-test.safetensors");
  CHECK(contains(error_of(65, {"evaluate", pop, "--data", other, "--quiet"}), "pop: was made from other data ("));
  CHECK(tests::read_text(pop + "/evaluation-test.safetensors") == saved);
  CHECK(contains(error_of(65, {"evaluate", knn, "--data", data, "--quiet"}), "; use the data that the run was trained on\n"));
  CHECK(contains(error_of(65, {"evaluate", mf, "--data", other, "--quiet"}), "was made from other data"));

  succeed({"evaluate", knn, "--quiet"});
  const std::string different = error_of(65, {"compare", pop, knn, "--quiet"});
  CHECK(contains(different, "compare: 'pop' and 'knn' were evaluated with different data, "));
  CHECK(different.ends_with("; evaluate both alike\n"));
  CHECK(json::parse(succeed({"evaluate", mf, "--seen", "keep", "--json", "--quiet"}).out)["seen"] == "keep");
  CHECK(contains(error_of(65, {"compare", pop, mf, "--quiet"}), "'pop' and 'mf' were evaluated with different seen, drop and keep"));
  succeed({"evaluate", mf, "--quiet"});
  CHECK(contains(succeed({"compare", pop, mf, "--quiet"}).out, "Differences to "));

  std::filesystem::create_directories(pop + "/evaluation-valid.safetensors/in-the-way");
  const tests::Outcome unsaved = run_program({"evaluate", pop, "--split", "valid", "--quiet"});
  CHECK(unsaved.exit_code == 74);
  CHECK(contains(unsaved.out, "Recall@10"));
  CHECK(contains(unsaved.err, "evaluation-valid.safetensors: "));

  const std::string file = pop + "/evaluation-test.safetensors";
  genrec::MetricTable older = genrec::MetricTable::load(file);
  older.conditions.clear();
  older.save(file);
  CHECK(error_of(65, {"compare", pop, mf, "--quiet"}) ==
        "genrec: " + file + ": does not say how it was made; run `genrec evaluate " + pop + "` again\n");
}

TEST_CASE("the oracle of a data set is not quoted for another that came into its folder", "[cli][run]") {
  const tests::TemporaryFolder folder;
  const std::string data = make_data(folder), run = folder / "run", example = std::string(GENREC_SOURCE_DIR) + "/docs/example/";
  const auto compared = [&](const std::string& out) {
    succeed({"train", "--model", "popularity", "--data", data, "--out", out, "--quiet"});
    succeed({"evaluate", out, "--k", "1", "--quiet"});
    return succeed({"compare", out, "--quiet"}).out;
  };
  CHECK(contains(compared(run), "The oracle that planted the structure"));
  succeed({"import", "--interactions", example + "interactions.csv", "--split", "leave-one-out", "--out", data, "--quiet"});
  const std::string imported = compared(folder / "imported");
  CHECK(contains(imported, "HR@1"));
  CHECK_FALSE(contains(imported, "oracle"));
  CHECK(contains(succeed({"compare", run, "--quiet"}).out, "The oracle that planted the structure"));  // it is still that run's
  succeed({"synth", "--out", data, "--users", "60", "--items", "80", "--seed", "6", "--quiet"});
  CHECK_FALSE(contains(succeed({"compare", run, "--quiet"}).out, "oracle"));
}

TEST_CASE("the profiler says where the time of a training went", "[cli][run]") {
  const tests::TemporaryFolder folder;
  const std::string data = make_data(folder), run = folder / "run";
  const tests::Outcome outcome = succeed(joined({"train", "--data", data, "--out", run, "--profiler"}, kBriefMmgrec));
  for (const char* part : {"operation", "outside of operations", "gemm [", "peaks of this machine", "GFLOP/s"}) {
    INFO(part);
    CHECK(contains(outcome.err, part));
  }
  const json trace = json::parse(tests::read_text(run + "/profile.json"));
  CHECK(trace["traceEvents"].size() > 100);
  CHECK(trace["traceEvents"][0]["ph"] == "X");
  CHECK(contains(trace.dump(), "adam.update"));  // in the table only what takes a thousandth of the time
  const std::string asked = succeed({"evaluate", run, "--profiler"}).err;
  for (const char* part : {"operation", "gemm [", "peaks of this machine"}) {
    INFO(part);
    CHECK(contains(asked, part));
  }
}

TEST_CASE("mmgrec goes from data to explained recommendations", "[cli][run]") {
  const tests::TemporaryFolder folder;
  const std::string data = make_data(folder), run = folder / "run";
  const json plan = json::parse(succeed(joined({"train", "--data", data, "--dry-run", "--json"}, kBriefMmgrec)).out);
  CHECK(plan["stages"].size() == 3);
  CHECK(plan["stages"][0]["bytes"].get<int64_t>() > 0);
  succeed(joined({"train", "--data", data, "--out", run}, kBriefMmgrec));
  const tests::Outcome again = succeed({"train", "--out", run, "--resume"});
  CHECK(contains(again.err, "stage recommend is finished already"));
  CHECK(contains(error_of(2, {"train", "--out", run, "--resume", "--epochs", "9"}), "--epochs: a run goes on with its own options"));
  CHECK(contains(error_of(2, {"train", "--out", run, "--resume", "--seed", "9"}), "--seed: a run goes on with its own options"));

  const json report = json::parse(succeed({"ids", "report", run, "--json", "--html", folder / "ids.html"}).out);
  CHECK(report.is_object());
  CHECK(contains(tests::read_text(folder / "ids.html"), "<svg"));
  for (const char* plot : {"graph: loss", "quantizer: perplexity", "recommend: validation"}) {
    CHECK(contains(tests::read_text(folder / "ids.html"), plot));
  }
  const json index = json::parse(succeed({"ids", "export", run, "--json"}).out);
  CHECK(index.size() == 80);
  CHECK(index.begin()->size() == 4);
  const std::string table = folder / "exported.tsv";
  succeed({"ids", "export", run, "--out", table});
  CHECK(contains(tests::read_text(table), "\nitem\tc0\tc1\tc2\tp\n"));
  CHECK(json::parse(succeed({"ids", "report", table, "--data", data, "--json"}).out) == report);

  const std::string users = tests::read_text(data + "/users.tsv"), items = tests::read_text(data + "/items.tsv");
  const auto second_line = [](const std::string& text) {
    const size_t begin = text.find('\n') + 1;
    return text.substr(begin, text.find_first_of("\t\n", begin) - begin);
  };
  const std::string user = second_line(users), item = second_line(items);
  const json list = json::parse(succeed({"recommend", run, "--user", user, "--k", "4", "--json", "--explain"}).out);
  CHECK(list["user"] == user);
  REQUIRE(list["items"].size() == 4);
  CHECK(list["items"][0]["why"].size() == 4);
  const std::string best = list["items"][0]["item"];
  tests::write_text(folder / "exclude", best + "\n");
  const json without = json::parse(succeed({"recommend", run, "--user", user, "--k", "4", "--json", "--exclude", folder / "exclude"}).out);
  for (const json& entry : without["items"]) CHECK(entry["item"] != best);
  CHECK(contains(succeed({"recommend", run, "--history", item, "--k", "3"}).out, "  1  "));

  const std::string lines = "{\"id\": 7, \"user\": \"" + user + "\"}\n{\"history\": [\"" + item + "\"], \"exclude\": [\"" + best +
                            "\"]}\nnonsense\n{\"user\": \"nobody\"}\n{\"id\": \"x\", \"histroy\": []}\n";
  const std::string answers = succeed({"recommend", run, "--k", "4"}, lines).out;
  std::vector<json> objects;
  for (size_t begin = 0, end; begin < answers.size(); begin = end + 1) {
    end = answers.find('\n', begin);
    objects.push_back(json::parse(answers.substr(begin, end - begin)));
  }
  REQUIRE(objects.size() == 5);
  CHECK(objects[0]["id"] == 7);
  CHECK(objects[0]["items"][0]["item"] == best);
  CHECK(objects[1]["items"].size() == 4);
  for (const json& entry : objects[1]["items"]) CHECK((entry["item"] != best && entry["item"] != item));
  CHECK(objects[2].contains("error"));
  CHECK(contains(objects[3]["error"], "user 'nobody' is not in the data set"));
  CHECK(contains(objects[4]["error"], "unknown key 'histroy'"));
  CHECK(objects[4]["id"] == "x");
  CHECK(contains(error_of(2, {"recommend", run, "--user", "nobody"}), "user 'nobody' is not in the data set"));
  CHECK(contains(error_of(2, {"recommend", run, "--user", user, "--history", item}), "not together with --user"));
}

TEST_CASE("a model is trained in bf16, resumed in it, and evaluated in either precision", "[cli][run][bf16]") {
  const tests::TemporaryFolder folder;
  const std::string data = make_data(folder), run = folder / "run";
  const tests::Outcome trained =
      succeed(joined({"train", "--data", data, "--out", run, "--precision", "bf16", "--device", "cpu"}, kBriefMmgrec));
  CHECK(contains(trained.err, ", bf16, "));
  CHECK(contains(tests::read_text(run + "/config.toml"), "\nprecision = \"bf16\"\n"));
  CHECK(contains(succeed({"train", "--out", run, "--resume", "--device", "cpu"}).err, ", bf16, "));
  CHECK(contains(error_of(2, {"train", "--out", run, "--resume", "--precision", "fp32"}),
                 "--precision: a run goes on with its own options"));
  CHECK(contains(error_of(2, joined({"train", "--data", data, "--out", run, "--stage", "recommend"}, kBriefMmgrec)),
                 "was begun in bf16; give --precision bf16, or another --out"));
  CHECK(error_of(2, {"train", "--precision", "fp16"}) ==
        "genrec: --precision: 'fp16' is not known; did you mean 'fp32'? give one of fp32, bf16\n");
  const Words evaluate{"evaluate", run, "--json"};
  const std::string own = succeed(evaluate).out;
  CHECK(succeed(joined(evaluate, {"--precision", "bf16"})).out == own);
  const std::string saved = tests::read_text(run + "/evaluation-test.safetensors");
  CHECK(json::parse(succeed(joined(evaluate, {"--precision", "fp32"})).out).is_object());
  CHECK(tests::read_text(run + "/evaluation-test.safetensors") == saved);  // `compare` sees the run as it was trained
  CHECK(contains(succeed({"recommend", run, "--user", "u1", "--k", "3", "--precision", "fp32"}).out, "  1  "));
}

TEST_CASE("each model has options of its own", "[cli][run]") {
  CHECK(contains(succeed({"train", "--model", "mf", "--help"}).out, "--l2"));
  CHECK_FALSE(contains(succeed({"train", "--help"}).out, "--l2"));
  CHECK(contains(succeed({"train", "--help"}).out, "--codes"));
  CHECK(contains(error_of(2, {"train", "--model=mff"}), "there is no model 'mff'; did you mean 'mf'?"));
  CHECK(contains(error_of(2, {"train", "--model", "mf", "--codes", "3"}), "--codes: unknown option"));
  const tests::TemporaryFolder folder;
  const std::string file = folder / "run.toml";
  tests::write_text(file, "[train]\nmodel = \"lightgcn\"\nl2 = 0.5\n");
  CHECK(contains(succeed({"train", "--config", file, "--dump-config"}).out, "\nl2 = 0.5  # " + file));
  CHECK(contains(error_of(78, {"train", "--model", "mmgrec", "--config", file}), ":3:1: l2: unknown key of [train]"));
  CHECK(contains(error_of(2, {"train", "--out", folder / "x"}), "--data: this is required; give --data DIR"));
  CHECK(contains(error_of(66, {"train", "--data", folder / "none", "--out", folder / "x"}), "none"));
}

TEST_CASE("a run that was interrupted exits with 75 and goes on to the same result", "[cli][run]") {
  const tests::TemporaryFolder folder;
  const std::string data = make_data(folder), straight = folder / "straight", stopped = folder / "stopped";
  const Words options{"--model", "mf", "--data", data, "--epochs", "60", "--width", "16", "--patience", "0", "--batch", "64"};
  succeed(joined({"train", "--out", straight}, options));
  const tests::Outcome first =
      tests::run_and_signal(joined({"train", "--out", stopped, "--profiler"}, options), SIGTERM, stopped + "/metrics.jsonl", 1);
  INFO(first.err);
  REQUIRE(first.exit_code == 75);
  CHECK(contains(first.err, "stopped by SIGTERM"));
  CHECK(contains(first.err, "peaks of this machine"));  // what was measured until then
  succeed({"train", "--out", stopped, "--resume"});
  CHECK(tests::read_text(straight + "/embeddings.safetensors") == tests::read_text(stopped + "/embeddings.safetensors"));
}

TEST_CASE("a run that was killed goes on to the same bytes", "[cli][run]") {
  const tests::TemporaryFolder folder;
  const std::string data = make_data(folder), straight = folder / "straight";
  const Words options{"--preset", "tiny", "--data", data, "--width", "16", "--codes", "8", "--graph-epochs", "4", "--rq-epochs", "8",
                      "--epochs", "4"};
  succeed(joined({"train", "--out", straight}, options));
  for (const int lines : {2, 8, 14}) {  // in the graph, the quantiser, the Transformer
    const std::string killed = folder / ("killed-" + std::to_string(lines));
    INFO("killed after " << lines << " lines of metrics");
    const tests::Outcome first =
        tests::run_and_signal(joined({"train", "--out", killed}, options), SIGKILL, killed + "/metrics.jsonl", lines);
    REQUIRE(first.exit_code == 128 + SIGKILL);
    succeed({"train", "--out", killed, "--resume"});
    for (const char* file : {"/graph.safetensors", "/quantizer.safetensors", "/identifiers.tsv", "/recommend.safetensors"}) {
      CHECK(tests::read_text(straight + file) == tests::read_text(killed + file));
    }
  }
}

TEST_CASE("tiger goes from ordered data to explained recommendations", "[cli][run]") {
  const tests::TemporaryFolder folder;
  const std::string data = folder / "data", run = folder / "tiger";
  succeed({"synth", "--ordered", "--out", data, "--users", "40", "--items", "60", "--max-interactions", "14", "--quiet"});
  const Words brief{"--preset", "tiny", "--rq-epochs", "4", "--rq-chain", "16", "--rq-latent", "4", "--codes", "8",
                    "--layers", "1", "--width", "16", "--epochs", "2"};
  const json plan = json::parse(succeed(joined({"train", "--model", "tiger", "--data", data, "--dry-run", "--json"}, brief)).out);
  CHECK(plan["stages"][1]["stage"] == "generator");
  CHECK(plan["stages"][1]["parameters"] > 1000);
  succeed(joined({"train", "--model", "tiger", "--data", data, "--out", run, "--quiet"}, brief));
  const json metrics = json::parse(succeed({"evaluate", run, "--json", "--quiet"}).out)["runs"][0]["metrics"];
  for (const char* name : {"HR@1", "HR@5", "HR@10", "NDCG@5", "NDCG@10"}) CHECK(metrics.contains(name));
  const std::string kept = succeed({"evaluate", run, "--quiet"}).out;
  CHECK(contains(kept, "40 users with test items, seen items kept"));
  CHECK(json::parse(succeed({"evaluate", run, "--json", "--quiet"}).out)["seen"] == "keep");
  const Words without{"evaluate", run, "--set", "exclude-seen=trie", "--quiet"};
  CHECK(contains(succeed(without).out, "seen items left out"));
  CHECK(json::parse(succeed(joined(without, {"--json"})).out)["seen"] == "drop");
  CHECK(contains(error_of(2, {"evaluate", run, "--set", "exclude-seen=all"}), "--set exclude-seen: 'all' is not known"));
  const std::string why = succeed({"recommend", run, "--history", "i3,i1", "--explain", "--k", "3"}).out;
  CHECK(contains(why, "textual identifier: <a_"));
  CHECK(contains(why, "score -"));
  CHECK(contains(succeed({"ids", "report", run}).out, "code tuples"));
  CHECK(contains(succeed({"ids", "export", run, "--format", "lcrec"}).out, "<a_"));
  CHECK(contains(succeed({"compare", run, run}).out, "HR@10"));
}
