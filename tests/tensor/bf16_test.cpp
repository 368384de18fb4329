// Products of inputs rounded to bf16, on every set, on tiles in plain C++, which run the code around those of AMX on any
// machine, and on AMX, whose instructions are trapped where the processor has none.
#include <cstring>
#include <limits>

#include "tensor/error.h"
#include "tensor/packed_matrix.h"
#include "tests/tensor/products.h"

using tensor::Isa;
using tensor::Precision;
using tests::Case;
using tests::on_every_bf16_set;
using tests::Operands;

namespace {

template <class T>
Operands<T> rounded(Case x) {
  x.rounded = true;
  return Operands<T>(x);
}

void check_products(const Case& x, int64_t step = 1) {
  const Operands<float> operands = rounded<float>(x);
  compare(operands, operands.run(tensor::gemm<float>), step);
  compare(operands, operands.run(tensor::gemm_serial<float>), step);
}

float bits(uint32_t value) { return __builtin_bit_cast(float, value); }

std::vector<float> one_product(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> c(1);
  const auto k = static_cast<int64_t>(a.size());
  tensor::gemm<float>(false, false, 1, 1, k, a.data(), k, b.data(), 1, c.data(), 1, {}, Precision::bf16);
  return c;
}

}  // namespace

TEST_CASE("rounding to bf16 goes to the nearest, ties to even", "[bf16]") {
  CHECK(tensor::bf16_bits(1.0f) == 0x3f80);
  CHECK(tensor::bf16_bits(bits(0x3f808000)) == 0x3f80);  // halfway: to the even one, below
  CHECK(tensor::bf16_bits(bits(0x3f818000)) == 0x3f82);  // and above
  CHECK(tensor::bf16_bits(bits(0x3f808001)) == 0x3f81);
  CHECK(tensor::bf16_bits(-2.5f) == 0xc020);
  CHECK(tensor::bf16_bits(std::numeric_limits<float>::max()) == 0x7f80);  // infinity
  CHECK(tensor::bf16_bits(-std::numeric_limits<float>::infinity()) == 0xff80);
  CHECK(std::isnan(tensor::round_bf16(bits(0x7fffffff))));
  CHECK(std::isnan(tensor::round_bf16(bits(0x7f800001))));
  CHECK(tensor::bf16_value(0x3fc0) == 1.5f);
}

TEST_CASE("every set rounds the same", "[bf16][simd]") {
  tensor::Generator random(3, "bf16");
  std::vector<float> x;
  for (int i = 0; i < 1000; ++i) x.push_back(bits(static_cast<uint32_t>(random.below(uint64_t{1} << 32))));
  for (const uint32_t special : {0x3f808000u, 0x3f818000u, 0x7fffffffu, 0xff800001u, 0x7f7fffffu, 0x80000001u, 0u, 0x007fffffu})
    x.push_back(bits(special));
  on_every_bf16_set([&] {
    for (const size_t n : {x.size(), size_t{1}, size_t{17}, size_t{0}}) {
      std::vector<float> y(x.size() + 1, 7.0f);
      tensor::simd<float>().round_bf16(x.data() + x.size() - n, y.data(), static_cast<int64_t>(n));
      int wrong = 0;
      for (size_t i = 0; i < n; ++i) {
        const float want = tensor::round_bf16(x[x.size() - n + i]);
        wrong += std::memcmp(&want, &y[i], sizeof want) != 0;
      }
      CHECK(wrong == 0);
      CHECK(y[n] == 7.0f);
    }
  });
}

TEST_CASE("a product in bf16 is that of the rounded inputs, for every form and size", "[bf16][gemm]") {
  tensor::Generator random(1, "bf16 sizes");
  const int64_t sizes[] = {0, 1, 2, 3, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 97};
  const auto any_size = [&] { return sizes[random.below(std::size(sizes))]; };
  on_every_bf16_set([&] {
    for (int repeat = 0; repeat < 80; ++repeat) {
      const uint64_t choice = random.below(32);
      const auto gap = [&] { return static_cast<int64_t>(random.below(2) * random.below(9)); };
      check_products({(choice & 1) != 0, (choice & 2) != 0, any_size(), any_size(), any_size(), (choice & 4) != 0,
                      (choice & 8) != 0, (choice & 16) != 0, gap(), gap(), gap()});
    }
  });
}

