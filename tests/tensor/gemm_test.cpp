// Matrix products against a plain loop in double: every transpose form, size, leading dimension, epilogue, set.
#include "tensor/gemm.h"

#include <cmath>
#include <vector>

#include "tensor/packed_matrix.h"
#include "tests/tensor/products.h"

using tests::available;
using tests::Case;
using tests::compare;
using tests::IsaAndThreadsGuard;
using tests::Operands;

namespace {

template <class T>
void all_products(const Case& x, int64_t step = 1) {
  const Operands<T> operands(x);
  compare(operands, operands.run(tensor::gemm<T>), step);
  compare(operands, operands.run(tensor::gemm_serial<T>), step);
}

}  // namespace

TEMPLATE_TEST_CASE("gemm equals a plain loop for every form and size", "[gemm]", float, double) {
  IsaAndThreadsGuard guard;
  tensor::Generator random(1, "sizes");
  const int64_t sizes[] = {0, 1, 2, 3, 5, 7, 12, 13, 16, 17, 20, 31, 32, 33, 48, 64, 65};
  const auto any_size = [&] { return sizes[random.below(std::size(sizes))]; };
  for (tensor::Isa set : available()) {
    tensor::set_isa(tensor::name_of(set));
    for (int repeat = 0; repeat < 300; ++repeat) {
      const uint64_t bits = random.below(32);
      const auto gap = [&] { return static_cast<int64_t>(random.below(2) * random.below(9)); };
      all_products<TestType>({(bits & 1) != 0, (bits & 2) != 0, any_size(), any_size(), any_size(), (bits & 4) != 0,
                              (bits & 8) != 0, (bits & 16) != 0, gap(), gap(), gap()});
    }
  }
}

TEMPLATE_TEST_CASE("gemm is right where it packs, blocks and splits", "[gemm]", float, double) {
  IsaAndThreadsGuard guard;
  for (tensor::Isa set : available()) {
    tensor::set_isa(tensor::name_of(set));
    all_products<TestType>({false, false, 500, 200, 96, true, false, true}, 7);
    all_products<TestType>({false, true, 250, 70, 600, true, true, true, 3, 1, 2}, 7);
    all_products<TestType>({true, false, 130, 600, 300, false, true, false}, 11);
    all_products<TestType>({true, true, 100, 90, 513, true, false, false, 0, 5, 1}, 7);
    all_products<TestType>({true, false, 33, 40, 4500, true, true, true, 1, 2, 3}, 3);  // split over k
    all_products<TestType>({true, false, 300, 20, 2100, false, false, false}, 7);       // and over m
    all_products<TestType>({false, false, 30, 64, 1024, true, false, false}, 3);        // rows of A share cache sets
    all_products<TestType>({false, false, 2, 1000, 300, true, false, true}, 1);         // few rows
    all_products<TestType>({false, true, 1, 700, 520}, 1);
    all_products<TestType>({false, false, 700, 1, 500, true}, 1);
  }
}

TEST_CASE("a product without an inner size is the bias", "[gemm]") {
  const float bias[] = {1, -2, 3};
  std::vector<float> c(6, 9.0f);
  tensor::gemm<float>(false, false, 2, 3, 0, nullptr, 0, nullptr, 3, c.data(), 3, {bias, false, true});
  CHECK(c == std::vector<float>{1, 0, 3, 1, 0, 3});
  tensor::gemm<float>(true, true, 2, 3, 0, nullptr, 2, nullptr, 0, c.data(), 3, {});
  CHECK(c == std::vector<float>(6, 0.0f));
}

