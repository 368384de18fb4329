// Interactions from every kind of table: what is understood, what is refused, and how it is said.
#include "tests/data/import_fixture.h"

using namespace genrec;
using tests::Contains;
using tests::ImportFolder;
using tests::shown;

namespace {

const char* kGiven = "a: 1 2 | 3 |\nb: 1 | | 2\n";

}  // namespace

TEST_CASE("import: csv with a split column", "[data][import]") {
  ImportFolder in;
  const ImportResult result = in.run("x.csv", "user_id,item_id,split\na,1,train\nb,1,0\na,2,train\na,3,valid\nb,2,test\n");
  CHECK(shown(result.dataset) == kGiven);
  CHECK(result.dataset.split_protocol == "given");
  CHECK_FALSE(result.dataset.ordered);
  REQUIRE(result.report.steps.size() == 1);
  CHECK(result.report.steps[0].interactions == 5);
  CHECK(result.report.steps[0].users == 2);
  CHECK(result.report.steps[0].items == 3);
}

TEST_CASE("import: the same data in every format", "[data][import]") {
  ImportFolder in;
  CHECK(shown(in.run("x.tsv",
      "user_id\titem_id\tsplit\na\t1\ttrain\na\t2\ttrain\na\t3\tval\nb\t1\ttrain\nb\t2\ttest\n").dataset) == kGiven);
  CHECK(shown(in.run("x.txt",
      "user;item;split\r\na;1;train\r\na;2;train\r\na;3;dev\r\nb;1;train\r\n\r\nb;2;test\r\n").dataset) == kGiven);
  CHECK(shown(in.run("x.inter",
      "user_id:token\titem_id:token\tsplit:token\na\t1\ttrain\na\t2\ttrain\na\t3\tvalid\nb\t1\ttrain\n"
      "b\t2\ttest").dataset) == kGiven);
  CHECK(shown(in.run("mm.inter",
      "userID\titemID\trating\tx_label\na\t1\t5\t0\na\t2\t5\t0\na\t3\t5\t1\nb\t1\t5\t0\nb\t2\t5\t2\n").dataset) == kGiven);
  CHECK(shown(in.run("x.jsonl",
      "{\"user_id\":\"a\",\"item_id\":1,\"split\":\"train\",\"x\":[{}]}\n"
      "{\"item_id\":2,\"user_id\":\"a\",\"split\":\"train\"}\n"
      "{\"user_id\":\"a\",\"item_id\":3,\"split\":\"valid\"}\n"
      "{\"user_id\":\"b\",\"item_id\":1,\"split\":\"train\"}\n"
      "{\"user_id\":\"b\",\"item_id\":\"2\",\"split\":\"test\"}\n").dataset) == kGiven);
  in.options.interactions = in.write_gzip("x.csv.gz",
      "user_id,item_id,split\na,1,train\nb,1,0\na,2,train\na,3,valid\nb,2,test\n");
  CHECK(shown(in.run().dataset) == kGiven);
  CHECK(import_schemas(in.options)[0].compressed);
  in.options.format = TableFormat::csv;
  in.options.columns = {"user=2", "item=1", "split=3"};
  CHECK(shown(in.run("no_header.dat", "1,a,train\n2,a,train\n3,a,valid\n1,b,train\n2,b,test\n").dataset) == kGiven);
}

TEST_CASE("import: MovieLens in its three forms", "[data][import]") {
  ImportFolder in;
  in.options.split = SplitProtocol::leave_one_out;
  const std::string expected = "1: 10 20 | 30 | 40\n2: 10 30 | |\n";
  const auto check = [&](const std::string& name, const std::string& text, TableFormat format) {
    const Dataset d = in.run(name, text).dataset;
    CHECK(shown(d) == expected);
    CHECK(d.ordered);
    CHECK(d.times == std::vector<double>{100, 200, 300, 400, 5, 6});
    CHECK(import_schemas(in.options)[0].format == format);
  };
  check("u.data", "1\t30\t3\t300\n1\t10\t3\t100\n2\t30\t1\t6\n1\t40\t3\t400\n1\t20\t3\t200\n2\t10\t1\t5\n",
      TableFormat::movielens_100k);
  check("ratings.dat", "1::30::3::300\n1::10::3::100\n2::30::1::6\n1::40::3::400\n1::20::3::200\n2::10::1::5\n",
      TableFormat::movielens_1m);
  check("ratings.csv",
      "userId,movieId,rating,timestamp\n1,30,3.5,300\n1,10,3,100\n2,30,1,6\n1,40,3,400\n1,20,3,200\n2,10,1,5\n",
      TableFormat::movielens_csv);
}

