// Features, word lists and titles: alignment by id, the policies for missing ones, and every refusal.
#include <cmath>

#include "tests/data/import_fixture.h"

using namespace genrec;
using tensor::Tensor;
using tests::Contains;
using tests::ImportFolder;

namespace {

// Interactions of items 0, 1, 2 and a file of numbers for them.
struct Views : ImportFolder {
  explicit Views(const std::string& text = "user,item,split\na,0,train\na,1,train\na,2,test\n") {
    options.interactions = write("x.csv", text);
  }
  std::vector<float> visual() const { return run().dataset.features.at("visual").values.to_vector<float>(); }
};

using Floats = std::vector<float>;

}  // namespace

TEST_CASE("import: feature rows numbered by item id", "[data][import]") {
  Views in;
  in.options.features = {"visual=" + in.write_npy("v.npy", {1, 2, 3, 4, 5, 6}, {3, 2})};
  CHECK_THAT(in.error(), Contains("v.npy: visual features: says not which item a row belongs to"));
  in.options.feature_ids = {"rows"};
  CHECK(in.visual() == Floats{1, 2, 3, 4, 5, 6});
  in.write_npy("v.npy", {1, 2}, {2, 1});
  CHECK_THAT(in.error(), Contains("v.npy: visual features: item '2' needs row 2, but the array has 2 rows (0 to 1)"));
  in.write_npy("v.npy", {0, 1, 2, 3}, {4, 1});
  CHECK(in.visual() == Floats{0, 1, 2});
  const ImportReport report = in.run().report;
  REQUIRE(report.warnings.size() == 2);
  CHECK_THAT(report.warnings[1], Contains("has one row more than there are items (4 and 3)"));
  CHECK(report.features[0].unused == 1);
  in.options.interactions = in.write("x.csv", "user,item,split\na,zero,train\na,1,train\n");
  CHECK_THAT(in.error(), Contains("item 'zero' is no row number; give a file with one id per row"));
}

TEST_CASE("import: feature rows by a file of ids", "[data][import]") {
  Views in("user,item,split\na,x,train\na,y,train\nb,z,train\n");
  in.options.features = {"visual=" + in.write_npy("v.npy", {1, 2, 3, 4}, {4, 1})};
  in.options.feature_ids = {"visual=" + in.write("ids.txt", "z\nunknown\nx\ny\n")};
  CHECK(in.visual() == Floats{3, 4, 1});
  in.write("ids.txt", "x\t3\ny\t0\nz\t2\nother\t1\n");
  CHECK(in.visual() == Floats{4, 1, 3});
  in.write("ids.txt", "x\ny\nz\n");
  CHECK_THAT(in.error(), Contains("ids.txt: has 3 ids, but ") && Contains("v.npy has 4 rows; give one id per row"));
  in.write("ids.txt", "x\ny\nz\nq\nr\n");
  CHECK_THAT(in.error(), Contains("ids.txt:5: names row 4, but"));
  in.write("ids.txt", "x\ny\nx\nq\n");
  CHECK_THAT(in.error(), Contains("ids.txt:3: names item 'x' a second time"));
  in.write("ids.txt", "x\t0\ny\t0\n");
  CHECK_THAT(in.error(), Contains("ids.txt:2: names row 0 a second time"));
  in.write("ids.txt", "x\tone\n");
  CHECK_THAT(in.error(), Contains("ids.txt:1:3: row is 'one', expected a number"));
  in.write("ids.txt", "1\n2\n3\n4\n");
  CHECK_THAT(in.error(), Contains("none of 4 rows belongs to an item of") && Contains("whose first item is 'x'"));
  in.options.feature_ids = {"acoustic=ids.txt"};
  CHECK_THAT(in.error(), Contains("no features of the modality acoustic are given"));
}

