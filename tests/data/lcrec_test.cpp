// The files of the LC-Rec family: interactions, maps, texts, identifiers; good, odd and broken.
#include "genrec/data/lcrec.h"

#include <fstream>

#include "genrec/identifiers.h"
#include "tests/data/import_fixture.h"

using namespace genrec;
using tests::Contains;
using tests::ImportFolder;
using tests::shown;

namespace {

const char* kInter = "{\n  \"0\": [2, 0, 1],\n  \"1\": [0, 3, 2, 1],\n  \"2\": [3]\n}\n";
const char* kItemMap = "zebra\t0\nant\t1\ncow\t3\nbee\t2\n";
const char* kUserMap = "zoe\t0\neve\t2\nann\t1\n";

ImportFolder with_maps() {
  ImportFolder in;
  in.options.interactions = in.write("X.inter.json", kInter);
  in.options.item_map = in.write("X.item2id", kItemMap);
  in.options.user_map = in.write("X.user2id", kUserMap);
  return in;
}

std::string error_of_map(const std::string& map) {
  ImportFolder in = with_maps();
  in.options.item_map = in.write("bad", map);
  return in.error();
}

}  // namespace

TEST_CASE("lcrec: interactions with and without maps, in time order, split leave-one-out", "[data][lcrec]") {
  ImportFolder in;
  const Dataset numbers = in.run("X.inter.json", kInter).dataset;
  CHECK(shown(numbers) == "0: 2 | 0 | 1\n1: 0 3 | 2 | 1\n2: 3 | |\n");
  CHECK(numbers.ordered);
  CHECK(numbers.split_protocol == "leave-one-out");
  CHECK(numbers.item_numbers.empty());

  const Dataset named = with_maps().run().dataset;
  CHECK(shown(named) == "zoe: bee | zebra | ant\nann: zebra cow | bee | ant\neve: cow | |\n");
  CHECK(named.item_ids == std::vector<std::string>{"zebra", "ant", "bee", "cow"});  // by number
  CHECK(named.item_numbers == std::vector<int32_t>{0, 1, 2, 3});

  const tests::TemporaryFolder folder;
  save_dataset(named, folder / "data");
  const Dataset loaded = load_dataset(folder / "data");
  CHECK(loaded.item_numbers == named.item_numbers);
  CHECK(fingerprint(loaded) == fingerprint(named));
}

TEST_CASE("lcrec: the form is recognised by name, by content and by option", "[data][lcrec]") {
  ImportFolder in;
  CHECK(import_schemas(with_maps().options)[0].format == TableFormat::lcrec);
  CHECK(is_lcrec(in.write("other", "{\"17\": [1, 2]}"), TableKind::interactions));
  CHECK_FALSE(is_lcrec(in.write("a.jsonl", "{\"user_id\": 1, \"item_id\": 2}\n"), TableKind::interactions));
  CHECK(is_lcrec(in.write("items", "{\"17\": {\"title\": 1}}"), TableKind::items));
  in.options.format = TableFormat::lcrec;
  CHECK(shown(in.run("any", "{\"ann\": [4, 5, 6]}").dataset) == "ann: 4 | 5 | 6\n");
  const std::vector<std::string> lines = describe(import_schemas(with_maps().options)[0]);
  CHECK_THAT(lines[0], Contains("lcrec, one JSON object"));
  CHECK_THAT(lines[3], Contains("place in the list -> order"));
  CHECK_THAT(lines[4], Contains("ids of the users: ") && Contains("X.user2id"));
}

