// Batches for a GPU are padded to few sizes, several of one step alike.
#include "genrec/packed_sequences.h"

#include <algorithm>
#include <array>
#include <set>

#include "tensor/random.h"
#include "tests/catch.h"

using genrec::PackedSequences;
using genrec::capacity_of;

namespace {

// Sequences of 5, 9 .. 81 tokens 7.
PackedSequences random_sequences(int count, tensor::Generator& rng) {
  PackedSequences packed;
  for (int s = 0; s < count; ++s) {
    packed.tokens.insert(packed.tokens.end(), 4 * (1 + rng.below(20)) + 1, 7), packed.end_sequence();
  }
  return packed;
}

using Size = std::array<int64_t, 3>;
Size size_of(const PackedSequences& x) { return {std::ssize(x.tokens), x.sequences(), x.longest()}; }

}  // namespace

TEST_CASE("batches are padded to few sizes", "[packed]") {
  tensor::Generator rng(1, "test.padding");
  std::set<Size> sizes;
  for (int batch = 0; batch < 50; ++batch) {
    const PackedSequences before = random_sequences(64, rng);
    PackedSequences packed = before;
    packed.pad(3, capacity_of({&packed, 1}, 81, 4));
    const int64_t tokens = std::ssize(before.tokens);
    REQUIRE(packed.longest() >= before.longest());
    REQUIRE((packed.longest() % 16 == 0 || packed.longest() == 81));
    REQUIRE(std::ssize(packed.tokens) == packed.offsets.back());
    REQUIRE(std::ssize(packed.tokens) <= tokens + tokens / 4 + 2 * packed.longest());
    REQUIRE(std::equal(before.tokens.begin(), before.tokens.end(), packed.tokens.begin()));
    REQUIRE(std::equal(before.offsets.begin(), before.offsets.end(), packed.offsets.begin()));
    REQUIRE(std::count(packed.tokens.begin(), packed.tokens.end(), 3) == std::ssize(packed.tokens) - tokens);
    sizes.insert(size_of(packed));
  }
  CHECK(sizes.size() <= 4);
}

TEST_CASE("the batches of one step are padded alike, also a short last one", "[packed]") {
  tensor::Generator rng(2, "test.padding");
  std::set<Size> sizes;
  for (int step = 0; step < 30; ++step) {
    std::vector<PackedSequences> parts;
    for (const int count : {64, 64, 64, 40}) parts.push_back(random_sequences(count, rng));
    const PackedSequences::Capacity capacity = capacity_of(parts, 81, 8);
    std::set<Size> of_step;
    for (PackedSequences& each : parts) {
      const int64_t missing = 64 - each.sequences();
      each.pad(0, capacity);
      const auto [tokens, sequences, longest] = size_of(each);
      of_step.insert({tokens, sequences + missing, longest});
    }
    REQUIRE(of_step.size() == 1);
    sizes.insert(*of_step.begin());
  }
  CHECK(sizes.size() <= 8);
}

TEST_CASE("a batch of empty sequences has a size too", "[packed]") {
  PackedSequences packed;
  packed.end_sequence(), packed.end_sequence();
  packed.pad(0, capacity_of({&packed, 1}, 20, 8));
  CHECK(packed.longest() == 16);
  CHECK(packed.offsets[2] == 0);
  CHECK(tests::error_of([&] { packed.pad(0, {.tokens = 5, .longest = 5, .added = 1}); }) != "");
}
