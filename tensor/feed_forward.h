// The feed-forward block of a Transformer on tiles of bf16, some rows at a time: the rows between its two products, many times
// as wide as what goes in and out, stay in the cache but for a copy in bf16.
//
//   h = dropout(relu(x w1 + b1)),  y = h w2 + b2
//
// The bits of y, dx and h are those of the separate products in bf16; the gradients of the weights are sums in another order.
#pragma once

#include "tensor/random.h"
#include "tensor/tensor.h"

namespace tensor {

struct FeedForward {
  Tensor w1, b1, w2, b2;  // [width, hidden], [hidden] or undefined, [hidden, out], [out] or undefined; f32
  double dropout = 0;
};

// On the set in use, in bf16, for these numbers of columns: longer sums would be added up in another order.
bool has_feed_forward(int64_t width, int64_t hidden, int64_t out);

// x [rows, width] -> y [rows, out], and h in bf16 for the backward pass, in tiles; not kept if `h` is null. Element (i, j) of h
// is dropped by element i * hidden + j of the stream.
void feed_forward(const FeedForward& block, const Tensor& x, const Random& stream, Tensor& y, Tensor* h);

// Those that are undefined are not made. The ones of `add` hold sums to add to.
struct FeedForwardGradients {
  Tensor dx, dw1, db1, dw2, db2;
  struct {
    bool dx = false, dw1 = false, dw2 = false;
  } add;
};
void feed_forward_backward(const FeedForward& block, const Tensor& x, const Tensor& h, const Tensor& dy,
                           FeedForwardGradients& gradients);

}  // namespace tensor
