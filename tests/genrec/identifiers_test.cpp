// Item identifiers: assignment, files, vocabularies.
#include "genrec/identifiers.h"

#include <fstream>

#include "genrec/vocabulary.h"
#include "tests/catch.h"

using namespace genrec;
using Catch::Matchers::Contains;

namespace {

ItemIdentifiers semantic_of(std::vector<int32_t> codes, std::vector<int32_t> sizes) {
  return {.levels = static_cast<int>(sizes.size()), .sizes = sizes, .codes = codes};
}

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

}  // namespace

TEST_CASE("the popularity code orders a group by interactions, ties by item", "[identifiers]") {
  // Items 3 (10 interactions), 8 (4) and 12 (10) share a tuple; every other item stands alone.
  std::vector<int32_t> codes;
  std::vector<int32_t> interactions(13, 1);
  for (int item = 0; item < 13; ++item) {
    const bool shared = item == 3 || item == 8 || item == 12;
    codes.insert(codes.end(), {shared ? 5 : item % 4, shared ? 5 : item / 4, shared ? 5 : 0});
  }
  interactions[3] = interactions[12] = 10, interactions[8] = 4;
  const ItemIdentifiers ids = assign_identifiers(semantic_of(codes, {6, 6, 6}), interactions);
  CHECK(ids.levels == 4);
  CHECK(ids.sizes == std::vector<int32_t>{6, 6, 6, 3});
  CHECK(ids[3][3] == 0);
  CHECK(ids[12][3] == 1);
  CHECK(ids[8][3] == 2);
  CHECK(ids[0][3] == 0);
  CHECK(unique(ids));
  CHECK(ids.semantic_levels() == 3);
}

TEST_CASE("random_last permutes inside the groups only, by seed", "[identifiers]") {
  const int items = 60;
  std::vector<int32_t> codes(items);
  for (int i = 0; i < items; ++i) codes[i] = i % 3;
  const std::vector<int32_t> interactions(items, 0);
  const ItemIdentifiers semantic = semantic_of(codes, {3});
  const ItemIdentifiers a = assign_identifiers(semantic, interactions, LastCode::random, 1);
  const ItemIdentifiers b = assign_identifiers(semantic, interactions, LastCode::random, 2);
  CHECK(a == assign_identifiers(semantic, interactions, LastCode::random, 1));
  CHECK(!(a == b));
  CHECK(!(a == assign_identifiers(semantic, interactions)));
  CHECK(a.sizes == std::vector<int32_t>{3, 20});
  CHECK(unique(a));
}

TEST_CASE("identifiers out of range are refused", "[identifiers]") {
  CHECK_THAT(tests::error_of([] {
               sorted_by_codes(semantic_of({0, 3}, {3}));
             }),
             Contains("item 1: code 3 at level 0 is outside [0, 3)"));
  CHECK(!unique(semantic_of({1, 2, 1}, {3})));
  CHECK(sorted_by_codes(semantic_of({1, 0, 0, 1, 1, 0, 0, 0}, {2, 2})) == std::vector<int32_t>{3, 1, 0, 2});
}

TEST_CASE("prefix groups", "[identifiers]") {
  const ItemIdentifiers ids = semantic_of({1, 0, 0, 1, 1, 0, 0, 0}, {2, 2});
  CHECK(prefix_groups(ids, 0).sizes == std::vector<int64_t>{4});
  CHECK(prefix_groups(ids, 1).sizes == std::vector<int64_t>{2, 2});
  CHECK(prefix_groups(ids, 1).group == std::vector<int32_t>{1, 0, 1, 0});
  CHECK(prefix_groups(ids, 2).sizes == std::vector<int64_t>{1, 1, 2});
}

TEST_CASE("identifier files", "[identifiers]") {
  const tests::TemporaryFolder folder;
  const std::vector<std::string> names = {"a", "b x", "c"};
  const ItemIdentifiers ids = assign_identifiers(semantic_of({1, 2, 1, 2, 0, 0}, {4, 3}), std::vector<int32_t>{1, 5, 2});
  write_identifiers(folder / "ids.tsv", ids, names);
  CHECK(read_identifiers(folder / "ids.tsv", names) == ids);
  const std::vector<std::string> reversed = {"c", "b x", "a"};
  CHECK(read_identifiers(folder / "ids.tsv", reversed)[2][0] == 1);  // aligned by id, not by position
  std::ifstream file(folder / "ids.tsv");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  CHECK(text == "# sizes\t4\t3\t2\nitem\tc0\tc1\tp\na\t1\t2\t2\nb x\t1\t2\t1\nc\t0\t0\t1\n");

  // A file without a popularity column may hold duplicates.
  write_text(folder / "foreign.tsv", "# sizes\t4\nitem\tc0\na\t1\r\nb x\t1\nc\t3\n");
  const ItemIdentifiers foreign = read_identifiers(folder / "foreign.tsv", names);
  CHECK(!foreign.popularity);
  CHECK(!unique(foreign));
}

