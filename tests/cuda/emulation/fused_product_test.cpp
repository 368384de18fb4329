// Products with what stands around them in one kernel, against their definition in double, for every size of tile.
#include <cmath>

#include "autograd/ops/fused_linear.h"
#include "tensor/cuda/device.h"
#include "tensor/precision.h"
#include "tests/autograd/ragged.h"
#include "tests/catch.h"
#include "tests/cuda/device.h"

using namespace autograd;
using tensor::Device;
using tensor::DType;
using tensor::Precision;

namespace {

struct Sizes {
  int64_t rows, inner, columns;
};

// None of it whole tiles or steps. Tiles of 32 and of 64 are taken where there are enough of them.
constexpr Sizes kSmall[] = {{1, 1, 1}, {1, 128, 33}, {20, 259, 37}, {17, 0, 5}, {0, 3, 4}};
constexpr Sizes kOf32 = {353, 131, 385}, kOf64 = {801, 67, 703};

Tensor random_f32(int64_t rows, int64_t columns, uint64_t seed) {
  return tests::random_matrix(rows, columns, seed).to(DType::f32);
}

double read(const Tensor& x, int64_t r, int64_t c) { return x.data<float>()[r * x.columns() + c]; }

// As the product reads it, in rows of the inner dimension.
std::vector<double> side(const Tensor& x, bool transposed) {
  const int64_t rows = transposed ? x.columns() : x.rows(), columns = transposed ? x.rows() : x.columns();
  std::vector<double> values(rows * columns);
  for (int64_t i = 0; i < rows * columns; ++i) {
    const int64_t r = i / columns, c = i % columns;
    const double value = transposed ? read(x, c, r) : read(x, r, c);
    values[i] = tensor::precision() == Precision::bf16 ? tensor::round_bf16(static_cast<float>(value)) : value;
  }
  return values;
}

// What stands before the product, in fp32 as the kernels make it.
Tensor left_of(const Tensor& x, const FusedLinear& options) {
  Tensor left = x.clone();
  for (int64_t r = 0; options.norm.defined() && r < x.rows(); ++r) {
    double squares = 0;
    for (int64_t i = 0; i < x.columns(); ++i) squares += read(x, r, i) * read(x, r, i);
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(x.columns()) + options.epsilon);
    for (int64_t i = 0; i < x.columns(); ++i) {
      left.data<float>()[r * x.columns() + i] =
          static_cast<float>(options.factor * read(x, r, i) * options.norm.data<float>()[i] * inverse);
    }
  }
  return left;
}

// Checks y = relu?(left w + bias + before) and the number of kernels.
void check(const Sizes& size, FusedLinear options, bool biased, bool add) {
  const bool bf16 = tensor::precision() == Precision::bf16, t = options.transpose_w;
  const Tensor x = random_f32(size.rows, size.inner, 1), bias = random_f32(1, size.columns, 3).reshape({size.columns});
  const Tensor w = t ? random_f32(size.columns, size.inner, 2) : random_f32(size.inner, size.columns, 2);
  const Tensor before = random_f32(size.rows, size.columns, 4), left = left_of(x, options);
  const int64_t launches = tensor::cuda::launches();
  FusedLinear there = options;
  if (options.norm.defined()) there.norm = options.norm.to(Device::cuda);
  Tensor y = before.to(Device::cuda);
  if (add) add_linear(x.to(Device::cuda), w.to(Device::cuda), y);
  else y = fused_linear(x.to(Device::cuda), w.to(Device::cuda), biased ? bias.to(Device::cuda) : Tensor(), there);
  INFO(size.rows << " x " << size.inner << " x " << size.columns << (options.norm.defined() ? ", norm" : "")
                 << (biased ? ", bias" : "") << (options.relu ? ", relu" : "") << (add ? ", added" : "")
                 << (bf16 ? ", bf16" : ""));
  CHECK(tensor::cuda::launches() - launches == (size.rows > 0));
  REQUIRE(y.shape() == before.shape());
  const std::vector<float> got = y.to(Device::cpu).to_vector<float>();
  const std::vector<double> lefts = side(left, false), rights = side(w, !t);
  double worst = 0, largest = 1;
  for (int64_t r = 0; r < size.rows; ++r) {
    for (int64_t c = 0; c < size.columns; ++c) {
      double want = (biased ? bias.data<float>()[c] : 0) + (add ? read(before, r, c) : 0);
      for (int64_t i = 0; i < size.inner; ++i) want += lefts[r * size.inner + i] * rights[c * size.inner + i];
      if (options.relu) want = std::max(want, 0.0);
      const double error = std::fabs(got[r * size.columns + c] - want);
      largest = std::max(largest, std::fabs(want)), worst = tests::larger(worst, error);
    }
  }
  // A normalised number near the middle between two of bf16 may be rounded to either.
  CHECK(worst < largest * (bf16 && options.norm.defined() ? 2e-3 : 1e-5));
}