TEST_CASE("lcrec: rows of features are the numbers of the items, maps or not, filters or not", "[data][lcrec]") {
  ImportFolder in = with_maps();
  in.options.features = {"visual=" + in.write_npy("v.npy", {0, 10, 20, 30}, {4, 1})};
  const auto first_of = [](const Dataset& d, const char* id) { return d.features.at("visual").values.data<float>()[d.find_item(id)]; };
  Dataset d = in.run().dataset;  // "rows" is what such files mean
  CHECK(first_of(d, "zebra") == 0);
  CHECK(first_of(d, "bee") == 20);
  CHECK(first_of(d, "cow") == 30);
  in.options.feature_ids = {in.options.item_map};  // and the map says the same
  CHECK(first_of(in.run().dataset, "bee") == 20);
  in.options.feature_ids = {};
  in.options.interactions = in.write("Y.inter.json", "{\"0\": [2, 3, 1]}");
  const ImportResult part = in.run();
  CHECK(part.dataset.item_numbers == std::vector<int32_t>{1, 2, 3});
  CHECK(first_of(part.dataset, "ant") == 10);
  REQUIRE(part.report.warnings.size() == 3);
  CHECK_THAT(part.report.warnings[0], Contains("X.user2id: 2 of 3 users have no interaction and are left out"));
  CHECK_THAT(part.report.warnings[1], Contains("X.item2id: 1 of 4 items have no interaction and are left out"));
  in.options.features = {"visual=" + in.write_npy("v.npy", {0, 10, 20}, {3, 1})};
  CHECK_THAT(in.error(), Contains("item '3' needs row 3, but the array has 3 rows"));
}

TEST_CASE("lcrec: texts by number", "[data][lcrec]") {
  ImportFolder in = with_maps();
  in.options.items = in.write("X.item.json", R"({"2": {"title": "Bee", "brand": "B", "description": ["d", "e"]},
      "0": {"title": "Zebra", "categories": "stripes"}, "9": {"title": "unknown"}, "1": {}})");
  const ImportResult result = in.run();
  CHECK(result.dataset.titles == std::vector<std::string>{"Zebra", "", "Bee", ""});
  CHECK(result.dataset.texts == std::vector<std::string>{"stripes", "", "B; d e", ""});
  CHECK(result.report.untitled == 2);
  in.write("X.item.json", "{\"2\": [1]}");
  CHECK_THAT(in.error(), Contains("X.item.json: item '2': is array, expected an object with a title"));
  in.write("X.item.json", "{\"2\": {\n\"title\": }}");
  CHECK_THAT(in.error(), Contains("X.item.json:2:10: is no JSON"));
}

TEST_CASE("lcrec: broken interactions are refused with their place", "[data][lcrec]") {
  ImportFolder in;
  const auto error = [&](const char* text) { return in.error("X.inter.json", text); };
  CHECK_THAT(error("{\"0\": [1, 2],\n\"1\": [3,, 4]}"), Contains("X.inter.json:2:9: is no JSON"));
  CHECK_THAT(error("{\"0\": [1, 2], \"1\": [3"), Contains("X.inter.json:1:22: is no JSON"));
  CHECK_THAT(error(""), Contains("X.inter.json:1:1: is no JSON"));
  CHECK_THAT(error("{}"), Contains("X.inter.json: holds no interactions"));
  CHECK_THAT(error("[1]"), Contains("X.inter.json:1: is a list, expected an object"));
  CHECK_THAT(error("{\"0\": [1, -2]}"), Contains("X.inter.json: user '0', item 2 of the list: is -2, expected an item number from 0"));
  CHECK_THAT(error("{\"0\": [1, \"x\"]}"), Contains("user '0', item 2 of the list: is 'x', expected an item number"));
  CHECK_THAT(error("{\"0\": [1, 2.5]}"), Contains("item 2 of the list: is 2.5"));
  CHECK_THAT(error("{\"0\": [[1]]}"), Contains("user '0', item 0 of the list: is a list"));
  CHECK_THAT(error("{\"0\": {\"a\": 1}}"), Contains("user '0': is an object, expected a list of item numbers"));
  CHECK_THAT(error("{\"0\": [1, 99999999999]}"), Contains("item 2 of the list: is 99999999999, expected a number up to 2147483647"));
  CHECK_THAT(error("{\"0\": [1], \"0\": [2]}"), Contains("X.inter.json: user '0': stands twice; keep one list per user"));
  in.options.columns = {"user=2"};
  CHECK_THAT(error(kInter), Contains("is in the lcrec form, where 'user=2' has no meaning"));
}

