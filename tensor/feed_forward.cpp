#include "tensor/feed_forward.h"

#include <algorithm>

#include "tensor/divide.h"
#include "tensor/product.h"
#include "tensor/profile.h"
#include "tensor/tile_product.h"

namespace tensor {

namespace {

constexpr int64_t kStrip = kTileSide;  // rows at a time, and
constexpr int64_t kChunk = 128;        // columns of h: its fp32 [32, 128] stays in the first-level cache
constexpr int64_t kBlock = 1 << 17;    // elements of h between two products for the gradients of the weights
constexpr int64_t kPieces = 16;        // of the rows, with sums of the weights' gradients of their own
constexpr int64_t kPieceBlocks = 4;    // blocks of rows that are worth a piece
constexpr int64_t kPadding = 16;       // elements after a row of sums: rows of 4096 bytes would fall into the same cache lines

// Memory of the thread by use.
enum Use { kRows, kKept, kHidden, kGradient, kA, kB, kLeft, kRight, kWeights, kUses };
template <class T>
T* memory_for(Use use, int64_t count) {
  thread_local Scratch<T> scratch[kUses];
  return scratch[use].get(count);
}

struct Sizes {
  int64_t rows, width, hidden, out;
  int64_t block = std::max<int64_t>(1, kBlock / hidden / kStrip) * kStrip;  // rows

  Sizes(const FeedForward& f, const Tensor& x)
      : rows(x.rows()), width(f.w1.rows()), hidden(f.w1.columns()), out(f.w2.columns()) {}
};

// The strip of h from `row` on, packed as rows of A.
uint16_t* strip_of(const Tensor& h, int64_t row, int64_t hidden) {
  return reinterpret_cast<uint16_t*>(const_cast<bf16*>(h.data<bf16>())) + row * hidden;
}

void pack_weights(bool transpose, const Tensor& w, uint16_t* packed) {
  const int64_t n = transpose ? w.rows() : w.columns(), k = transpose ? w.columns() : w.rows();
  pack_all_tiles({false, transpose, 1, n, k, nullptr, k, w.data<float>(), w.columns(), nullptr, n, {}, true}, *tiles(), packed);
}

const float* values(const Tensor& x) { return x.defined() ? x.data<float>() : nullptr; }

void multiply(int64_t m, int64_t n, int64_t k, const uint16_t* a, const uint16_t* b, float* c, int64_t ldc,
              const Epilogue<float>& epilogue) {
  const TileProduct product{m, n, k, a, b, c, ldc, epilogue};
  tiles()->multiply(&product, 1);
}

// sum [n] += the rows of x.
void add_rows(int64_t rows, int64_t n, const float* x, int64_t stride, float* sum) {
  for (int64_t i = 0; i < rows; ++i) simd<float>().add(sum, x + i * stride, sum, n);
}

// What a piece of the rows adds to the gradients of the weights: [dw1, dw2, db1, db2], rows padded.
struct GradientSums {
  int64_t width, hidden, out;
  int64_t w1_stride() const { return hidden + kPadding; }
  int64_t w2_stride() const { return out + kPadding; }
  int64_t w2() const { return width * w1_stride(); }
  int64_t b1() const { return w2() + hidden * w2_stride(); }
  int64_t b2() const { return b1() + hidden; }
  int64_t size() const { return b2() + out; }
};

// to [m, n] = (add ? to : 0) + the sum over the pieces, in order.
void add_up(const float* first, int64_t stride, int64_t pieces, int64_t piece_size, bool add, Tensor& to) {
  if (!to.defined()) return;
  const int64_t n = to.columns();
  float* sums = to.data<float>();
  parallel_for(to.rows(), std::max<int64_t>(1, 32768 / (pieces * n)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* row = sums + i * n;
      if (!add) std::fill_n(row, n, 0.0f);
      for (int64_t p = 0; p < pieces; ++p) simd<float>().add(row, first + p * piece_size + i * stride, row, n);
    }
  });
}

// f(j, columns) for the chunks of h.
template <class F>
void for_chunks(int64_t hidden, F&& f) {
  for (int64_t j = 0; j < hidden; j += kChunk) f(j, std::min(kChunk, hidden - j));
}

}  // namespace