TEST_CASE("import: the schema is told before anything is read", "[data][import]") {
  ImportFolder in;
  in.options.interactions = in.write("x.csv", "user_id,item_id,rating,comment\nu1,i1,4.5,good\nu1,broken\n");
  in.options.features = {"visual=" + in.write("v.csv", "item_id,f1\ni1,0.5\n")};
  const std::vector<Schema> schemas = import_schemas(in.options);
  REQUIRE(schemas.size() == 2);
  const std::vector<std::string> lines = describe(schemas[0]);
  REQUIRE(lines.size() == 5);
  CHECK_THAT(lines[0], Contains("x.csv: csv, separated by ',', with a header"));
  CHECK(lines[1] == "  user_id  -> user  (text)");
  CHECK(lines[2] == "  item_id  -> item  (text)");
  CHECK_THAT(lines[4], Contains("comment  -> -  (text)"));
  CHECK_THAT(describe(schemas[1])[2], Contains("f1       -> feature  (number)"));
}

TEST_CASE("import: csv quoting", "[data][import]") {
  ImportFolder in;
  const Dataset d = in.run("x.csv",
      "user_id,item_id,split\n\"a, b\",\"say \"\"hi\"\"\",train\n\"two\nlines\",x,train\n").dataset;
  CHECK(d.user_ids == std::vector<std::string>{"a, b", "two\nlines"});
  CHECK(d.item_ids == std::vector<std::string>{"say \"hi\"", "x"});
  CHECK_THAT(in.error("x.csv", "user_id,item_id,split\na,1,train\na,\"2,train\n"),
      Contains("x.csv:3:3: a quoted field begins here and never ends"));
}

TEST_CASE("import: broken lines are named by file, line and column", "[data][import]") {
  ImportFolder in;
  const std::string head = "user_id,item_id,rating,timestamp,split\na,1,5,10,train\n";
  CHECK_THAT(in.error("x.csv", head + "a,2,5,11\n"),
      Contains("x.csv:3:7: has 4 fields, expected 5 (user_id, item_id, rating, timestamp, split) separated by ','"));
  CHECK_THAT(in.error("x.csv", head + "a,2,5,11,train,more\n"), Contains("x.csv:3:16: has 6 fields, expected 5"));
  CHECK_THAT(in.error("x.csv", head + ",2,5,11,train\n"), Contains("x.csv:3:1: user id is empty"));
  CHECK_THAT(in.error("x.csv", head + "a,,5,11,train\n"), Contains("x.csv:3:3: item id is empty"));
  CHECK_THAT(in.error("x.csv", head + "a,2,5,noon,train\n"),
      Contains("x.csv:3:7: time is 'noon', expected a finite number"));
  CHECK_THAT(in.error("x.csv", head + "a,2,5,nan,train\n"), Contains("x.csv:3:7: time is 'nan', expected a finite number"));
  CHECK_THAT(in.error("x.csv", head + "a,2,5,11,holdout\n"),
      Contains("x.csv:3:10: split is 'holdout', expected train, valid or test"));
  CHECK_THAT(in.error("x.csv", head + "a\xff,2,5,11,train\n"), Contains("x.csv:3:1: user id is not UTF-8"));
  CHECK_THAT(in.error("x.csv", head + std::string(2000, 'a') + ",2,5,11,train\n"),
      Contains("x.csv:3:1: user id is longer than 1024"));
  CHECK_THAT(in.error("x.csv", head + std::string("a,2\0,5,11,train\n", 16)), Contains("x.csv:3: holds a zero byte"));
  CHECK_THAT(in.error("x.jsonl", "{\"user\":\"a\",\"item\":\"1\"}\n{\"user\":\"a\"\n"),
      Contains("x.jsonl:2: is not a JSON object"));
  CHECK_THAT(in.error("x.jsonl", "{\"user\":\"a\",\"item\":\"1\"}\n[1]\n"),
      Contains("x.jsonl:2: is JSON but not an object"));
  CHECK_THAT(in.error("x.jsonl", "{\"user\":\"a\",\"item\":\"1\"}\n{\"user\":\"a\"}\n"),
      Contains("x.jsonl:2: item id is empty"));
  in.options.min_rating = 4;
  CHECK_THAT(in.error("x.csv", head + "a,2,good,11,train\n"),
      Contains("x.csv:3:5: rating is 'good', expected a finite number"));
}

