// Attention layers: shapes, starts, the formula of one head, gradients through the layer.
#include "nn/multi_head_attention.h"

#include <cmath>

#include "tests/nn/gradients.h"

using autograd::Var;
using nn::Parameters;
using tensor::DType;
using tensor::Tensor;

namespace {
Tensor offsets(const std::vector<int32_t>& values) { return Tensor::from(values); }
constexpr nn::MultiHeadAttentionOptions kSmall{.width = 4, .heads = 2, .head_width = 3};
}  // namespace

TEST_CASE("attention layers own fused projections without biases", "[nn]") {
  Parameters p;
  const nn::SelfAttention self(p, "self", kSmall);
  const nn::CrossAttention cross(p, "cross", kSmall);
  CHECK(p.find("self.qkv.w")->var.shape() == tensor::Shape{4, 18});
  CHECK(p.find("self.out.w")->var.shape() == tensor::Shape{6, 4});
  CHECK(p.find("cross.q.w")->var.shape() == tensor::Shape{4, 6});
  CHECK(p.find("cross.kv.w")->var.shape() == tensor::Shape{4, 12});
  CHECK(p.size() == 5);
  CHECK(self.options().scale == Approx(1 / std::sqrt(3.0)));
  for (float w : self.qkv.w.value().to_vector<float>()) CHECK(std::fabs(w) <= std::sqrt(6.0 / 7));
}

TEST_CASE("a token that sees only itself gets its own value", "[nn]") {
  Parameters p(2, DType::f64);
  const nn::SelfAttention self(p, "self", kSmall);
  const Var x = tests::input({3, 4});
  const Tensor y = self(x, offsets({0, 1, 2, 3})).value();
  const Tensor qkv = self.qkv(x).value();  // [3, 18], values in the last 6 columns
  Tensor v({3, 6}, DType::f64);
  for (int r = 0; r < 3; ++r)
    for (int c = 0; c < 6; ++c) v.data<double>()[r * 6 + c] = qkv.data<double>()[r * 18 + 12 + c];
  const Tensor expected = self.out(Var(v)).value();
  for (int i = 0; i < 12; ++i) CHECK(y.data<double>()[i] == Approx(expected.data<double>()[i]));
}

TEST_CASE("a causal layer does not see what follows", "[nn]") {
  Parameters p(2, DType::f64);
  auto options = kSmall;
  options.causal = true;
  const nn::SelfAttention self(p, "self", options);
  const Var x = tests::input({4, 4});
  const auto before = self(x, offsets({0, 4})).value().to_vector<double>();
  Tensor changed = x.value().clone();
  changed.data<double>()[12] += 1;
  const auto after = self(Var(changed), offsets({0, 4})).value().to_vector<double>();
  for (int i = 0; i < 12; ++i) CHECK(before[i] == after[i]);
  CHECK(before[12] != after[12]);
}

TEST_CASE("gradients through attention layers are exact", "[nn][gradients]") {
  Parameters p(1, DType::f64);
  const Var x = tests::input({5, 4}), memory = tests::input({4, 4}, 2);
  auto options = kSmall;
  options.bias = true;
  SECTION("self, causal") {
    options.causal = true;
    const nn::SelfAttention self(p, "self", options);
    tests::randomise(p);
    tests::check_layer("self", p, {x}, [&] { return self(x, offsets({0, 3, 3, 5})); });
  }
  SECTION("cross, joined") {
    const nn::CrossAttention cross(p, "cross", kSmall);
    tests::randomise(p);
    tests::check_layer("cross", p, {x, memory}, [&] { return cross(x, memory, offsets({0, 2, 5}), offsets({0, 3, 4})); });
  }
  SECTION("cross") {
    const nn::CrossAttention cross(p, "cross", options);
    tests::randomise(p);
    tests::check_layer("cross", p, {x, memory}, [&] { return cross(x, memory, offsets({0, 2, 5}), offsets({0, 3, 4})); });
  }
}

TEST_CASE("cross-attention is the same with its projections joined", "[nn]") {
  Parameters p(3, DType::f64);
  const nn::CrossAttention cross(p, "cross", kSmall);
  for (const int queries : {2, 7}) {  // of width 4 in heads of 3, over 6 keys: joining pays up to 17 queries
    for (const int keys : {6, 1}) {   // and up to 2
      INFO(queries << " queries, " << keys << " keys");
      const Var x = tests::input({queries, 4}), memory = tests::input({keys, 4}, 2);
      const Tensor q_offsets = offsets({0, queries}), k_offsets = offsets({0, keys});
      const Tensor plain = cross.out(autograd::attention_kv(cross.q(x), cross.kv(memory), q_offsets, k_offsets,
                                                            {.heads = 2, .scale = 1 / std::sqrt(3.0)})).value();
      const Tensor y = cross(x, memory, q_offsets, k_offsets).value();
      double worst = 0, size = 0;
      for (int64_t i = 0; i < y.size(); ++i) {
        worst = tests::larger(worst, std::fabs(y.data<double>()[i] - plain.data<double>()[i]));
        size = std::max(size, std::fabs(y.data<double>()[i]));
      }
      CHECK(worst < 1e-13 * size);
      CHECK((worst > 0) == (queries < 3 * keys));  // other sums tell which way was taken
    }
  }
}

TEST_CASE("attention layers refuse sizes that cannot work", "[nn]") {
  Parameters p;
  CHECK(tests::error_of([&] { nn::SelfAttention(p, "a", {.width = 4, .heads = 0}); }) ==
        "a: needs heads and widths above 0, got 0 heads of width 64, model width 4");
  CHECK(tests::error_of([&] { nn::CrossAttention(p, "b", {.width = 4, .causal = true}); }) ==
        "b: cross-attention cannot be causal; set causal on self-attention only");
}
