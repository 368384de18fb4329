// The trie of item identifiers.
#include "genrec/trie.h"

#include <algorithm>

#include "tensor/random.h"
#include "tests/catch.h"

using namespace genrec;

namespace {

ItemIdentifiers random_identifiers(int64_t items, std::vector<int32_t> sizes, uint64_t seed) {
  ItemIdentifiers ids{.levels = static_cast<int>(sizes.size()), .sizes = sizes, .codes = {}};
  const tensor::Random random(seed, "test.trie");
  for (int64_t i = 0; i < items * ids.levels; ++i)
    ids.codes.push_back(static_cast<int32_t>(random.below(i, sizes[i % ids.levels])));
  return ids;
}

}  // namespace

TEST_CASE("trie of four items", "[trie]") {
  const ItemIdentifiers ids{.levels = 2, .sizes = {5, 3}, .codes = {4, 0, 1, 2, 4, 2, 1, 0}};
  const Trie trie(ids);
  CHECK(trie.levels() == 2);
  CHECK(trie.nodes(0) == 1);
  CHECK(trie.nodes(1) == 2);
  CHECK(trie.nodes(2) == 4);
  const Trie::Range root = trie.children(0, 0);
  CHECK(root.begin == 0);
  CHECK(root.end == 2);
  CHECK(trie.codes(1)[0] == 1);
  CHECK(trie.codes(1)[1] == 4);
  const Trie::Range under_four = trie.children(1, 1);
  CHECK(under_four.begin == 2);
  CHECK(under_four.end == 4);
  CHECK(trie.find(std::vector<int32_t>{4, 2}) == 3);
  CHECK(trie.find(std::vector<int32_t>{4, 1}) == -1);
  CHECK(trie.find(std::vector<int32_t>{0}) == -1);
  CHECK(trie.find({}) == 0);
  CHECK(trie.items_under(2, 3)[0] == 2);
  CHECK(std::vector<int32_t>(trie.items_under(1, 0).begin(), trie.items_under(1, 0).end()) == std::vector<int32_t>{3, 1});
  CHECK(trie.items_under(0, 0).size() == 4);
}

TEST_CASE("every item is found, parents undo children, siblings ascend", "[trie]") {
  for (int64_t items : {1, 2, 77, 3000}) {
    const ItemIdentifiers ids = random_identifiers(items, {7, 5, 9}, 11);  // 3000 items on 315 leaves: duplicates
    const Trie trie(ids);
    int64_t listed = 0;
    for (int32_t leaf = 0; leaf < trie.nodes(3); ++leaf) {
      const auto here = trie.items_under(3, leaf);
      CHECK(!here.empty());
      CHECK(std::is_sorted(here.begin(), here.end()));
      listed += static_cast<int64_t>(here.size());
    }
    CHECK(listed == items);
    for (int64_t item = 0; item < items; ++item) {
      const int32_t leaf = trie.find(ids[item]);
      REQUIRE(leaf == trie.leaf_of(static_cast<int32_t>(item)));
      const auto here = trie.items_under(3, leaf);
      CHECK(std::count(here.begin(), here.end(), item) == 1);
    }
    for (int depth = 0; depth < 3; ++depth) {
      for (int32_t node = 0; node < trie.nodes(depth); ++node) {
        const Trie::Range range = trie.children(depth, node);
        REQUIRE(range.size() >= 1);
        for (int32_t child = range.begin; child < range.end; ++child) {
          REQUIRE(trie.parent(depth + 1, child) == node);
          if (child > range.begin) REQUIRE(trie.codes(depth + 1)[child] > trie.codes(depth + 1)[child - 1]);
        }
      }
    }
  }
}

TEST_CASE("a trie of a million items", "[trie]") {
  const ItemIdentifiers ids = random_identifiers(1000000, {128, 128, 128}, 5);
  const Trie trie(ids);
  CHECK(trie.nodes(1) == 128);
  CHECK(trie.nodes(2) == 128 * 128);
  CHECK(trie.items_under(0, 0).size() == 1000000);
  for (int32_t item = 0; item < 1000000; item += 9973) CHECK(trie.find(ids[item]) == trie.leaf_of(item));
}