bool has_feed_forward(int64_t width, int64_t hidden, int64_t out) {
  return precision() == Precision::bf16 && tiles() && hidden > 0 && hidden % kTileSide == 0 &&
         std::max({width, hidden, out}) <= kTileDepth;
}

void feed_forward(const FeedForward& f, const Tensor& x, const Random& stream, Tensor& y, Tensor* h) {
  const Measured measured("feed_forward");
  const Sizes s(f, x);
  count_work(2.0 * static_cast<double>(s.rows * s.hidden) * static_cast<double>(s.width + s.out), 0);
  if (h) *h = Tensor({round_up(s.rows, kStrip) * s.hidden}, DType::bf16);
  uint16_t* w1 = memory_for<uint16_t>(kWeights, s.hidden * tiled(s.width) + tiled(s.out) * s.hidden);
  uint16_t* w2 = w1 + s.hidden * tiled(s.width);
  pack_weights(false, f.w1, w1), pack_weights(false, f.w2, w2);
  const uint32_t threshold = dropout_threshold(f.dropout);
  const auto keep_scale = static_cast<float>(1 / (1 - f.dropout));
  float* py = y.data<float>();
  parallel_for(ceil_div(s.rows, kStrip), 1, [&](int64_t strip, int64_t) {
    const int64_t row = strip * kStrip, rows = std::min(kStrip, s.rows - row);
    uint16_t* in = memory_for<uint16_t>(kRows, kStrip * tiled(s.width));
    uint16_t* kept = h ? strip_of(*h, row, s.hidden) : memory_for<uint16_t>(kKept, kStrip * s.hidden);
    float* hidden = memory_for<float>(kHidden, kStrip * kChunk);
    tiles()->pack_a(false, rows, s.width, x.data<float>() + row * s.width, s.width, in);
    for_chunks(s.hidden, [&](int64_t j, int64_t columns) {
      const float* bias = f.b1.defined() ? f.b1.data<float>() + j : nullptr;
      multiply(rows, columns, s.width, in, w1 + j * tiled(s.width), hidden, kChunk, {.bias = bias, .relu = true});
      for (int64_t i = 0; f.dropout > 0 && i < rows; ++i) {
        float* part = hidden + i * kChunk;
        const auto index = static_cast<uint64_t>((row + i) * s.hidden + j);
        simd<float>().dropout(stream.key(), index, threshold, keep_scale, part, part, columns);
      }
      tiles()->pack_a(false, rows, columns, hidden, kChunk, kept + j * kStrip);
    });
    multiply(rows, s.out, s.hidden, kept, w2, py + row * s.out, s.out, {.bias = values(f.b2)});
  });
}

