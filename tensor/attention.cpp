// The steps of attention in one head; what each of them computes is in tensor/simd/kernels/attention.cpp.
#include "tensor/attention.h"

#include <algorithm>

#include "tensor/product.h"

namespace tensor {

namespace {

constexpr int64_t kFewTileRows = 12;  // rows of a product below which tiles, mostly zeros, do not pay

template <class T>
bool on_tiles(Precision precision, int64_t rows) {
  return rounds<T>(precision) && tiles() && rows >= kFewTileRows;
}

// x [x_rows, x_columns] and y become rounded copies, which the thread's next call replaces.
template <class T>
void round_both(int64_t x_rows, int64_t x_columns, Rows<const T>& x, int64_t y_rows, int64_t y_columns, Rows<const T>& y) {
  T* to_x = rounding_memory<T>(rounded_size(x_rows, x_columns) + rounded_size(y_rows, y_columns));
  T* to_y = to_x + rounded_size(x_rows, x_columns);
  x = {to_x, rounded_copy(x_rows, x_columns, x.data, x.stride, to_x)};
  y = {to_y, rounded_copy(y_rows, y_columns, y.data, y.stride, to_y)};
}

// s [m, n] = x y^T in the head's precision; only what the queries see need be there.
template <class T>
void all_dots(const AttentionHead<T>& head, Rows<const T> x, Rows<const T> y, T* s) {
  const int64_t m = head.queries, n = head.keys, width = head.width;
  if (on_tiles<T>(head.precision, m)) {
    return gemm_serial(false, true, m, n, width, x.data, x.stride, y.data, y.stride, s, n, {}, head.precision);
  }
  if (rounds<T>(head.precision)) round_both(m, width, x, n, width, y);
  simd<T>().attention_dots(m, n, width, x, y, head.causal, s);
}

// c = a b, or, transposed, a^T b, in the head's precision; a is [queries, keys].
template <class T>
void weigh(const AttentionHead<T>& head, bool transposed, const T* a, Rows<const T> b, Rows<T> c) {
  const int64_t m = transposed ? head.keys : head.queries, k = transposed ? head.queries : head.keys;
  const int64_t width = head.width;
  if (on_tiles<T>(head.precision, m)) {
    return gemm_serial(transposed, false, m, width, k, a, head.keys, b.data, b.stride, c.data, c.stride, {}, head.precision);
  }
  Rows<const T> left{a, head.keys};
  if (rounds<T>(head.precision)) round_both(head.queries, head.keys, left, k, width, b);
  simd<T>().attention_product(transposed, m, k, left, b, width, c);
}

}  // namespace

template <class T>
void attend(const AttentionHead<T>& head, T* p, Rows<T> out) {
  if (head.keys == 0) {
    for (int64_t i = 0; i < head.queries; ++i) std::fill_n(out[i], head.width, T{0});
    return;
  }
  all_dots(head, head.q, head.k, p);
  simd<T>().attention_softmax(head, p);
  weigh(head, false, head.dropout.kept ? head.dropout.kept : p, head.v, out);
}

template <class T>
void attend_backward(const AttentionHead<T>& head, const T* p, Rows<const T> dout, Rows<T> dq, Rows<T> dk, Rows<T> dv,
                     T* db) {
  all_dots(head, dout, head.v, db);
  simd<T>().attention_softmax_backward(head, p, db);
  weigh(head, false, db, head.k, dq);
  weigh(head, true, db, head.q, dk);
  weigh<T>(head, true, head.dropout.kept ? head.dropout.kept : p, dout, dv);
}

template void attend(const AttentionHead<float>&, float*, Rows<float>);
template void attend(const AttentionHead<double>&, double*, Rows<double>);
template void attend_backward(const AttentionHead<float>&, const float*, Rows<const float>, Rows<float>, Rows<float>,
                              Rows<float>, float*);
template void attend_backward(const AttentionHead<double>&, const double*, Rows<const double>, Rows<double>, Rows<double>,
                              Rows<double>, double*);

}  // namespace tensor