TEST_CASE("a product in bf16 is right where it packs, blocks and splits", "[bf16][gemm]") {
  on_every_bf16_set([] {
    check_products({false, false, 300, 200, 96, true, false, true}, 7);
    check_products({false, true, 150, 70, 1100, true, true, true, 3, 1, 2}, 7);         // two pieces of k
    check_products({true, true, 100, 90, 513, true, false, false, 0, 5, 1}, 7);
    check_products({true, false, 33, 40, 4500, true, true, true, 1, 2, 3}, 3);          // split over k
    check_products({true, false, 290, 20, 2100, false, false, false}, 7);               // and over m
    check_products({false, true, 600, 500, 1100, true, true, true, 3, 1, 2}, 41);       // A packed before all blocks
    check_products({true, false, 600, 500, 1100, false, false, true}, 41);
    check_products({false, false, 2, 1100, 300, true, false, true}, 3);                 // few rows
    check_products({false, false, 20, 130, 1030, true, true, false}, 3);
    check_products({false, true, 1, 300, 520});
    check_products({false, false, 300, 1, 500, true});
    check_products({false, false, 40, 50, 1, true, true, true});
    check_products({false, false, 40, 50, 0, true, true, true});
  });
}

TEST_CASE("a product in bf16 is not that of the inputs, and one in double does not round", "[bf16][gemm]") {
  const Case shape{false, false, 40, 40, 64};
  CHECK(rounded<float>(shape).run(tensor::gemm<float>) != Operands<float>(shape).run(tensor::gemm<float>));
  CHECK(rounded<double>(shape).run(tensor::gemm<double>) == Operands<double>(shape).run(tensor::gemm<double>));
}

TEST_CASE("a product in bf16 is the same bits for any number of threads", "[bf16][gemm][threads]") {
  on_every_bf16_set([] {
    for (const Case& x : {Case{false, false, 400, 96, 130, true, true, true}, Case{true, false, 64, 65, 5000, true, true},
                          Case{false, true, 100, 300, 300}, Case{false, false, 5, 1100, 300}}) {
      const Operands<float> operands = rounded<float>(x);
      std::vector<std::vector<float>> results;
      for (const int threads : {1, 2, 7}) {
        tensor::set_threads(threads);
        results.push_back(operands.run(tensor::gemm<float>));
      }
      CHECK(results[0] == results[1]);
      CHECK(results[0] == results[2]);
    }
  });
}

TEST_CASE("a row in bf16 is the same bits among few and many, packed or not", "[bf16][gemm]") {
  using tensor::Tensor;
  on_every_bf16_set([] {
    for (const bool transposed : {false, true}) {
      for (const auto& [n, k] : {std::pair<int64_t, int64_t>{1, 1}, {33, 7}, {160, 128}, {70, 1100}, {5, 0}, {0, 5}}) {
        const Operands<float> operands(Case{false, transposed, 100, n, k, true});
        const auto tensor_of = [](const std::vector<float>& values, int64_t rows, int64_t columns) {
          return Tensor::from(std::span(values).subspan(1, static_cast<size_t>(rows * columns)), {rows, columns});
        };
        const Tensor b = tensor_of(operands.b, transposed ? n : k, transposed ? k : n);
        const tensor::PackedMatrix packed(b, transposed, Precision::bf16);
        const Tensor a = tensor_of(operands.a, 100, k), bias = tensor_of(operands.bias, 1, n).reshape({n});
        const auto product = [](bool tb, int64_t rows, int64_t columns, int64_t depth, const float* x, int64_t lda,
                                const float* y, int64_t ldb, float* c, int64_t ldc, const tensor::Epilogue<float>& epilogue) {
          tensor::gemm(false, tb, rows, columns, depth, x, lda, y, ldb, c, ldc, epilogue, Precision::bf16);
        };
        std::vector<float> all(100 * n);
        product(transposed, 100, n, k, a.data<float>(), k, operands.b.data() + 1, operands.ldb, all.data(), n,
                         {.bias = bias.data<float>(), .relu = true});
        for (const int64_t m : {0, 1, 20, 24, 25, 100}) {
          INFO("[" << m << "," << k << "][" << k << "," << n << "], transposed " << transposed);
          const std::vector<float> want(all.begin(), all.begin() + m * n);
          CHECK(packed.product(a.row_range(0, m), bias, true).to_vector<float>() == want);
          std::vector<float> some(m * n);
          product(transposed, m, n, k, a.data<float>(), k, operands.b.data() + 1, operands.ldb, some.data(), n,
                           {.bias = bias.data<float>(), .relu = true});
          CHECK(some == want);
        }
      }
    }
  });
}