TEST_CASE("import: features from tables", "[data][import]") {
  Views in("user,item,split\na,x,train\na,y,train\nb,z,train\n");
  in.options.features = {"visual=" + in.write("v.csv", "item_id,f1,f2\nz,5,6\nx,1e0,-2\ny,3,4.5\nunused,0,0\n")};
  CHECK(in.visual() == Floats{1, -2, 3, 4.5f, 5, 6});
  CHECK(in.run().report.features[0].unused == 1);
  in.write("v.csv", "x,1\ny,2\nz,3\n");
  CHECK(in.visual() == Floats{1, 2, 3});
  in.write("v.csv", "item_id,f1,f2\nx,1,2\ny,3\n");
  CHECK_THAT(in.error(), Contains("v.csv:3:3: has 2 fields, expected 3 (item_id, f1, f2)"));
  in.write("v.csv", "item_id,f1,f2\nx,1,2\ny,3,nan\n");
  CHECK_THAT(in.error(), Contains("v.csv:3:5: visual feature 'f2' is 'nan', expected a finite number"));
  in.write("v.csv", "item_id,f1,f2\nx,1,2\ny,3,big\n");
  CHECK_THAT(in.error(), Contains("v.csv:3:5: visual feature 'f2' is 'big'"));
  in.write("v.csv", "item_id,f1,f2\nx,1,2\nx,3,4\n");
  CHECK_THAT(in.error(), Contains("v.csv:3:1: names item 'x' a second time"));
  in.write("v.csv", "key,f1,f2\nx,1,2\n");
  CHECK_THAT(in.error(),
      Contains("v.csv:1: no column is the item; its columns are key, f1, f2: call the column of the ids item_id"));
  in.options.features = {"visual"};
  CHECK_THAT(in.error(), Contains("features 'visual': expected MODALITY=FILE"));
  in.options.features = {"visual=a.npy", "visual=b.npy"};
  CHECK_THAT(in.error(), Contains("modality visual is given twice"));
}

TEST_CASE("import: features that are no features", "[data][import]") {
  Views in;
  in.options.feature_ids = {"rows"};
  in.options.features = {"visual=" + in.write_npy("v.npy", {1, 2, 3}, {3})};
  CHECK_THAT(in.error(), Contains("v.npy: visual features: has shape (3), expected 2 dimensions"));
  in.write_npy("v.npy", {1, 2, 3, NAN, 5, 6}, {3, 2});
  CHECK_THAT(in.error(), Contains("v.npy: visual features: row 1, column 1 (item '1') is nan, expected a finite number"));
  in.write_npy("v.npy", {1, 2, 3, 4, INFINITY, 6}, {3, 2});
  CHECK_THAT(in.error(), Contains("row 2, column 0 (item '2') is inf"));
  std::filesystem::resize_file(in.folder / "v.npy", 140);
  CHECK_THAT(in.error(),
      Contains("v.npy: visual features: shape (3, 2) needs 24 bytes, the file holds 12; the file is truncated"));
  std::string header = "\x93NUMPY";
  header += std::string("\x01\x00\x36\x00", 4) + "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}\n";
  in.write("v.npy", header + "pickled");
  CHECK_THAT(in.error(), Contains("v.npy: visual features: is an array of Python objects"));
}

TEST_CASE("import: items without a feature", "[data][import]") {
  Views in("user,item,split\na,x,train\na,y,train\nb,z,train\nb,x,train\n");
  in.options.features = {"visual=" + in.write("v.csv", "item,f\nx,1\nz,4\n"), "acoustic=" + in.write("a.csv",
      "item,f\nx,1\ny,2\nz,3\n")};
  CHECK_THAT(in.error(),
      Contains("v.csv: 1 of 3 items have no visual feature, the first is 'y'; choose --missing drop, mean or zero"));
  in.options.missing = MissingPolicy::zero;
  CHECK(in.visual() == Floats{1, 0, 4});
  CHECK(in.run().dataset.features.at("visual").present == std::vector<uint8_t>{1, 0, 1});
  CHECK(in.run().report.features[0].missing == 1);
  in.options.missing = MissingPolicy::mean;
  CHECK(in.visual() == Floats{1, 2.5f, 4});
  in.options.missing = MissingPolicy::drop;
  const ImportResult dropped = in.run();
  CHECK(dropped.dataset.item_ids == std::vector<std::string>{"x", "z"});
  CHECK(dropped.dataset.features.at("acoustic").values.to_vector<float>() == Floats{1, 3});
  REQUIRE(dropped.report.steps.size() == 2);
  CHECK(dropped.report.steps[1].name == "items with every feature");
  CHECK(dropped.report.steps[1].interactions == 3);
}

