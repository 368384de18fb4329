// Sinkhorn: the golden plan, balance, small epsilon, threads, bad input.
#include "quant/sinkhorn.h"

#include <algorithm>
#include <cmath>

#include "quant/nearest.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/catch.h"

using tensor::Tensor;
using Doubles = std::vector<double>;
using Integers = std::vector<int32_t>;

namespace {

Tensor random_distances(int64_t rows, int64_t codes) {
  Tensor d({rows, codes});
  const tensor::Random random(4, "sinkhorn-test");
  for (int64_t i = 0; i < d.size(); ++i) d.data<float>()[i] = static_cast<float>(random.uniform(i) + (i % codes == 0 ? 0 : 1));
  return d;
}

}  // namespace

TEST_CASE("sinkhorn: golden plan, which differs from the nearest codes", "[quant][sinkhorn]") {
  const Tensor d = Tensor::from(Doubles{.1, 1, .2, .9, .3, .4}, {3, 2});
  const Doubles plan = quant::sinkhorn_plan(d, {.epsilon = .5}).to_vector<double>();
  const Doubles expected = {.791897, .208103, .610052, .389948, .098050, .901950};
  for (size_t i = 0; i < plan.size(); ++i) CHECK(plan[i] == Approx(expected[i]).margin(1e-6));
  CHECK(quant::sinkhorn_assign(d, {.epsilon = .5}).to_vector<int32_t>() == Integers{0, 0, 1});
}

TEST_CASE("sinkhorn: codes are chosen about equally often though one is nearest to all", "[quant][sinkhorn]") {
  const Tensor d = random_distances(320, 16);  // code 0 is the nearest of every row
  for (double epsilon : {.05, .003}) {  // 20 rows for each code when it has converged
    std::vector<int> counts(16);
    for (int32_t code : quant::sinkhorn_assign(d, {.epsilon = epsilon}).to_vector<int32_t>()) ++counts[code];
    CAPTURE(epsilon, counts);
    CHECK(*std::min_element(counts.begin(), counts.end()) >= (epsilon > .01 ? 12 : 3));
    CHECK(*std::max_element(counts.begin(), counts.end()) <= (epsilon > .01 ? 30 : 200));
  }
  for (double q : quant::sinkhorn_plan(d).to_vector<double>()) REQUIRE((std::isfinite(q) && q >= 0));
}

TEST_CASE("sinkhorn: same bits for any number of threads", "[quant][sinkhorn]") {
  const Tensor d = random_distances(301, 33);
  Doubles expected;
  for (int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    const Doubles plan = quant::sinkhorn_plan(d).to_vector<double>();
    if (expected.empty()) expected = plan;
    CHECK(plan == expected);
  }
  tensor::set_threads(0);
}

TEST_CASE("sinkhorn: no rows, one row, equal distances, bad input", "[quant][sinkhorn]") {
  CHECK(quant::sinkhorn_assign(Tensor({0, 4})).size() == 0);
  CHECK(quant::sinkhorn_assign(Tensor::from(Doubles{3, 1, 2}, {1, 3}), {.epsilon = .5, .iterations = 0}).to_vector<int32_t>() ==
        Integers{1});
  CHECK(quant::sinkhorn_assign(Tensor::full({2, 3}, 7)).to_vector<int32_t>() == Integers{0, 0});
  CHECK_THAT(tests::error_of([] { quant::sinkhorn_assign(Tensor::full({2}, 1)); }),
             tests::Contains("sinkhorn: distances are [2]; they must be [rows, codes]"));
  CHECK_THAT(tests::error_of([] { quant::sinkhorn_assign(Tensor::full({2, 2}, 1), {.epsilon = 0}); }),
             tests::Contains("sinkhorn: epsilon 0 and 50 iterations; epsilon must be positive"));
  CHECK_THAT(tests::error_of([] { quant::sinkhorn_assign(Tensor::full({2, 2}, INFINITY)); }),
             tests::Contains("sinkhorn: the distances are not finite"));
}