TEST_CASE("lcrec: a repeated item of a user keeps its first place", "[data][lcrec]") {
  ImportFolder in;
  const ImportResult result = in.run("X.inter.json", "{\"0\": [1, 2, 1, 3, 4]}");
  CHECK(shown(result.dataset) == "0: 1 2 | 3 | 4\n");
  CHECK(result.report.duplicates == 1);
}

TEST_CASE("lcrec: broken maps are refused with their place", "[data][lcrec]") {
  CHECK_THAT(error_of_map("zebra\t0\nant\n"), Contains("bad:2: is 'ant', expected a raw id, a tab and a number from 0"));
  CHECK_THAT(error_of_map("zebra\t0\nant\tx\n"), Contains("bad:2: is 'ant\tx'"));
  CHECK_THAT(error_of_map("zebra\t0\nzebra\t1\n"), Contains("bad:2: item 'zebra' stands twice"));
  CHECK_THAT(error_of_map("zebra\t0\nant\t0\n"), Contains("bad:2: number 0 stands twice"));
  CHECK_THAT(error_of_map("zebra\t0\nant\t1\n"),
             Contains("X.inter.json: user '0', item 1 of the list: item 2 is not in ") && Contains("bad; give the map"));
  CHECK_THAT(error_of_map("\n"), Contains("bad: is empty"));
  ImportFolder in = with_maps();
  in.options.user_map = in.write("users", "zoe\t0\n");
  CHECK_THAT(in.error(), Contains("X.inter.json: user '1': user 1 is not in ") && Contains("users"));
  in.options.interactions = in.write("x.csv", "user_id,item_id\na,b\n");
  CHECK_THAT(in.error(), Contains("--user-map: ") && Contains("x.csv is csv, whose ids need no map"));
}

TEST_CASE("lcrec: identifier files go by item number, and come back as they were", "[data][lcrec]") {
  ImportFolder in = with_maps();
  const Dataset d = in.run().dataset;
  const IndexKeys keys{d.item_ids, d.item_numbers};
  const std::string path = in.write("X.index.json", R"({"1": ["<A_5>", "<B_0>", "<C_9>"], "0": ["<A_1>", "<B_2>", "<C_3>"],
      "3": ["<A_1>", "<B_2>", "<C_3>"], "2": ["<A_0>", "<B_0>", "<C_0>"], "77": ["<A_99>", "<B_0>", "<C_0>"]})");
  const ItemIdentifiers read = read_index_json(path, keys);
  CHECK(read.levels == 3);
  CHECK(read.sizes == std::vector<int32_t>{6, 3, 10});
  CHECK(std::vector<int32_t>(read[d.find_item("ant")].begin(), read[d.find_item("ant")].end()) == std::vector<int32_t>{5, 0, 9});
  CHECK(shared_identifiers(read) == "1 of 3 identifiers are shared, by 2 of 4 items");
  CHECK(read_index_json(path, keys, 256).sizes == std::vector<int32_t>{256, 256, 256});
  for (IndexLetters letters : {IndexLetters::lower, IndexLetters::capital}) {
    write_index_json(in.folder / "Y.index.json", read, keys, letters);
    CHECK(read_index_json(in.folder / "Y.index.json", keys) == read);
  }
  CHECK_THAT(index_json(read, keys, IndexLetters::capital), Contains("{\n    \"0\": [\n        \"<A_1>\",\n        \"<B_2>\","));

  // Without numbers the keys are the ids; five levels.
  const std::vector<std::string> ids{"x", "y"};
  const std::string by_id = in.write("Z.json", R"({"y": ["<a_1>", "<b_1>", "<c_1>", "<d_1>", "<e_4>"],
                                                    "x": ["<a_0>", "<b_0>", "<c_0>", "<d_0>", "<e_0>"]})");
  CHECK(read_index_json(by_id, {ids}).codes == std::vector<int32_t>{0, 0, 0, 0, 0, 1, 1, 1, 1, 4});
  CHECK(shared_identifiers(read_index_json(by_id, {ids})).empty());
}