TEST_CASE("import: tables that are not understood", "[data][import]") {
  ImportFolder in;
  CHECK_THAT(in.error("x.csv", ""), Contains("x.csv: is empty"));
  CHECK_THAT(in.error("x.csv", "\n \n"), Contains("x.csv: is empty"));
  CHECK_THAT(in.error("x.csv", "just three words\n"), Contains("x.csv:1: no column is the user; its columns are 1, 2, 3"));
  CHECK_THAT(in.error("x.csv", "word\nother\n"), Contains("is 'word', which no separator"));
  CHECK_THAT(in.error("x.csv", "who,item_id\na,1\n"),
      Contains("x.csv:1: no column is the user; its columns are who, item_id: say which with --columns user=COLUMN"));
  CHECK_THAT(in.error("x.csv", "user_id,item_id\n"),
      Contains("import: no interactions are left after the filters (read: 0)"));
  in.options.columns = {"user=who"};
  CHECK_THAT(in.error("x.csv", "user_id,item_id\na,1\n"),
      Contains("has no column 'who' for the role user; its columns are user_id, item_id"));
  in.options.columns = {"person=who"};
  CHECK_THAT(in.error("x.csv", "user_id,item_id\na,1\n"), Contains("column role 'person=who': expected ROLE=COLUMN"));
  in.options.columns = {};
  in.options.format = TableFormat::recbole;
  CHECK_THAT(in.error("x.inter", "user_id\titem_id\na\t1\n"), Contains("expected name:type fields"));
  in.options.format = TableFormat::automatic;
  in.options.interactions = in.folder / "none.csv";
  CHECK_THAT(in.error(), Contains("none.csv: no such file"));
  in.options.interactions = in.folder.path();
  CHECK_THAT(in.error(), Contains("is not a regular file"));
}

TEST_CASE("import: compressed files that are damaged", "[data][import]") {
  ImportFolder in;
  std::string text = "user_id,item_id,split\n";
  for (int i = 0; i < 20000; ++i) text += tensor::join(i * 7919 % 1000, ",", i, ",train\n");
  in.options.interactions = in.write_gzip("x.csv.gz", text);
  CHECK(in.run().dataset.interactions() == 20000);
  const auto size = std::filesystem::file_size(in.options.interactions);
  std::filesystem::resize_file(in.options.interactions, size / 2);
  CHECK_THAT(in.error(), Contains("x.csv.gz:") && Contains("compressed data end too early; the file is truncated"));
  std::filesystem::resize_file(in.options.interactions, 5);
  CHECK_FALSE(in.error().empty());
  in.options.interactions = in.write_gzip("x.csv.gz", text);
  std::fstream file(in.options.interactions, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(size / 2));
  file << "damage, damage, damage";
  file.close();
  CHECK_THAT(in.error(), Contains("x.csv.gz:") && (Contains("compressed data are damaged") || Contains("fields, expected")));
}

TEST_CASE("import: duplicates are kept once and counted, contradictions are refused", "[data][import]") {
  ImportFolder in;
  const ImportResult result = in.run("x.csv", "user,item,time\na,1,30\na,2,20\na,1,10\nb,1,5\na,1,30\n");
  CHECK(result.report.duplicates == 2);
  CHECK(result.dataset.interactions() == 3);
  CHECK(result.dataset.times == std::vector<double>{10, 20, 5});
  REQUIRE(result.report.steps.size() == 2);
  CHECK(result.report.steps[1].name == "each pair once");
  CHECK_THAT(in.error("x.csv", "user,item,split\na,1,train\na,2,train\nb,1,test\na,1,test\n"),
             Contains("x.csv:5:5: user 'a' and item '1' are 'test' here and 'train' in line 2"));
  in.options.split = SplitProtocol::ratio;
  CHECK(in.run("x.csv", "user,item,split\na,1,train\na,2,train\nb,1,test\na,1,test\n").dataset.interactions() == 3);
}

