// Products on tensor cores: the emulated instruction by NVIDIA's table of lanes, the tiles built on it by plain products.
#include <cmath>

#include "tensor/cuda/device.h"
#include "tensor/cuda/product_tile.h"
#include "tensor/precision.h"
#include "tensor/random.h"
#include "tests/catch.h"

using namespace tensor::cuda;
using tensor::Device;
using tensor::round_bf16;
using tensor::Tensor;

namespace {

// Every lane takes its elements of A [16, 16], B [16, 8] and C [16, 8] where the PTX manual says, ai, bi and ci one by one.
void instruction_kernel(const float* a, const float* b, float* c) {
  const int lane = static_cast<int>(threadIdx.x % 32), group = lane >> 2, in_group = lane % 4;
  float ai[8], bi[4], ci[4];
  for (int i = 0; i < 8; ++i) {
    const int row = i < 2 || (i >= 4 && i < 6) ? group : group + 8, column = in_group * 2 + (i & 1) + (i < 4 ? 0 : 8);
    ai[i] = a[row * 16 + column];
  }
  for (int i = 0; i < 4; ++i) bi[i] = b[(in_group * 2 + (i & 1) + (i < 2 ? 0 : 8)) * 8 + group];
  const auto place = [&](int i) { return (i < 2 ? group : group + 8) * 8 + in_group * 2 + (i & 1); };
  for (int i = 0; i < 4; ++i) ci[i] = c[place(i)];
  const uint32_t left[4] = {pack_bf16(ai[0], ai[1]), pack_bf16(ai[2], ai[3]), pack_bf16(ai[4], ai[5]),
                            pack_bf16(ai[6], ai[7])};
  const uint32_t right[2] = {pack_bf16(bi[0], bi[1]), pack_bf16(bi[2], bi[3])};
  multiply_add(ci, left, right);
  for (int i = 0; i < 4; ++i) c[place(i)] = ci[i];
}

using Tile = ProductTile<64>;

struct Matrix {
  const float* data;
  int rows, columns;
  float operator()(int r, int c) const { return r < rows && c < columns ? data[r * columns + c] : 0.f; }
};

// c = a b for a [m, k], b [k, n], a warp for 16 rows; by_transposes: a and b are given as a^T [k, m] and b^T [n, k]. Then
// of_products = round(c) b2 for b2 [n, k], without c leaving its lanes, for n <= 64.
void product_kernel(int m, int n, int k, bool by_transposes, bool staged, const float* a, const float* b, const float* b2,
                    float* c, float* of_products) {
  const int row = static_cast<int>(threadIdx.x / 32) * kTileRows;
  const auto write = [&](Tile& tile, float* to, int column, int columns) {
    tile.for_each([&](int, int r, int j, float sum) {
      if (row + r < m && column + j < columns) to[(row + r) * columns + column + j] = sum;
    });
  };
  const auto run = [&](const auto& left, const auto& right, const auto& second) {
    if (row >= m) return;
    Tile tile, next;
    for (int column = 0; column < n; column += Tile::kColumns) {
      tile.clear();
      tile.add(left, row, right, 0, k, column, n);
      write(tile, c, column, n);
    }
    for (int column = 0; n <= Tile::kColumns && column < k; column += Tile::kColumns) {
      next.clear();
      next.add(tile, second, 0, n, column, k);
      write(next, of_products, column, k);
    }
  };
  const auto choose = [&](const auto& first, const auto& second, const auto& third) {
    by_transposes ? run(Transposed{first}, Transposed{second}, third) : run(first, second, third);
  };
  const RoundedOnRead<Matrix> x{{a, by_transposes ? k : m, by_transposes ? m : k}},
      y{{b, by_transposes ? n : k, by_transposes ? k : n}}, z{{b2, n, k}};
  if (!staged) return choose(x, y, z);
  uint32_t* memory = shared_memory<uint32_t>();
  const StagedMatrix first = stage_rounded(memory, x, x.value.rows, x.value.columns);
  const StagedMatrix second = stage_rounded(memory, y, y.value.rows, y.value.columns);
  const StagedMatrix third = stage_rounded(memory, z, z.value.rows, z.value.columns);
  __syncthreads();
  choose(first, second, third);
}

std::vector<float> numbers(int64_t count, uint64_t seed) {
  std::vector<float> x(static_cast<size_t>(count));
  const tensor::Random random(seed, "tensor cores");
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal(i));
  return x;
}

