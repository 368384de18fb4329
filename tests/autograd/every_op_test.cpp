// What holds for every operation in the table: single and double precision agree, and the number of threads changes no bit.
#include <cmath>
#include <cstring>

#include "autograd/op.h"
#include "autograd/ops/add.h"
#include "autograd/ops/batched_matmul.h"
#include "autograd/ops/bpr_loss.h"
#include "autograd/ops/concat_columns.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/l2_penalty.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/mse.h"
#include "autograd/ops/normalize_rows.h"
#include "autograd/ops/repeat_rows_by_segment.h"
#include "autograd/ops/row_dot.h"
#include "autograd/ops/row_scale.h"
#include "autograd/ops/scalar_mlps.h"
#include "autograd/ops/segment_mean.h"
#include "autograd/ops/sigmoid.h"
#include "autograd/ops/softplus.h"
#include "autograd/ops/sum.h"
#include "tensor/parallel.h"
#include "tests/catch.h"

using namespace autograd;

namespace {

// The value of a sample and the gradients of its inputs for a fixed random cotangent, all computed in `type`.
std::vector<Tensor> evaluate(const Sample& sample, DType type) {
  Inputs inputs;
  for (const Tensor& x : sample.inputs) inputs.push_back(Var::parameter(x.clone().to(type)));
  Tape tape;
  const Var y = sample.run(inputs);
  std::vector<Tensor> results{y.value()};
  if (!y.needs_grad()) return results;
  tensor::Generator rng(3, "cotangent");
  tape.backward(y, random_tensor(y.shape(), rng).to(type));
  for (const Var& x : inputs) results.push_back(x.grad().defined() ? x.grad() : Tensor::zeros(x.shape(), type));
  return results;
}

template <class F>
void for_every_sample(F&& f) {
  int count = 0;
  for (const Op* op : all_ops()) {
    if (op->derivative() == Derivative::none) continue;
    tensor::Generator rng(11, op->name());
    for (const Sample& sample : op->samples(rng)) {
      INFO(op->name());
      f(sample);
      ++count;
    }
  }
  CHECK(count > 0);
}

void check_thread_counts(const Sample& sample) {
  tensor::set_threads(1);
  const std::vector<Tensor> want = evaluate(sample, DType::f32);
  for (const int threads : {2, 7}) {
    tensor::set_threads(threads);
    const std::vector<Tensor> got = evaluate(sample, DType::f32);
    tensor::set_threads(0);
    REQUIRE(got.size() == want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      INFO("result " << i << ", " << threads << " threads");
      CHECK(std::memcmp(got[i].raw(), want[i].raw(), static_cast<size_t>(want[i].bytes())) == 0);
    }
  }
}

// Large enough for every loop to be split.
std::vector<Sample> large_samples() {
  tensor::Generator rng(5, "large samples");
  const auto random = [&](Shape shape) { return random_tensor(shape, rng); };
  const auto relu = [](const Inputs& in) { return linear(in[0], in[1], in[2], true); };
  const auto ids = [&](int64_t count, uint64_t bound) {
    Tensor values({count}, DType::i32);
    for (int32_t& id : values.span<int32_t>()) id = static_cast<int32_t>(rng.below(bound + 1)) - 1;
    return values;
  };
  const Tensor many = ids(20000, 3), spread = ids(30000, 9000);
  std::vector<int32_t> ends{0};
  while (ends.back() < 20000) ends.push_back(std::min(20000, ends.back() + static_cast<int32_t>(rng.below(9))));
  const Tensor offsets = Tensor::from(ends);
  const int64_t segments = offsets.size() - 1;
  return {
      {{random({3001, 37}), random({37, 9}), random({9})}, relu},
      {{random({3001, 37}), random({37, 9}), random({9})}, [](const Inputs& in) { return linear(in[0], in[1], in[2]); }},
      {{random({5003, 11}), random({5003, 7})}, [](const Inputs& in) { return matmul(in[0], in[1], true); }},
      {{random({300, 9, 17}), random({300, 17, 5})}, [](const Inputs& in) { return batched_matmul(in[0], in[1]); }},
      {{random({3, 16})}, [many](const Inputs& in) { return gather_rows(in[0], many); }},
      {{random({9000, 9})}, [spread](const Inputs& in) { return gather_rows(in[0], spread); }},
      {{random({90001, 3}), random({3})}, [](const Inputs& in) { return add(in[0], in[1]); }},
      {{random({90001})}, [](const Inputs& in) { return sum(softplus(sigmoid(in[0]))); }},
      {{random({90001}), random({90001})}, [](const Inputs& in) { return mse(in[0], in[1]); }},
      {{random({90001}), random({90001})}, [](const Inputs& in) { return bpr_loss(in[0], in[1]); }},
      {{random({90001}), random({70001})}, [](const Inputs& in) { return l2_penalty(in); }},
      {{random({9001, 11}), random({9001, 11})}, [](const Inputs& in) { return row_dot(in[0], in[1]); }},
      {{random({9001, 11}), random({9001})}, [](const Inputs& in) { return row_scale(in[0], in[1]); }},
      {{random({9001, 11}), random({11, 5}), random({5, 1}), random({11, 5}), random({5, 1})},
       [](const Inputs& in) { return scalar_mlps(in[0], {{in[1], in[2]}, {in[3], in[4]}}); }},
      {{random({9000, 9})}, [=](const Inputs& in) { return add(gather_rows(in[0], spread), gather_rows(in[0], spread)); }},
      {{random({9001, 11})}, [](const Inputs& in) { return normalize_rows(in[0]); }},
      {{random({9001, 5}), random({9001, 7})}, [](const Inputs& in) { return concat_columns(in); }},
      {{random({20000, 5})}, [offsets](const Inputs& in) { return segment_mean(in[0], offsets); }},
      {{random({segments, 5})}, [offsets](const Inputs& in) { return repeat_rows_by_segment(in[0], offsets, 20000); }},
  };
}

}  // namespace

TEST_CASE("every operation gives the same in single as in double precision", "[ops]") {
  for_every_sample([](const Sample& sample) {
    const std::vector<Tensor> wide = evaluate(sample, DType::f64), narrow = evaluate(sample, DType::f32);
    REQUIRE(narrow.size() == wide.size());
    for (size_t i = 0; i < wide.size(); ++i) {
      REQUIRE(narrow[i].dtype() == DType::f32);
      const std::vector<double> want = wide[i].to_vector<double>(), got = narrow[i].to(DType::f64).to_vector<double>();
      double largest = 1, worst = 0;
      for (const double value : want) largest = std::max(largest, std::fabs(value));
      for (size_t k = 0; k < want.size(); ++k) worst = tests::larger(worst, std::fabs(got[k] - want[k]));
      INFO("result " << i << " of " << wide[i].shape());
      CHECK(worst <= 1e-5 * largest);
    }
  });
}

TEST_CASE("every operation gives the same bits for any number of threads", "[ops][threads]") {
  for_every_sample(check_thread_counts);
  for (const Sample& sample : large_samples()) check_thread_counts(sample);
}
