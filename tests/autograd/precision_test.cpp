// What --precision bf16 changes of the operations, and what it leaves alone.
#include <cmath>

#include "autograd/device_check.h"
#include "autograd/ops/decode_attention.h"
#include "autograd/ops/linear.h"
#include "tensor/parallel.h"
#include "tensor/precision.h"
#include "tensor/simd/simd.h"
#include "tests/autograd/ragged.h"
#include "tests/catch.h"

using namespace autograd;
using tensor::Precision;
using tensor::PrecisionScope;

namespace {

// y and the gradients of x, w and bias.
std::vector<Tensor> linear_results(DType type, Precision precision) {
  const PrecisionScope scope(precision);
  tensor::Generator rng(4, "precision test");
  const auto random = [&](Shape shape) { return Var::parameter(random_tensor(shape, rng).to(type)); };
  const Var x = random({90, 70}), w = random({70, 50}), bias = random({50});
  Tape tape;
  const Var y = linear(x, w, bias);
  tape.backward(y, random_tensor({90, 50}, rng).to(type));
  return {y.value(), x.grad(), w.grad(), bias.grad()};
}

const std::vector<int> kLengths = {20, 1, 0, 3, 33, 12};

// out and the gradients of attention with everything it can have, then of the one whose heads share keys and values.
std::vector<Tensor> attention_results(Precision precision) {
  const PrecisionScope scope(precision);
  const auto input = [](int64_t columns, uint64_t seed) {
    return Var::parameter(tests::random_matrix(tests::total(kLengths), columns, seed).to(DType::f32));
  };
  const Tensor offsets = tests::offsets_of(kLengths), dout = input(48, 1).value();
  const Var qkv = input(144, 2);
  const Var q = input(48, 3), m = input(24, 5), bias = Var::parameter(tests::random_matrix(4, 2, 4).to(DType::f32));
  AttentionOptions options{.heads = 2, .scale = 0.2};
  std::vector<Tensor> results;
  {
    options.causal = true, options.dropout = 0.2;
    Tape tape;
    const Var out = attention_qkv(qkv, offsets, options, {bias, Tensor::from<int32_t>({3, 1, 0, 2, 2})});
    tape.backward(out, dout);
    results = {out.value(), qkv.grad(), bias.grad()};
    options.causal = false;
  }
  Tape tape;
  const Var out = shared_attention(q, m, offsets, offsets, options);
  tape.backward(out, dout);
  results.insert(results.end(), {out.value(), q.grad(), m.grad()});
  return results;
}

// |a - b| / |b|, as vectors.
double distance(const Tensor& a, const Tensor& b) {
  double difference = 0, size = 0;
  const auto x = a.to(DType::f64).to_vector<double>(), y = b.to(DType::f64).to_vector<double>();
  for (size_t i = 0; i < x.size(); ++i) difference += std::pow(x[i] - y[i], 2), size += std::pow(y[i], 2);
  return std::sqrt(difference / size);
}

}  // namespace

TEST_CASE("linear in bf16 is near fp32, with its gradients", "[bf16][ops]") {
  const std::vector<Tensor> exact = linear_results(DType::f32, Precision::fp32);
  for (const char* set : {"auto", "tiles"}) {
    tensor::set_isa(set);
    const std::vector<Tensor> rounded = linear_results(DType::f32, Precision::bf16);
    tensor::set_isa("auto");
    for (size_t i = 0; i < 3; ++i) {
      INFO("result " << i << " on " << set);
      CHECK(distance(rounded[i], exact[i]) < 2e-2);
      CHECK(distance(rounded[i], exact[i]) > 1e-4);  // it was rounded
    }
    CHECK(rounded[3].to_vector<float>() == exact[3].to_vector<float>());  // the sums of the bias are no product
  }
}

TEST_CASE("attention in bf16 is near fp32, with its gradients", "[bf16][ops][attention]") {
  const std::vector<Tensor> exact = attention_results(Precision::fp32);
  for (const char* set : {"auto", "tiles"}) {
    tensor::set_isa(set);
    const std::vector<Tensor> rounded = attention_results(Precision::bf16);
    for (size_t i = 0; i < exact.size(); ++i) {
      INFO("result " << i << " on " << set);
      CHECK(distance(rounded[i], exact[i]) < 2e-2);
      CHECK(distance(rounded[i], exact[i]) > 1e-4);  // it was rounded
    }
    for (const int threads : {1, 7}) {
      tensor::set_threads(threads);
      const std::vector<Tensor> again = attention_results(Precision::bf16);
      for (size_t i = 0; i < exact.size(); ++i) CHECK(again[i].to_vector<float>() == rounded[i].to_vector<float>());
    }
    tensor::set_threads(0);
    tensor::set_isa("auto");
  }
}

TEST_CASE("attention over cached keys is fp32 in bf16", "[bf16][ops][attention]") {
  const Tensor step = tests::random_matrix(30, 48, 1).to(DType::f32), kv = tests::random_matrix(40, 32, 2).to(DType::f32);
  const Tensor queries = tests::random_matrix(30, 16, 3).to(DType::f32), offsets = tests::offsets_of({40});
  std::vector<int32_t> rows(30);
  for (int32_t r = 0; r < 30; ++r) rows[r] = r;
  const auto results = [&](Precision precision) {
    const PrecisionScope scope(precision);
    const AttentionOptions options{.heads = 2, .scale = 0.3};
    const Tensor self = decode_attention({step}, Tensor::from(rows, {30, 1}), options);
    const Tensor cross = decode_cross_attention(queries, kv, offsets, Tensor::zeros({30}, DType::i32), options);
    return std::pair(self.to_vector<float>(), cross.to_vector<float>());
  };
  CHECK(results(Precision::bf16) == results(Precision::fp32));
}

TEST_CASE("double precision does not round", "[bf16][ops]") {
  const std::vector<Tensor> exact = linear_results(DType::f64, Precision::fp32);
  const std::vector<Tensor> rounded = linear_results(DType::f64, Precision::bf16);
  for (size_t i = 0; i < exact.size(); ++i) CHECK(rounded[i].to_vector<double>() == exact[i].to_vector<double>());
}

TEST_CASE("bf16 rounds the inputs of products and changes no other operation", "[bf16][ops]") {
  for (const char* set : {"auto", "tiles"}) {
    tensor::set_isa(set);
    const DeviceReport report = compare_precisions();
    tensor::set_isa("auto");
    CHECK(report.failures == std::vector<std::string>());
    CHECK(report.cases > 50);
  }
  CHECK(compare_precisions("no such operation").failures ==
        std::vector<std::string>{"no operation matches 'no such operation'"});
}