TEST_CASE("gemm gives the same bits for any number of threads", "[gemm]") {
  IsaAndThreadsGuard guard;
  for (const Case& x : {Case{false, false, 1000, 96, 130, true, true, true}, Case{true, false, 64, 65, 5000, true, true},
                        Case{false, true, 300, 1100, 300}, Case{false, false, 5, 3000, 300},
                        Case{true, false, 100, 600, 2500}}) {
    const Operands<float> operands(x);
    std::vector<std::vector<float>> results;
    for (int threads : {1, 2, 7}) {
      tensor::set_threads(threads);
      results.push_back(operands.run(tensor::gemm<float>));
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
}

TEST_CASE("a row of a product does not depend on the rows around it", "[gemm]") {
  const int64_t n = 70, k = 700;
  const Operands<float> operands(Case{false, true, 400, n, k, true, false, false});
  const std::vector<float> all = operands.run(tensor::gemm<float>);
  for (int64_t row : {0, 11, 12, 239, 240, 399}) {
    std::vector<float> one(n);
    tensor::gemm(false, true, 1, n, k, operands.a.data() + 1 + row * k, k, operands.b.data() + 1, k, one.data(), n,
                 operands.epilogue());
    CHECK(std::equal(one.begin(), one.end(), all.begin() + 1 + row * n));
  }
}

TEST_CASE("gemm lets nan and inf through", "[gemm]") {
  std::vector<float> a(40 * 40, 1.0f), b(40 * 40, 1.0f), c(40 * 40);
  a[3 * 40 + 5] = NAN;
  tensor::gemm<float>(false, false, 40, 40, 40, a.data(), 40, b.data(), 40, c.data(), 40, {nullptr, false, true});
  CHECK(std::isnan(c[3 * 40 + 39]));
  CHECK(c[2 * 40 + 39] == 40.0f);
}

TEST_CASE("a row of few is the same bits as the row of many", "[gemm]") {
  IsaAndThreadsGuard guard;
  for (tensor::Isa set : available()) {
    tensor::set_isa(tensor::name_of(set));
    for (const Case& x : {Case{false, false, 100, 1088, 600, true, true, true}, Case{false, false, 100, 128, 1024},
                          Case{false, false, 100, 96, 128, true, false, true}}) {
      const Operands<float> operands(x);
      const std::vector<float> many = operands.run(tensor::gemm<float>);
      for (const int64_t rows : {1, 7, 20, 24}) {
        Operands<float> few = operands;
        few.shape.m = rows;
        const std::vector<float> some = few.run(tensor::gemm<float>);
        INFO("rows " << rows << " n " << x.n << " k " << x.k << " on " << tensor::name_of(set));
        CHECK(std::equal(some.begin(), some.begin() + 1 + rows * operands.ldc, many.begin()));
        compare(few, some, 5);
      }
    }
  }
}

TEMPLATE_TEST_CASE("a packed matrix gives the same bits as the matrix", "[gemm]", float, double) {
  IsaAndThreadsGuard guard;
  using tensor::Tensor;
  for (tensor::Isa set : available()) {
    tensor::set_isa(tensor::name_of(set));
    for (const bool transposed : {false, true}) {
      for (const auto& [n, k] : {std::pair<int64_t, int64_t>{1, 1}, {33, 7}, {1152, 128}, {130, 1030}, {5, 0}, {0, 5}}) {
        const Operands<TestType> operands(Case{false, transposed, 100, n, k, true});
        const auto tensor_of = [](const std::vector<TestType>& values, int64_t rows, int64_t columns) {
          return Tensor::from(std::span(values).subspan(1, static_cast<size_t>(rows * columns)), {rows, columns});
        };
        const tensor::PackedMatrix packed(tensor_of(operands.b, transposed ? n : k, transposed ? k : n), transposed);
        const Tensor a = tensor_of(operands.a, 100, k), bias = tensor_of(operands.bias, 1, n).reshape({n});
        for (const int64_t m : {0, 1, 20, 24, 25, 81, 100}) {
          std::vector<TestType> want(m * n), plain(m * n);
          tensor::gemm<TestType>(false, transposed, m, n, k, a.data<TestType>(), k, operands.b.data() + 1, operands.ldb,
                                 want.data(), n, {.bias = bias.data<TestType>(), .relu = true});
          tensor::gemm<TestType>(false, transposed, m, n, k, a.data<TestType>(), k, operands.b.data() + 1, operands.ldb,
                                 plain.data(), n);
          for (const int threads : {1, 2, 7}) {
            tensor::set_threads(threads);
            INFO("[" << m << "," << k << "][" << k << "," << n << "] on " << tensor::name_of(set) << ", threads " << threads);
            CHECK(packed.product(a.row_range(0, m), bias, true).to_vector<TestType>() == want);
            CHECK(packed.product(a.row_range(0, m)).to_vector<TestType>() == plain);
          }
        }
      }
    }
  }
}

TEST_CASE("a packed matrix refuses what does not fit", "[gemm]") {
  IsaAndThreadsGuard guard;
  CHECK_FALSE(tensor::PackedMatrix().defined());
  const tensor::PackedMatrix packed(tensor::Tensor::zeros({3, 5}));
  CHECK(tests::error_of([&] { packed.product(tensor::Tensor::zeros({2, 5})); }) ==
        "packed matrix: inner sizes differ, x is [2,5], the matrix is [3,5]; x must be [.., 3]");
  CHECK(packed.product(tensor::Tensor::zeros({2, 4, 3})).shape() == tensor::Shape{2, 4, 5});
}
