// Amazon's review dumps of 2014, 2018 and 2023: json lines, their metadata as titles, the 5-core filter.
#include "tests/data/import_fixture.h"

using namespace genrec;
using tests::Contains;
using tests::ImportFolder;
using tests::shown;

namespace {

// User a reviews i1, i2, i3 in this order, i2 twice; users b and c as written.
const char* k2014 =
    R"({"reviewerID": "a", "asin": "i2", "reviewerName": "x \"y\"", "helpful": [0, 0], "overall": 5.0, "unixReviewTime": 200}
{"reviewerID": "a", "asin": "i1", "reviewText": "{odd}", "overall": 1.0, "unixReviewTime": 100}
{"reviewerID": "a", "asin": "i2", "overall": 4.0, "unixReviewTime": 50000}
{"reviewerID": "b", "asin": "i2", "overall": 3.0, "unixReviewTime": 7}
{"reviewerID": "a", "asin": "i3", "overall": 2.0, "unixReviewTime": 300}
)";
const char* k2018 =
    R"({"overall": 5.0, "verified": true, "reviewerID": "a", "asin": "i2", "style": {"Size": "1"}, "vote": "5", "unixReviewTime": 200}
{"overall": 1.0, "reviewerID": "a", "asin": "i1", "image": ["http"], "unixReviewTime": 100}
{"overall": 4.0, "reviewerID": "a", "asin": "i2", "unixReviewTime": 50000}
{"overall": 3.0, "reviewerID": "b", "asin": "i2", "unixReviewTime": 7}
{"overall": 2.0, "reviewerID": "a", "asin": "i3", "unixReviewTime": 300}
)";
const char* k2023 =
    R"({"rating": 5.0, "title": "t", "images": [], "asin": "v9", "parent_asin": "i2", "user_id": "a", "timestamp": 1588687728200}
{"rating": 1.0, "asin": "v1", "parent_asin": "i1", "user_id": "a", "timestamp": 1588687728100, "verified_purchase": true}
{"rating": 4.0, "asin": "v2", "parent_asin": "i2", "user_id": "a", "timestamp": 1588687799999}
{"rating": 3.0, "asin": "v2", "parent_asin": "i2", "user_id": "b", "timestamp": 1500000000000}
{"rating": 2.0, "asin": "v3", "parent_asin": "i3", "user_id": "a", "timestamp": 1588687728300}
)";
const char* kExpected = "a: i1 | i2 | i3\nb: i2 | |\n";

std::string review(const std::string& user, int item, int time) {
  return tensor::join(R"({"reviewerID": ")", user, R"(", "asin": "i)", item, R"(", "overall": 5.0, "unixReviewTime": )", time, "}\n");
}

}  // namespace

TEST_CASE("Amazon reviews of 2014, 2018 and 2023 give the same data, plain or compressed", "[data][amazon]") {
  ImportFolder in;
  in.options.split = SplitProtocol::leave_one_out;
  for (const char* text : {k2014, k2018, k2023}) {
    const ImportResult result = in.run("reviews.json", text);
    CHECK(shown(result.dataset) == kExpected);
    CHECK(result.report.duplicates == 1);
    CHECK(result.dataset.ordered);
    in.options.interactions = in.write_gzip("reviews.json.gz", text);
    CHECK(shown(in.run().dataset) == kExpected);
    in.options.min_rating = 3;
    CHECK(shown(in.run().dataset) == "a: i2 | |\nb: i2 | |\n");
    in.options.min_rating = 0;
  }
}