void feed_forward_backward(const FeedForward& f, const Tensor& x, const Tensor& h, const Tensor& dy,
                           FeedForwardGradients& gradients) {
  const Measured measured("feed_forward.backward");
  const Sizes s(f, x);
  count_work(4.0 * static_cast<double>(s.rows * s.hidden) * static_cast<double>(s.width + s.out), 0);
  uint16_t* w1 = memory_for<uint16_t>(kWeights, tiled(s.width) * s.hidden + s.hidden * tiled(s.out));
  uint16_t* w2 = w1 + tiled(s.width) * s.hidden;
  pack_weights(true, f.w1, w1), pack_weights(true, f.w2, w2);
  const auto keep_scale = static_cast<float>(1 / (1 - f.dropout));
  const GradientSums sums{s.width, s.hidden, s.out};
  const int64_t blocks = ceil_div(s.rows, s.block);
  const int64_t pieces = std::clamp<int64_t>(ceil_div(blocks, kPieceBlocks), 1, kPieces), length = ceil_div(blocks, pieces);
  Tensor parts({pieces * sums.size()}, DType::f32);
  float* first = parts.data<float>();
  float* dx = gradients.dx.defined() ? gradients.dx.data<float>() : nullptr;
  parallel_for(pieces, 1, [&](int64_t piece, int64_t) {
    float* part = first + piece * sums.size();
    std::fill(part, part + sums.size(), 0.0f);
    uint16_t *out = memory_for<uint16_t>(kRows, kStrip * tiled(s.out)), *g_rows = memory_for<uint16_t>(kKept, kStrip * s.hidden);
    float *hidden = memory_for<float>(kHidden, kStrip * kChunk), *g = memory_for<float>(kGradient, kStrip * kChunk);
    // Of a block: h^T and x^T as left sides, the gradient of what goes into the ReLU and dy as right sides.
    uint16_t *h_left = memory_for<uint16_t>(kA, s.block * s.hidden), *g_right = memory_for<uint16_t>(kB, s.block * s.hidden);
    uint16_t* x_left = memory_for<uint16_t>(kLeft, s.block * tiled(s.width));
    uint16_t* dy_right = memory_for<uint16_t>(kRight, s.block * tiled(s.out));
    for (int64_t begin = piece * length * s.block; begin < std::min(s.rows, (piece + 1) * length * s.block); begin += s.block) {
      const int64_t end = std::min(s.rows, begin + s.block), depth = ceil_div(end - begin, kStrip) * kTileBlock;
      const float *px = x.data<float>(), *pdy = dy.data<float>();
      for (int64_t row = begin; row < end; row += kStrip) {
        const int64_t rows = std::min(kStrip, end - row), place = (row - begin) / kStrip * kTileBlock;
        const uint16_t* kept = strip_of(h, row, s.hidden);
        tiles()->pack_a(false, rows, s.out, pdy + row * s.out, s.out, out);
        for_chunks(s.hidden, [&](int64_t j, int64_t columns) {
          multiply(rows, columns, s.out, out, w2 + j * tiled(s.out), g, kChunk, {});
          tiles()->unpack_a(rows, columns, kept + j * kStrip, hidden, kChunk);
          simd<float>().relu_backward(keep_scale, hidden, g, g, rows * kChunk);
          tiles()->pack_a(false, rows, columns, g, kChunk, g_rows + j * kStrip);
          for (int64_t c = 0; c < columns; c += kTileSide) {
            const int64_t to = (j + c) / kTileSide * depth + place;
            tiles()->pack_b(false, kTileSide, rows, g + c, kChunk, g_right + to);
            tiles()->pack_a(true, kTileSide, rows, hidden + c, kChunk, h_left + to);
          }
          if (gradients.db1.defined()) add_rows(rows, columns, g, kChunk, part + sums.b1() + j);
        });
        if (dx) {
          multiply(rows, s.width, s.hidden, g_rows, w1, dx + row * s.width, s.width, {.accumulate = gradients.add.dx});
        }
      }
      const int64_t rows = end - begin;
      if (gradients.dw1.defined()) {
        tiles()->pack_a(true, s.width, rows, px + begin * s.width, s.width, x_left);
        multiply(s.width, s.hidden, rows, x_left, g_right, part, sums.w1_stride(), {.accumulate = true});
      }
      if (gradients.dw2.defined()) {
        tiles()->pack_b(false, s.out, rows, pdy + begin * s.out, s.out, dy_right);
        multiply(s.hidden, s.out, rows, h_left, dy_right, part + sums.w2(), sums.w2_stride(), {.accumulate = true});
      }
      if (gradients.db2.defined()) add_rows(rows, s.out, pdy + begin * s.out, s.out, part + sums.b2());
    }
  });
  add_up(first, sums.w1_stride(), pieces, sums.size(), gradients.add.dw1, gradients.dw1);
  add_up(first + sums.w2(), sums.w2_stride(), pieces, sums.size(), gradients.add.dw2, gradients.dw2);
  add_up(first + sums.b1(), s.hidden, pieces, sums.size(), false, gradients.db1);
  add_up(first + sums.b2(), s.out, pieces, sums.size(), false, gradients.db2);
}

}  // namespace tensor