TEST_CASE("broken identifier files name the line", "[identifiers]") {
  const tests::TemporaryFolder folder;
  const std::vector<std::string> names = {"a", "b"};
  const std::string path = folder / "ids.tsv", head = "# sizes\t4\t2\nitem\tc0\tp\n";
  const auto error = [&](const std::string& text) {
    write_text(path, text);
    return tests::error_of([&] { read_identifiers(path, names); });
  };
  CHECK_THAT(error(""), Contains("ids.tsv:1: the first line must be '# sizes'"));
  CHECK_THAT(error("# sizes\t4\nitem\tx\ty\n"),
             Contains("ids.tsv:2: expected the column names 'item' and one per level, 1 in all"));
  CHECK_THAT(error(head + "a\t1\n"), Contains("ids.tsv:3: 2 columns, expected 3; separate them by one tab"));
  CHECK_THAT(error(head + "z\t1\t1\n"), Contains("ids.tsv:3: item 'z' is not in the data set"));
  CHECK_THAT(error(head + "a\t1\t1\na\t1\t2\n"), Contains("ids.tsv:4: item 'a' stands twice"));
  CHECK_THAT(error(head + "a\t4\t1\n"), Contains("ids.tsv:3: code 4 of level 0 does not fit its size 4"));
  CHECK_THAT(error(head + "a\t1\t0\n"), Contains("ids.tsv:3: code 0 of level 1 does not fit its size 2"));
  CHECK_THAT(error(head + "a\t1\tx\n"), Contains("ids.tsv:3: 'x' is not a code; write whole numbers from 0"));
  CHECK_THAT(error(head + "a\t1\t1\n"), Contains("item 'b' has no line"));
  CHECK_THAT(tests::error_of([&] { read_identifiers(folder / "none.tsv", names); }), Contains("none.tsv"));
  CHECK_THAT(tests::error_of([&] {
               write_identifiers(folder / "no/ids.tsv", {.levels = 1, .sizes = {1}, .codes = {0, 0}}, names);
             }),
             Contains("no/ids.tsv"));
}

TEST_CASE("vocabulary layouts", "[vocabulary]") {
  const Vocabulary disjoint(Vocabulary::Layout::disjoint, {128, 128, 128, 7});
  CHECK(disjoint.pad() == 0);
  CHECK(disjoint.start() == 1);
  CHECK(disjoint.end() == 2);
  CHECK(disjoint.token(0, 0) == 3);
  CHECK(disjoint.token(2, 5) == 3 + 2 * 128 + 5);
  CHECK(disjoint.token(3, 0) == 3 + 3 * 128);  // popularity 1
  CHECK(disjoint.size() == 3 + 3 * 128 + 7);

  const Vocabulary shared(Vocabulary::Layout::shared, {128, 128, 128, 7});
  CHECK(shared.token(0, 0) == 1);
  CHECK(shared.token(2, 127) == 128);
  CHECK(shared.token(3, 0) == 1);
  CHECK(shared.start() == 129);
  CHECK(shared.end() == 130);
  CHECK(shared.size() == 131);
  CHECK(Vocabulary(Vocabulary::Layout::shared, {16, 16, 16, 40}).start() == 41);

  for (const Vocabulary& vocabulary : {disjoint, shared}) {
    for (int level = 0; level < 4; ++level) {
      for (int32_t code = 0; code < vocabulary.level_size(level); ++code) {
        CHECK(vocabulary.code(level, vocabulary.token(level, code)) == code);
        CHECK(vocabulary.token(level, code) != vocabulary.pad());
      }
    }
  }
  CHECK_THAT(tests::error_of([&] { disjoint.token(0, 128); }), Contains("no token for code 128 at level 0"));
  CHECK_THAT(tests::error_of([&] { disjoint.code(1, 3); }), Contains("token 3 is no code of level 1"));
  CHECK(vocabulary_layout("shared") == Vocabulary::Layout::shared);
  CHECK_THAT(tests::error_of([] { vocabulary_layout("both"); }),
             Contains("vocabulary: there is no layout 'both'; choose disjoint or shared"));
}