TEST_CASE("the 5-core filter goes on until nothing changes; equal times keep the order of the lines", "[data][amazon]") {
  // Users u0..u4 have items 0..4, all of them 5-core. v has items 0..3 and 9; item 9 has v alone, so it goes, and then v goes.
  std::string text;
  for (int user = 0; user < 5; ++user)
    for (int i = 0; i < 5; ++i) text += review(tensor::join("u", user), (i * 2 + user) % 5, 1000);  // one day
  for (int item : {0, 1, 2, 3, 9}) text += review("v", item, 500);
  ImportFolder in;
  in.options.split = SplitProtocol::leave_one_out;
  in.options.k_core = 5;
  const ImportResult result = in.run("reviews.json", text);
  CHECK(shown(result.dataset) ==
        "u0: i0 i2 i4 | i1 | i3\nu1: i1 i3 i0 | i2 | i4\nu2: i2 i4 i1 | i3 | i0\nu3: i3 i0 i2 | i4 | i1\nu4: i4 i1 i3 | i0 | i2\n");
  REQUIRE(result.report.steps.size() == 2);
  CHECK(result.report.steps[0].users == 6);
  CHECK(result.report.steps[1].name == "5-core");
  CHECK(result.report.steps[1].interactions == 25);
  in.options.k_core = 6;
  CHECK_THAT(in.error(), Contains("no interactions are left after the filters (read: 30, 6-core: 0)"));
}

TEST_CASE("Amazon metadata give titles and texts, the Python dictionaries of 2014 too", "[data][amazon]") {
  ImportFolder in;
  in.options.split = SplitProtocol::leave_one_out;
  const auto titles_of = [&](const std::string& text) {
    in.options.items = in.write_gzip("meta.json.gz", text);
    in.options.interactions = in.write("reviews.json", k2018);
    return in.run().dataset;
  };
  const Dataset old = titles_of(
      "{'asin': 'i1', 'title': \"Player's \\\"best\\\"\", 'price': 3.5, 'related': {'also_bought': ['i2']}, 'x': None, 'y': True}\n"
      "{'asin': 'i2', 'categories': [['Music', 'Strings']], 'title': 'Caf\\xe9 \\'s \"Q\"'}\n");
  CHECK(old.titles == std::vector<std::string>{"Player's \"best\"", "Caf\xc3\xa9 's \"Q\"", ""});
  const Dataset middle = titles_of(
      "{\"category\": [\"Musical Instruments\"], \"description\": [\"a\", \"b\"], \"title\": \"One\", \"asin\": \"i1\"}\n"
      "{\"title\": \"Three\", \"asin\": \"i3\", \"description\": []}\n");
  CHECK(middle.titles == std::vector<std::string>{"One", "", "Three"});
  CHECK(middle.texts[0] == "a b");
  const Dataset recent = titles_of(
      "{\"main_category\": \"M\", \"title\": \"One\", \"average_rating\": 4.8, \"description\": [], \"parent_asin\": \"i1\"}\n");
  CHECK(recent.titles == std::vector<std::string>{"One", "", ""});
}

TEST_CASE("broken Amazon files are refused with their line", "[data][amazon]") {
  ImportFolder in;
  const std::string good = review("a", 1, 1);
  CHECK_THAT(in.error("r.json", good + "{\"reviewerID\": \"a\", \"asin\": \n"), Contains("r.json:2: is not a JSON object"));
  CHECK_THAT(in.error("r.json", good + "{'reviewerID': 'a, 'asin': 'i'}\n"), Contains("r.json:2: is not a JSON object"));
  CHECK_THAT(in.error("r.json", good + "{'reviewerID': 'a\n"), Contains("r.json:2: is not a JSON object"));
  CHECK_THAT(in.error("r.json", good + "[1]\n"), Contains("r.json:2: is JSON but not an object"));
  CHECK_THAT(in.error("r.json", good + "{\"reviewerID\": \"a\", \"unixReviewTime\": 3}\n"), Contains("r.json:2: item id is empty"));
  CHECK_THAT(in.error("r.json", good + "{\"reviewerID\": \"a\", \"asin\": \"i\", \"unixReviewTime\": \"May\"}\n"),
             Contains("r.json:2: time is 'May', expected a finite number"));
  std::string bytes;
  for (int i = 0; i < 2000; ++i) bytes += review(tensor::join("u", i * 7919 % 2003), i * 31 % 977, i * i % 10007);
  const std::string path = in.write_gzip("r.json.gz", bytes);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  in.options.interactions = path;
  CHECK_THAT(in.error(), Contains("compressed data end too early"));
}