std::vector<float> transposed(const std::vector<float>& x, int rows, int columns) {
  std::vector<float> y(x.size());
  for (int i = 0; i < rows * columns; ++i) y[i % columns * rows + i / columns] = x[i];
  return y;
}

// The largest difference of `got` from round(a) round(b).
double error_of(const std::vector<float>& got, const std::vector<float>& a, const std::vector<float>& b, int m, int n,
                int k) {
  double worst = 0;
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      double sum = 0;
      for (int l = 0; l < k; ++l) sum += double{round_bf16(a[i * k + l])} * round_bf16(b[l * n + j]);
      worst = tests::larger(worst, std::fabs(sum - got[i * n + j]));
    }
  }
  return worst;
}

Tensor on_device(const std::vector<float>& x) { return Tensor::from(x).to(Device::cuda); }

}  // namespace

TEST_CASE("two numbers are rounded to bf16 with ties to even", "[cuda][emulation][bf16]") {
  CHECK(pack_bf16(1.f, -2.f) == 0xc0003f80u);
  CHECK(pack_bf16(1.00390625f, 1.01171875f) == 0x3f823f80u);  // half-way: down, and up
  CHECK(pack_bf16(1.01171875f, 1.00390625f) == 0x3f803f82u);
}

TEST_CASE("the emulated tensor core multiplies by NVIDIA's layout of lanes", "[cuda][emulation][bf16]") {
  tensor::cuda::open();
  std::vector<float> a(256), b(128), c(128);  // small whole numbers: every sum is exact, every element another number
  for (int i = 0; i < 256; ++i) a[i] = static_cast<float>(i % 19 - 9);
  for (int i = 0; i < 128; ++i) b[i] = static_cast<float>(i % 23 - 11), c[i] = static_cast<float>(1000 + i);
  Tensor on = on_device(c);
  const Tensor left = on_device(a), right = on_device(b);
  launch("mma", dim3(1), dim3(32), 0, instruction_kernel, left.data<float>(), right.data<float>(), on.data<float>());
  const std::vector<float> got = on.to_vector<float>();
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 8; ++j) {
      float sum = c[i * 8 + j];
      for (int k = 0; k < 16; ++k) sum += a[i * 16 + k] * b[k * 8 + j];
      REQUIRE(got[i * 8 + j] == sum);
    }
  }
}

TEST_CASE("tiles of products equal plain products of rounded numbers", "[cuda][emulation][bf16]") {
  tensor::cuda::open();
  const int sizes[][3] = {{1, 1, 1}, {16, 8, 16}, {17, 9, 33}, {5, 64, 2}, {40, 61, 70}, {3, 130, 16}};
  for (const auto& [m, n, k] : sizes) {
    const std::vector<float> a = numbers(m * k, 1), b = numbers(k * n, 2), b2 = numbers(n * k, 3);
    for (const bool by_transposes : {false, true}) {
      for (const bool staged : {false, true}) {
        CAPTURE(m, n, k, by_transposes, staged);
        const Tensor left = on_device(by_transposes ? transposed(a, m, k) : a);
        const Tensor right = on_device(by_transposes ? transposed(b, k, n) : b), second = on_device(b2);
        Tensor c = on_device(std::vector<float>(m * n)), next = on_device(std::vector<float>(m * k));
        const int words = by_transposes ? staged_words(k, m) + staged_words(n, k) : staged_words(m, k) + staged_words(k, n);
        launch("product", dim3(1), dim3(96), (words + staged_words(n, k)) * sizeof(uint32_t), product_kernel, m, n, k,
               by_transposes, staged, left.data<float>(), right.data<float>(), second.data<float>(), c.data<float>(),
               next.data<float>());
        const std::vector<float> got = c.to_vector<float>();
        CHECK(error_of(got, a, b, m, n, k) < 1e-5);
        if (n <= 64) CHECK(error_of(next.to_vector<float>(), got, b2, m, k, n) < 5e-5);
      }
    }
  }
}
