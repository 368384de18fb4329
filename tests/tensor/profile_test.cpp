// Measurements: nothing when off, own times of nested ones, work, the trace.
#include "tensor/profile.h"

#include <chrono>
#include <thread>

#include "tensor/elementwise.h"
#include "tensor/gemm.h"
#include "tests/catch.h"

using tensor::Measured;

namespace {

void pass(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

const tensor::Profile::Row* find(const tensor::Profile& profile, const std::string& name) {
  for (const auto& row : profile.rows)
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace

TEST_CASE("a measurement inside another one takes its time from it", "[profile]") {
  { const Measured unseen("before"); }
  tensor::start_profile();
  {
    const Measured step("step", Measured::Kind::phase);
    for (int i = 0; i < 2; ++i) {
      const Measured outer("outer");
      tensor::count_work(10, 4);
      {
        const Measured inner([] { return std::string("in") + "ner"; });
        tensor::count_work(0, 100);
        pass(4);
      }
      pass(2);
    }
    pass(3);
  }
  const tensor::Profile profile = tensor::stop_profile();
  { const Measured unseen("after"); }

  REQUIRE(profile.rows.size() == 2);  // the phase is none
  const auto *outer = find(profile, "outer"), *inner = find(profile, "inner");
  REQUIRE((outer && inner));
  CHECK(outer->calls == 2);
  CHECK(outer->operations == 20);
  CHECK(outer->bytes == 8);
  CHECK(inner->bytes == 200);
  CHECK(inner->seconds >= 0.008);
  CHECK(outer->seconds >= 0.004);
  CHECK(profile.inside() == Approx(inner->seconds + outer->seconds));
  CHECK(profile.seconds >= profile.inside() + 0.003);
  REQUIRE(profile.events.size() == 5);
  const auto &first = profile.events.front(), &last = profile.events.back();
  CHECK(profile.names[first.name] == "inner");
  CHECK(profile.names[last.name] == "step");
  CHECK(last.begin <= first.begin);
  CHECK(last.seconds >= outer->seconds + inner->seconds);
}

TEST_CASE("kernels and products are measured with their work", "[profile]") {
  const std::vector<float> a(12, 1), b(20, 1);
  std::vector<float> c(15);
  tensor::start_profile();
  tensor::gemm<float>(false, false, 3, 5, 4, a.data(), 4, b.data(), 5, c.data(), 5);
  tensor::gemm<float>(true, false, 4, 5, 3, a.data(), 4, c.data(), 5, std::vector<float>(20).data(), 5);
  tensor::Tensor x({10});
  {
    const tensor::Scope scope("layer \"one\"");
    tensor::fill_kernel(x, 1);
  }
  const tensor::Profile profile = tensor::stop_profile();
  REQUIRE(find(profile, "gemm [*,4][4,5]"));
  CHECK(find(profile, "gemm [*,4][4,5]")->operations == 2 * 3 * 5 * 4);
  CHECK(find(profile, "gemm [*,4]^T[*,5]")->operations == 2 * 3 * 5 * 4);
  REQUIRE(find(profile, "fill"));
  CHECK(find(profile, "fill")->bytes == 40);
  CHECK(profile.chrome_trace().find(R"("args":{"module":"layer \"one\""})") != std::string::npos);
  tensor::start_profile();
  CHECK(tensor::stop_profile().rows.empty());
}
