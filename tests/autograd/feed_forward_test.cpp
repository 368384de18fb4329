// The feed-forward block as one operation, against the operations that it stands for.
#include "autograd/ops/feed_forward.h"

#include "autograd/ops/add.h"
#include "autograd/ops/linear.h"
#include "tensor/feed_forward.h"
#include "tensor/parallel.h"
#include "tensor/precision.h"
#include "tests/autograd/ragged.h"
#include "tests/catch.h"
#include "tests/tensor/products.h"

using namespace autograd;

namespace {

const tensor::Random kStream(3, "test");

struct Block {
  int64_t rows, width, hidden, out;
  bool biased;
  double dropout;
};

struct Made {
  std::vector<float> y, dx;
  std::vector<std::vector<float>> weights;  // gradients of up, down and the biases
};

// f(x, weights) of the block's sizes, with gradients. Twice x is used: what is there of its gradient is added to.
template <class F>
Made run(const Block& block, F&& f) {
  const auto input = [](int64_t rows, int64_t columns, uint64_t seed) {
    return Var::parameter(tests::random_matrix(rows, columns, seed).to(DType::f32));
  };
  const auto bias = [&](int64_t size, uint64_t seed) {
    return block.biased ? Var::parameter(input(1, size, seed).value().reshape({size})) : Var();
  };
  const Var x = input(block.rows, block.width, 1);
  const FeedForwardWeights weights{input(block.width, block.hidden, 2), bias(block.hidden, 3), input(block.hidden, block.out, 4),
                                   bias(block.out, 5)};
  Tape tape;
  const Var y = add(f(x, weights), f(x, weights));
  tape.backward(y, input(block.rows, block.out, 6).value());
  Made made{y.value().to_vector<float>(), x.grad().to_vector<float>(), {}};
  for (const Var& w : {weights.up, weights.down, weights.up_bias, weights.down_bias}) {
    if (w.defined()) made.weights.push_back(w.grad().to_vector<float>());
  }
  return made;
}

Made joined(const Block& block) {
  return run(block, [&](const Var& x, const FeedForwardWeights& w) { return feed_forward(x, w, block.dropout, kStream); });
}

Made apart(const Block& block) {
  return run(block, [&](const Var& x, const FeedForwardWeights& w) {
    return linear(linear_relu_dropout(x, w.up, w.up_bias, block.dropout, kStream), w.down, w.down_bias);
  });
}

void check_near(const std::vector<float>& got, const std::vector<float>& want) {
  REQUIRE(got.size() == want.size());
  float largest = 0, worst = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    largest = std::max(largest, std::abs(want[i])), worst = tests::larger(worst, std::abs(got[i] - want[i]));
  }
  CHECK(worst <= 1e-5f * largest);
}

const Block kBlocks[] = {{1, 1, 32, 1, false, 0},       {33, 20, 96, 7, true, 0},       {70, 64, 288, 64, false, .3},
                         {31, 40, 160, 33, true, .1},  {700, 16, 1024, 16, false, .1}, {2100, 8, 512, 24, true, 0},
                         {5, 33, 64, 40, true, .5}};

}  // namespace

TEST_CASE("a feed-forward block has the bits of its operations, its weights sums in another order", "[bf16][feed_forward]") {
  const tensor::PrecisionScope scope(tensor::Precision::bf16);
  int on_tiles = 0;
  tests::on_every_bf16_set([&] {
    for (const Block& block : kBlocks) {
      CAPTURE(block.rows, block.width, block.hidden, block.out);
      on_tiles += tensor::has_feed_forward(block.width, block.hidden, block.out);
      const Made got = joined(block), want = apart(block);
      CHECK(got.y == want.y);
      CHECK(got.dx == want.dx);
      REQUIRE(got.weights.size() == want.weights.size());
      for (size_t i = 0; i < want.weights.size(); ++i) {
        INFO("weights " << i);
        check_near(got.weights[i], want.weights[i]);
      }
    }
  });
  CHECK(on_tiles >= static_cast<int>(std::size(kBlocks)));
}

TEST_CASE("a feed-forward block has the same bits for any number of threads", "[bf16][feed_forward]") {
  const tensor::PrecisionScope scope(tensor::Precision::bf16);
  const tests::IsaAndThreadsGuard guard;
  tensor::set_isa("tiles");
  const Block block{2100, 8, 512, 24, true, .1};
  std::vector<Made> made;
  for (const int threads : {1, 2, 7}) {
    tensor::set_threads(threads);
    made.push_back(joined(block));
    CHECK(made.back().y == made[0].y);
    CHECK(made.back().dx == made[0].dx);
    CHECK(made.back().weights == made[0].weights);
  }
}

TEST_CASE("a feed-forward block is one operation in bf16, on tiles, for whole tiles of h and sums in one piece", "[bf16][feed_forward]") {
  const tests::IsaAndThreadsGuard guard;
  tensor::set_isa("tiles");
  CHECK_FALSE(tensor::has_feed_forward(8, 64, 8));
  const tensor::PrecisionScope scope(tensor::Precision::bf16);
  CHECK(tensor::has_feed_forward(8, 64, 8));
  CHECK(tensor::has_feed_forward(1024, 1024, 1024));
  CHECK_FALSE(tensor::has_feed_forward(8, 40, 8));
  CHECK_FALSE(tensor::has_feed_forward(1025, 64, 8));
  CHECK_FALSE(tensor::has_feed_forward(8, 1056, 8));
  CHECK_FALSE(tensor::has_feed_forward(8, 64, 1025));
  tensor::set_isa("generic");
  CHECK_FALSE(tensor::has_feed_forward(8, 64, 8));
}

TEST_CASE("a feed-forward block whose weights do not fit says so", "[feed_forward]") {
  const auto matrix = [](int64_t rows, int64_t columns) { return Var(tests::random_matrix(rows, columns, 1).to(DType::f32)); };
  const std::string error = tests::error_of([&] { feed_forward(matrix(3, 4), {matrix(5, 32), {}, matrix(32, 2), {}}, 0, kStream); });
  CHECK(error == "linear: inner sizes differ, x is [3,4], w is [5,32]; x must be [.., in], w [in,out]");
}