TEST_CASE("import: splits", "[data][import]") {
  ImportFolder in;
  const std::string text = "user,item,time\na,1,1\na,2,2\na,3,3\na,4,4\nb,1,5\nb,2,6\nb,3,7\nc,9,8\nc,8,9\nb,4,10\n";
  in.options.split = SplitProtocol::leave_one_out;
  const ImportResult last = in.run("x.csv", text);
  CHECK(shown(last.dataset) == "a: 1 2 | 3 | 4\nb: 1 2 | 3 | 4\nc: 9 8 | |\n");
  REQUIRE(last.report.warnings.size() == 1);
  CHECK_THAT(last.report.warnings[0], Contains("training knows the future of others"));
  in.options.split = SplitProtocol::global_time;
  CHECK(shown(in.run("x.csv", text).dataset) == "a: 1 2 3 4 | |\nb: 1 2 3 | | 4\nc: 9 | 8 |\n");

  const std::string plain = "user,item\na,3\na,1\na,2\n";
  CHECK_THAT(in.error("y.csv", plain), Contains("y.csv:1: no column is the time, which --split global-time needs"));
  in.options.split = SplitProtocol::leave_one_out;
  CHECK_THAT(in.error("y.csv", plain),
      Contains("y.csv:1: no column is the time or the order, which --split leave-one-out needs"));
  in.options.columns = {"order=line"};
  const Dataset ordered = in.run("y.csv", plain).dataset;
  CHECK(shown(ordered) == "a: 3 | 1 | 2\n");
  CHECK(ordered.ordered);
  CHECK(ordered.times.empty());
  in.options.columns = {};
  in.options.split = SplitProtocol::given;
  CHECK_THAT(in.error("y.csv", plain), Contains("y.csv:1: no column is the split"));
  in.options.split = SplitProtocol::automatic;
  CHECK_THAT(in.error("y.csv", "user,item,split\na,1,test\n"), Contains("y.csv: no interactions are left for training"));
}

TEST_CASE("import: the ratio split depends on the ids and the seed, not on the order of the lines", "[data][import]") {
  std::vector<std::string> lines;
  for (int user = 0; user < 20; ++user)
    for (int i = 0; i < 20; ++i) lines.push_back(tensor::join("u", user, ",i", (user * 7 + i * 3) % 50, "\n"));
  const auto text = [&] {
    std::string joined = "user,item\n";
    for (const std::string& line : lines) joined += line;
    return joined;
  };
  ImportFolder in;
  const Dataset first = in.run("x.csv", text()).dataset;
  CHECK(first.split_protocol == "ratio");
  for (int64_t u = 0; u < 20; ++u) {
    CHECK(first.items_of(u, Split::train).size() == 16);
    CHECK(first.items_of(u, Split::valid).size() == 2);
  }
  std::reverse(lines.begin(), lines.end());
  CHECK(fingerprint(in.run("x.csv", text()).dataset) == fingerprint(first));
  in.options.seed = 2;
  CHECK(shown(in.run("x.csv", text()).dataset) != shown(first));
}

TEST_CASE("import: ids are sorted as numbers where they are numbers", "[data][import]") {
  ImportFolder in;
  const Dataset d = in.run("x.csv", "user,item,split\nb,10,train\na,9,train\n11,x,train\n2,007,train\n02,7,train\n").dataset;
  CHECK(d.user_ids == std::vector<std::string>{"02", "2", "11", "a", "b"});
  CHECK(d.item_ids == std::vector<std::string>{"007", "7", "9", "10", "x"});
}

TEST_CASE("import: k-core and rating filters report every step", "[data][import]") {
  ImportFolder in;
  // Item z has one interaction: without it user c has only one, and without c item y has only one.
  const std::string text = "user,item,rating\na,w,5\na,x,5\nb,w,5\nb,x,5\nb,q,2\nc,y,4\nc,z,4\na,y,4\n";
  in.options.k_core = 2;
  const ImportResult result = in.run("x.csv", text);
  CHECK(result.dataset.user_ids == std::vector<std::string>{"a", "b"});
  CHECK(result.dataset.item_ids == std::vector<std::string>{"w", "x"});
  REQUIRE(result.report.steps.size() == 2);
  CHECK(result.report.steps[1].name == "2-core");
  CHECK(result.report.steps[1].interactions == 4);
  in.options.k_core = 0;
  in.options.min_rating = 4;
  CHECK(in.run("x.csv", text).dataset.interactions() == 7);
  in.options.min_rating = 6;
  CHECK_THAT(in.error("x.csv", text), Contains("no interactions are left after the filters (rated 6 or more: 0)"));
  in.options.min_rating = 0;
  in.options.k_core = 3;
  CHECK_THAT(in.error("x.csv", text), Contains("no interactions are left after the filters (read: 8, 3-core: 0)"));
  in.options.min_rating = 3;
  CHECK_THAT(in.error("y.csv", "user,item\na,1\n"), Contains("y.csv:1: no column is the rating, which --min-rating needs"));
}

TEST_CASE("import: any byte of a table may be wrong", "[data][import]") {
  ImportFolder in;
  const std::string good = "user_id,item_id,timestamp,split\n\"a\",1,10,train\nb,2,20,valid\nb,1,30,train\n";
  int refused = 0;
  for (size_t i = 0; i < good.size(); ++i)
    for (int flip : {1 << (i % 8), 0xff}) {
      std::string text = good;
      text[i] = static_cast<char>(text[i] ^ flip);
      refused += !in.error("x.csv", text).empty();
    }
  CHECK(refused > 20);
}
