// Which held-out items an evaluation looks for.
#include "genrec/evaluate.h"

#include "tests/catch.h"

using namespace genrec;
using Items = std::vector<int32_t>;

namespace {

// Two users, four items; the items 2 and 3 are in no training part.
Dataset small() {
  Dataset data;
  data.user_ids = {"a", "b"};
  data.item_ids = {"i", "j", "k", "l"};
  data.items = {0, 1, 3, 1, 2, 0, 1};
  data.bounds = {0, 1, 2, 4, 5, 6, 7};  // a: train 0, valid 1, test 3 1; b: train 2, valid 0, test 1
  data.split_protocol = "given";
  return data;
}

Items list(std::span<const int32_t> items) { return {items.begin(), items.end()}; }

}  // namespace

TEST_CASE("cold held-out items have no training interaction, warm ones have", "[evaluate]") {
  const Dataset data = small();  // trained: 0 and 2
  CHECK(list(held_out_items(data, Split::test)(0)) == Items{1, 3});
  CHECK(list(held_out_items(data, Split::test, Targets::cold)(0)) == Items{1, 3});
  CHECK(list(held_out_items(data, Split::valid, Targets::cold)(0)) == Items{1});
  CHECK(list(held_out_items(data, Split::valid, Targets::cold)(1)) == Items{});
  CHECK(list(held_out_items(data, Split::valid, Targets::warm)(1)) == Items{0});
  CHECK(users_with(data, Split::valid) == Items{0, 1});
  CHECK(users_with(data, Split::valid, Targets::cold) == Items{0});
  CHECK(users_with(data, Split::valid, Targets::warm) == Items{1});
  CHECK(usual_cutoffs(data) == std::vector<int>{10, 20});
}

namespace {

// Lists all items in order.
class InOrder : public TrainedModel {
 public:
  Ranking rank(std::span<const Query> queries, int k) const override {
    Ranking ranking(static_cast<int64_t>(queries.size()), k);
    for (size_t i = 0; i < ranking.items.size(); ++i) ranking.items[i] = static_cast<int32_t>(i) % k;
    return ranking;
  }
};

}  // namespace

TEST_CASE("an evaluation of cold items counts the users who have some", "[evaluate]") {
  const Dataset data = small();
  const std::vector<int> cutoffs = {2};
  const Evaluation cold = evaluate(InOrder(), data, Split::valid, cutoffs, false, Targets::cold);
  CHECK(cold.metrics.users == Items{0});
  CHECK(cold.metrics.mean("MRR@2") == 0.5);
  CHECK(evaluate(InOrder(), data, Split::valid, cutoffs, false).metrics.mean("MRR@2") == 0.75);
  Dataset warm = data;
  warm.items = {1, 1, 3, 1, 0, 0, 1};  // trained: 0 and 1
  CHECK_THAT(tests::error_of([&] { evaluate(InOrder(), warm, Split::valid, cutoffs, false, Targets::cold); }),
             tests::Contains("no user has cold valid items"));
}