TEST_CASE("lcrec: broken identifier files are refused with their place", "[data][lcrec]") {
  ImportFolder in;
  const std::vector<std::string> ids{"0", "1"};
  const auto error = [&](const char* text) {
    const std::string path = in.write("X.index.json", text);
    return tests::error_of([&] { read_index_json(path, {ids}); });
  };
  CHECK_THAT(error(R"({"0": ["<a_1>", "<b_1>"], "1": ["<a_1>"]})"), Contains("X.index.json: item '1': has 1 codes, expected 2"));
  CHECK_THAT(error(R"({"0": ["<a_1>", "<c_1>"]})"), Contains("item '0': code 1 is '<c_1>', expected <b_N> or <B_N>"));
  CHECK_THAT(error(R"({"0": ["a_1"]})"), Contains("code 0 is 'a_1'"));
  CHECK_THAT(error(R"({"0": ["<a_-1>"]})"), Contains("code 0 is '<a_-1>'"));
  CHECK_THAT(error(R"({"0": ["<a_99999999999>"]})"), Contains("code 0 is '<a_99999999999>'"));
  CHECK_THAT(error(R"({"0": [3]})"), Contains("item '0': is 3, expected a list of texts such as <a_12>"));
  CHECK_THAT(error(R"({"0": []})"), Contains("item '0': has 0 codes, expected 1"));
  CHECK_THAT(error(R"({"0": ["<a_1>"], "0": ["<a_1>"]})"), Contains("item '0': stands twice"));
  CHECK_THAT(error(R"({"0": ["<a_1>"]})"), Contains("X.index.json: item '1' has no identifier (1 of 2 have none)"));
  CHECK_THAT(error(R"({"8": ["<a_1>"]})"), Contains("names none of the 2 items, whose first is '0'"));
  CHECK_THAT(error("{\"0\": [\"<a_1>\"\n"), Contains("X.index.json:2:1: is no JSON"));
  CHECK_THAT(tests::error_of([&] { read_index_json("/nowhere/X.index.json", {ids}); }), Contains("/nowhere/X.index.json"));
}

TEST_CASE("lcrec: the published Instruments files", "[data][lcrec]") {
  const std::string folder = tests::real_data("instruments");
  if (folder.empty()) {
    tests::skip("no real data (GENREC_DATA)");
    return;
  }
  ImportOptions options;
  options.interactions = folder + "/Instruments.inter.json";
  options.item_map = folder + "/Instruments.item2id";
  options.user_map = folder + "/Instruments.user2id";
  const Dataset d = import_dataset(options).dataset;
  CHECK(d.users() == 17112);
  CHECK(d.item_count() == 6250);
  CHECK(d.interactions() == 136226);
  CHECK(d.interactions(Split::test) == 17112);
  int64_t prefixes = 0;
  for (int64_t u = 0; u < d.users(); ++u) prefixes += static_cast<int64_t>(d.train_items(u).size()) - 1;
  CHECK(prefixes == 84890);
  CHECK(d.item_ids[0] == "B002SQJL9U");
  const IndexKeys keys{d.item_ids, d.item_numbers};
  const ItemIdentifiers text = read_index_json(folder + "/Instruments.index_lemb.json", keys);
  CHECK(text.sizes == std::vector<int32_t>{256, 256, 256, 256});
  CHECK(shared_identifiers(text) == "262 of 5988 identifiers are shared, by 524 of 6250 items");
  CHECK(unique(read_index_json(folder + "/Instruments.index_vitemb.json", keys)));
}