TEST_CASE("a product in bf16 lets nan and inf through", "[bf16][gemm]") {
  on_every_bf16_set([] {
    std::vector<float> a(40 * 40, 1.0f), b(40 * 40, 1.0f), c(40 * 40);
    a[3 * 40 + 5] = NAN;
    a[4 * 40 + 5] = INFINITY;
    tensor::gemm<float>(false, false, 40, 40, 40, a.data(), 40, b.data(), 40, c.data(), 40, {.relu = true}, Precision::bf16);
    CHECK(std::isnan(c[3 * 40 + 39]));
    CHECK(std::isinf(c[4 * 40 + 39]));
    CHECK(c[2 * 40 + 39] == 40.0f);
  });
}

TEST_CASE("tiles add even and odd steps apart, and take denormal numbers for zero", "[bf16]") {
  const auto check = [] {
    CHECK(one_product({1e-39f, 1}, {1, 2}) == std::vector<float>{2});
    CHECK(one_product({1e-30f}, {1e-12f}) == std::vector<float>{0});
    // In order 0 1 2 3 the sum would be 1 + 1: 2^25 takes the 1 of step 1 with it.
    CHECK(one_product({0x1p25f, 1, -0x1p25f, 1}, {1, 1, 1, 1}) == std::vector<float>{2});
    // The product of step 2 is below the smallest normal number, and still counts in the sum: they are one operation.
    CHECK(one_product({0x1p-126f, 0, -0x1p-64f}, {1.5f, 0, 0x1p-63f}) == std::vector<float>{0x1p-126f});
  };
  tests::IsaAndThreadsGuard guard;
  tensor::set_isa("tiles");
  check();
  tests::on_amx(check);
  tensor::set_isa("generic");
  CHECK(one_product({0x1p25f, 1, -0x1p25f, 1}, {1, 1, 1, 1}) == std::vector<float>{1});
}

TEST_CASE("a processor without AMX says so", "[bf16][isa]") {
  tests::IsaAndThreadsGuard guard;
  CHECK(tests::error_of([] { tensor::set_isa("amy"); }) ==
        "isa: unknown instruction set 'amy'; use auto, generic, avx2, avx512 or amx");
  if (tensor::has_isa(Isa::amx)) {
    CHECK(tensor::isa() == Isa::amx);
    CHECK(tensor::tiles() != nullptr);
  } else {
    CHECK_THAT(tests::error_of([] { tensor::set_isa("amx"); }), tests::Contains("isa: this processor has no amx; use auto or "));
    CHECK(tensor::tiles() == nullptr);
  }
  CHECK(tests::error_of([] { tensor::precision_named("fp16"); }) == "precision: 'fp16' is not known; use fp32 or bf16");
}

TEST_CASE("a packed matrix refuses another set than that which it was made for", "[bf16][gemm]") {
  tests::IsaAndThreadsGuard guard;
  tensor::set_isa("tiles");
  const tensor::PackedMatrix packed(tensor::Tensor::zeros({3, 5}), false, Precision::bf16);
  tensor::set_isa("generic");
  CHECK_THAT(tests::error_of([&] { packed.product(tensor::Tensor::zeros({2, 3})); }),
             tests::Contains("packed matrix: laid out for tiles, not generic"));
}
