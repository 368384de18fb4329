// Statistics of codes, and the revival of dead ones.
#include "quant/code_revival.h"
#include "quant/code_usage.h"

#include <cmath>
#include <set>

#include "tests/catch.h"

using quant::code_usage;
using quant::CodeRevival;
using quant::ResidualQuantizer;
using tensor::DType;
using tensor::Tensor;
using Integers = std::vector<int32_t>;
using Floats = std::vector<float>;

TEST_CASE("usage of codes per level", "[quant][codes]") {
  const auto usage = code_usage(Tensor::from(Integers{0, 3, 1, 3, 2, 3, 0, 3}, {4, 2}), 4);
  REQUIRE(usage.size() == 2);
  CHECK(usage[0].used == 3);
  CHECK(usage[0].top_share == Approx(0.5));
  CHECK(usage[0].perplexity == Approx(std::exp(1.5 * std::log(2.0))));
  CHECK(usage[1].used == 1);
  CHECK(usage[1].top_share == Approx(1));
  CHECK(usage[1].perplexity == Approx(1));
  CHECK(code_usage(Tensor({0, 2}, DType::i32), 4)[1].used == 0);
  CHECK_THAT(tests::error_of([] { code_usage(Tensor::from(Integers{0, 3}, {1, 2}), 3); }),
             Catch::Matchers::Contains("code_usage: row 0 has code 3 at level 1; codes must be from 0 to 2"));
}

namespace {

// One level of four codes; only codes 0 and 1 are near the rows.
struct Collapsed {
  nn::Parameters parameters{1};
  ResidualQuantizer quantizer{parameters, "rq", {.levels = 1, .codes = 4, .width = 1}};
  Tensor z = Tensor::from(Floats{0, 0.5, 1, 10, 10.5, 11}, {6, 1});

  Collapsed() { quantizer.codebooks()[0].mutable_value().copy_from(Tensor::from(Floats{0, 10, 100, 200}, {4, 1})); }
  Floats codes() const { return quantizer.codebooks()[0].value().to_vector<float>(); }
  int64_t update(CodeRevival& revival, uint64_t step) {  // the codes that move
    const int64_t before = revival.moved();
    revival.update(quantizer, quantizer.forward(z), tensor::Random(5, "code-revival", step));
    return revival.moved() - before;
  }
};

}  // namespace

TEST_CASE("dead codes move to residuals when their patience is used up", "[quant][codes]") {
  Collapsed a;
  CodeRevival revival(a.quantizer, {.patience = 3, .noise = 0.001});
  CHECK(a.update(revival, 0) == 0);
  CHECK(a.update(revival, 1) == 0);
  CHECK(revival.idle().to_vector<int32_t>() == Integers{0, 0, 2, 2});
  CHECK(a.update(revival, 2) == 2);
  CHECK(revival.idle().to_vector<int32_t>() == Integers{0, 0, 0, 0});
  const Floats moved = a.codes();
  CHECK(moved[0] == 0);
  CHECK(moved[1] == 10);
  std::set<int64_t> rows;
  for (const float code : {moved[2], moved[3]}) {
    for (int64_t i = 0; i < 6; ++i)
      if (std::fabs(code - a.z.data<float>()[i]) < 0.1) rows.insert(i);
  }
  CHECK(rows.size() == 2);  // two different rows
  CHECK(quant::code_usage(a.quantizer.encode(a.z), 4)[0].used > 2);
}

TEST_CASE("revival depends on seed and step only, resumes, and can be off", "[quant][codes]") {
  Collapsed a, b, off;
  CodeRevival first(a.quantizer, {.patience = 2}), second(b.quantizer, {.patience = 2});
  CodeRevival none(off.quantizer, {.patience = 0});
  a.update(first, 0), b.update(second, 0);
  CodeRevival resumed(b.quantizer, {.patience = 2});
  resumed.load_idle(second.idle());
  CHECK(a.update(first, 1) == 2);
  CHECK(b.update(resumed, 1) == 2);
  CHECK(a.codes() == b.codes());
  for (uint64_t step = 0; step < 5; ++step) CHECK(off.update(none, step) == 0);
  CHECK(off.codes() == Floats{0, 10, 100, 200});
  CHECK_THAT(tests::error_of([&] { CodeRevival(a.quantizer, {.patience = -1}); }),
             Catch::Matchers::Contains("code revival: patience -1 and noise 0.01; neither may be negative"));
}