void check_all() {
  const auto norm = [](const Sizes& size) { return random_f32(1, size.inner, 5).reshape({size.inner}); };
  for (const Sizes& size : kSmall) {
    check(size, {}, false, false);
    check(size, {.norm = {}, .relu = true}, true, false);
    check(size, {}, false, true);
    check(size, {.norm = norm(size), .relu = true}, false, false);
    check(size, {.norm = norm(size), .epsilon = 0.1, .factor = 0.3, .transpose_w = true}, false, false);
  }
  check(kOf32, {.norm = norm(kOf32), .epsilon = 0.1, .factor = 0.3, .transpose_w = true, .relu = true}, true, false);
  check(kOf64, {}, false, true);
}

}  // namespace

TEST_CASE("a fused product is its definition in fp32", "[cuda][fused_product]") {
  if (!tests::have_device()) return;
  check_all();
}

TEST_CASE("a fused product is its definition in bf16", "[cuda][fused_product][bf16]") {
  if (!tests::have_device()) return;
  const tensor::PrecisionScope scope(Precision::bf16);
  check_all();
}

TEST_CASE("a large product is made in steps, with the same result", "[cuda][fused_product]") {
  if (!tests::have_device()) return;
  const Tensor x = random_f32(1600, 700, 1), w = random_f32(700, 960, 2), norm = random_f32(1, 700, 3).reshape({700});
  const int64_t launches = tensor::cuda::launches();
  const Tensor y = fused_linear(x.to(Device::cuda), w.to(Device::cuda), {}, {.norm = norm.to(Device::cuda), .relu = true});
  CHECK(tensor::cuda::launches() - launches == 3);
  Tensor sum = y.clone();
  add_linear(x.to(Device::cuda), w.to(Device::cuda), sum);
  const Tensor want = fused_linear(x, w, {}, {.norm = norm, .relu = true});
  Tensor want_sum = want.clone();
  add_linear(x, w, want_sum);
  const Tensor got = y.to(Device::cpu), got_sum = sum.to(Device::cpu);
  double worst = 0;
  for (int64_t i = 0; i < want.size(); ++i) {
    worst = tests::larger(worst, std::fabs(double{got.data<float>()[i]} - want.data<float>()[i]));
    worst = tests::larger(worst, std::fabs(double{got_sum.data<float>()[i]} - want_sum.data<float>()[i]));
  }
  CHECK(worst < 1e-3);
}

TEST_CASE("fused products say what does not fit", "[fused_product]") {
  const Tensor x = random_f32(2, 3, 1), w = random_f32(3, 4, 2), other = random_f32(5, 4, 3);
  CHECK(tests::error_of([&] { fused_linear(x, other, {}); }) ==
        "fused_linear: inner sizes differ, x is [2,3], w is [5,4]; x must be [.., in], w [in,out]");
  CHECK(tests::error_of([&] { fused_linear(x, w, {}, {.norm = {}, .transpose_w = true}); }) ==
        "fused_linear: inner sizes differ, x is [2,3], w is [3,4]; x must be [.., in], w [out,in]");
  CHECK(tests::error_of([&] { fused_linear(x, w, Tensor::zeros({3}, DType::f32)); }) ==
        "fused_linear: bias is [3], w is [3,4]; bias must be [4]");
  CHECK(tests::error_of([&] { fused_linear(x, w, {}, {.norm = Tensor::zeros({4}, DType::f32)}); }) ==
        "fused_linear: x is [2,3], its norm's scale [4]; it must be [3]");
  Tensor sum = Tensor::zeros({2, 3}, DType::f32);
  CHECK(tests::error_of([&] { add_linear(x, w, sum); }) ==
        "add_linear: x is [2,3], w [3,4], the sum [2,3]; they must be [.., in], [in,out] and [.., out]");
}