TEST_CASE("import: word lists", "[data][import]") {
  Views in;
  const auto write_words = [&](const std::vector<int64_t>& pairs, tensor::Shape shape) {
    tensor::write_npy(in.folder / "w.npy", Tensor::from(pairs, shape));
  };
  write_words({2, 0, 2, 5, 4, 5}, {2, 3});
  in.options.features = {"textual=" + (in.folder / "w.npy")};
  in.options.feature_ids = {"rows"};
  const ImportResult result = in.run();
  const WordLists& lists = result.dataset.words.at("textual");
  CHECK(lists.offsets == std::vector<int64_t>{0, 1, 1, 3});
  CHECK(lists.words == std::vector<int32_t>{4, 5, 5});
  CHECK(lists.vocabulary == 6);
  CHECK(result.report.features[0].kind == "words");
  CHECK(result.report.features[0].missing == 1);
  write_words({2, 0, -1, 5, 4, 5}, {2, 3});
  CHECK_THAT(in.error(), Contains("w.npy: textual features: pair 2 is (-1, 5), expected numbers from 0"));
  write_words({2, 0, 1, 5, 4, 5}, {3, 2});
  CHECK_THAT(in.error(), Contains("is i64 [3, 2], expected floats [items, dim], or integers [2, n]") ||
                             Contains("is i64 [3,2], expected floats [items, dim], or integers [2, n]"));
}

TEST_CASE("import: titles and texts", "[data][import]") {
  Views in;
  in.options.items = in.write("items.tsv", "item_id\ttitle\tdescription\n1\tOne\tfirst\n0\tZ\xe9ro\t\n7\tSeven\tunused\n");
  const ImportResult result = in.run();
  CHECK(result.dataset.titles == std::vector<std::string>{"Z\xc3\xa9ro", "One", ""});
  CHECK(result.dataset.texts == std::vector<std::string>{"", "first", ""});
  CHECK(result.report.untitled == 1);
  in.options.items = in.write("movies.dat", "1::Toy Story (1995)::Animation|Comedy\n0::Jumanji (1995)::Adventure\n");
  CHECK(in.run().dataset.titles == std::vector<std::string>{"Jumanji (1995)", "Toy Story (1995)", ""});
  in.options.items = in.write("meta.jsonl",
      "{\"parent_asin\":\"2\",\"title\":\"Two\",\"description\":[\"a\",\"b\"]}\n{\"parent_asin\":\"1\"}\n");
  CHECK(in.run().dataset.titles == std::vector<std::string>{"", "", "Two"});
  CHECK(in.run().dataset.texts[2] == "a b");
  in.options.items = in.write("items.csv", "item_id,label\n1,One\n");
  CHECK_THAT(in.error(),
      Contains("items.csv:1: no column is the title or the text; say which with --item-columns title=COLUMN"));
  in.options.item_columns = {"title=label"};
  CHECK(in.run().dataset.titles[1] == "One");
}

TEST_CASE("import: the real TikTok data", "[data][import]") {
  const std::string folder = tests::real_data("tiktok");
  if (folder.empty()) return tests::skip("no tiktok folder in GENREC_DATA or ../shared/data");
  ImportOptions options;
  options.interactions = folder + "/interactions.tsv";
  options.features = {"visual=" + folder + "/visual.npy", "acoustic=" + folder + "/acoustic.npy"};
  options.feature_ids = {"rows"};
  const ImportResult result = import_dataset(options);
  const Dataset& d = result.dataset;
  CHECK(d.users() == 9308);
  CHECK(d.item_count() == 6710);
  CHECK(d.interactions(Split::train) == 59541);
  CHECK(d.interactions(Split::valid) == 3051);
  CHECK(d.interactions(Split::test) == 6130);
  CHECK(d.split_protocol == "given");
  CHECK(d.item_ids[6709] == "6709");
  CHECK(d.features.at("visual").dim() == 128);
  CHECK(d.features.at("acoustic").dim() == 128);
  CHECK(result.report.duplicates == 0);
  const std::vector<int32_t> counts = d.train_counts();
  CHECK(std::count(counts.begin(), counts.end(), 0) == 465);
  tests::TemporaryFolder out;
  save_dataset(d, out.path());
  CHECK(fingerprint(load_dataset(out.path())) == fingerprint(d));
}
