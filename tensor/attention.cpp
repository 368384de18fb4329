// The steps of attention; what each of them computes is in tensor/simd/kernels/attention.cpp, products of tiles apart.
#include "tensor/attention.h"

#include <algorithm>
#include <vector>

#include "tensor/product.h"
#include "tensor/tile_product.h"

namespace tensor {

namespace {

constexpr int64_t kFewForTiles = 12;  // rows and steps of a product below which tiles, mostly zeros, do not pay

template <class T>
bool may_use_tiles(const AttentionHead<T>& head) {
  return rounds<T>(head.precision) && tiles();
}

// One of the products of a head: scores c [m, n] = a b^T, or c [m, n] = a b or, transposed, a^T b, added to c if `add`.
template <class T>
struct HeadProduct {
  const AttentionHead<T>& head;
  bool scores, transposed;
  int64_t m, n, k;
  Rows<const T> a, b;
  Rows<T> c;
  bool add = false;

  bool on_tiles() const { return may_use_tiles(head) && std::min(m, k) >= kFewForTiles; }
};

// s [queries, keys] = x y^T; only what the queries see need be there.
template <class T>
HeadProduct<T> all_dots(const AttentionHead<T>& head, Rows<const T> x, Rows<const T> y, T* s) {
  return {head, true, false, head.queries, head.keys, head.width, x, y, {s, head.keys}};
}

// y = w x, or, transposed, w^T x, of weights w [queries, keys]; y += that if `add`.
template <class T>
HeadProduct<T> weigh(const AttentionHead<T>& head, bool transposed, const T* w, Rows<const T> x, Rows<T> y, bool add = false) {
  const int64_t m = transposed ? head.keys : head.queries, k = transposed ? head.queries : head.keys;
  return {head, false, transposed, m, head.width, k, {w, head.keys}, x, y, add};
}

// In the head's precision, without tiles.
template <class T>
void multiply(HeadProduct<T> x) {
  if (rounds<T>(x.head.precision)) {  // both sides become rounded copies, which the thread's next call replaces
    const int64_t a_rows = x.transposed ? x.k : x.m, a_columns = x.transposed ? x.m : x.k;
    const int64_t b_rows = x.scores ? x.n : x.k, b_columns = x.scores ? x.k : x.n;
    T* a = rounding_memory<T>(rounded_size(a_rows, a_columns) + rounded_size(b_rows, b_columns));
    T* b = a + rounded_size(a_rows, a_columns);
    x.a = {a, rounded_copy(a_rows, a_columns, x.a.data, x.a.stride, a)};
    x.b = {b, rounded_copy(b_rows, b_columns, x.b.data, x.b.stride, b)};
  }
  if (x.scores) simd<T>().attention_dots(x.m, x.n, x.k, x.a, x.b, x.head.causal, x.c.data);
  else simd<T>().attention_product(x.transposed, x.m, x.k, x.a, x.b, x.n, x.add, x.c);
}

// product(problem) of each problem, those that are worth it on tiles and there together.
template <class T, class Problem, class F>
void multiply_all(std::span<const Problem> problems, F&& product) {
  thread_local std::vector<Product<T>> batch;
  batch.clear();
  for (const Problem& problem : problems) {
    const HeadProduct<T> x = product(problem);
    if (!x.on_tiles()) multiply(x);
    else batch.push_back({x.transposed, x.scores, x.m, x.n, x.k, x.a.data, x.a.stride, x.b.data, x.b.stride, x.c.data,
                          x.c.stride, {.accumulate = x.add}, true});
  }
  if constexpr (std::is_same_v<T, float>) {
    if (!batch.empty()) run_tile_batch(batch, *tiles());
  }
}

// steps(problems): together on tiles, else one after the other, which keeps each one's matrices in the cache.
template <class Problem, class F>
void in_steps(std::span<const Problem> problems, bool together, F&& steps) {
  for (size_t i = 0, count = together ? problems.size() : 1; i < problems.size(); i += count) steps(problems.subspan(i, count));
}

template <class T>
const T* kept_or(const AttentionHead<T>& head, const T* p) {
  return head.dropout.kept ? head.dropout.kept : p;
}

template <class T, class Problem>
bool any_on_tiles(std::span<const Problem> problems) {
  return std::any_of(problems.begin(), problems.end(), [](const Problem& x) {
    return may_use_tiles<T>(x.head) && std::max(x.head.queries, x.head.keys) >= kFewForTiles;
  });
}

}  // namespace

template <class T>
void attend(std::span<const Attend<T>> problems) {
  using Problem = Attend<T>;
  in_steps(problems, any_on_tiles<T>(problems), [](std::span<const Problem> some) {
    multiply_all<T>(some, [](const Problem& x) { return all_dots(x.head, x.head.q, x.head.k, x.p); });
    for (const Problem& x : some) {
      if (x.head.keys > 0) simd<T>().attention_softmax(x.head, x.p);
    }
    multiply_all<T>(some, [](const Problem& x) { return weigh(x.head, false, kept_or<T>(x.head, x.p), x.head.v, x.out); });
  });
}

template <class T>
void attend_backward(std::span<const AttendBackward<T>> problems) {
  using Problem = AttendBackward<T>;
  in_steps(problems, any_on_tiles<T>(problems), [](std::span<const Problem> some) {
    multiply_all<T>(some, [](const Problem& x) { return all_dots(x.head, x.dout, x.head.v, x.db); });
    for (const Problem& x : some) simd<T>().attention_softmax_backward(x.head, x.p, x.db);
    multiply_all<T>(some, [](const Problem& x) { return weigh<T>(x.head, false, x.db, x.head.k, x.dq); });
    multiply_all<T>(some, [](const Problem& x) { return weigh<T>(x.head, true, x.db, x.head.q, x.dk); });
    multiply_all<T>(some, [](const Problem& x) {
      return weigh<T>(x.head, true, kept_or<T>(x.head, x.p), x.dout, x.dv, x.dv.data == x.dk.data);
    });
  });
}

template void attend(std::span<const Attend<float>>);
template void attend(std::span<const Attend<double>>);
template void attend_backward(std::span<const AttendBackward<float>>);
template void attend_backward(std::span<const AttendBackward<double>>);

}  // namespace tensor
