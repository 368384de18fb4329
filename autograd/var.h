// Values with derivatives. A Var is a handle to a node: a value, and, while a Tape is alive, how it was made.
//
//   Tape tape;                      // recording happens only while a tape is alive; without one this is plain inference
//   Var loss = mean(square(matmul(x, w)));
//   tape.backward(loss);            // w.grad() now holds, or has had added to it, dloss/dw
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace autograd {

using tensor::DType;
using tensor::Shape;
using tensor::Tensor;

struct Node;
class Op;
class Var;

// Which inputs need a gradient, wanted[i] for input i, and where it may go. The others may be returned undefined.
class Wanted {
 public:
  explicit Wanted(const std::vector<Var>& inputs) : inputs_(inputs) {}  // which must outlive it
  bool operator[](size_t input) const;

  // For an operation that adds as easily as it assigns. What it is given it must fill and return.
  struct Target {
    Tensor gradient;   // of the input's shape
    bool add = false;  // it holds the input's gradient so far: add to it
  };
  Target target(size_t input) const;

 private:
  const std::vector<Var>& inputs_;
};

// Given dy, the gradients of the inputs, in their order. Assigns, and Tape::backward adds up, but for what goes into a
// target. Its captures are what the operation saves for its backward pass.
using Gradients = std::vector<Tensor>;
using Backward = std::function<Gradients(const Tensor& dy, Wanted wanted)>;

// The same of an operation with two results; the gradient of one that nothing was made of is undefined.
using BackwardOfTwo = std::function<Gradients(const Tensor& dfirst, const Tensor& dsecond, Wanted wanted)>;

class Var {
 public:
  Var() = default;
  Var(Tensor value);                      // a constant
  static Var parameter(Tensor value);     // a leaf that collects a gradient

  bool defined() const { return node_ != nullptr; }
  const Tensor& value() const;
  Tensor& mutable_value();                // for optimisers and checkpoints
  const Tensor& grad() const;             // undefined until a backward pass reached it
  void clear_grad();
  bool needs_grad() const;
  const Shape& shape() const { return value().shape(); }
  int64_t rows() const { return value().rows(); }
  int64_t columns() const { return value().columns(); }

 private:
  friend class Tape;
  friend class Wanted;
  friend struct Node;
  friend Var record(const Op&, std::vector<Var>, Tensor, Backward);
  friend struct TwoVars record(const Op&, std::vector<Var>, Tensor, Tensor, BackwardOfTwo);
  friend Var constant_result(const Op&, std::vector<Var>, Tensor);
  std::shared_ptr<Node> node_;
};

inline Tensor value_or_none(const Var& x) { return x.defined() ? x.value() : Tensor(); }

// The result of an operation; on the tape if there is one and an input needs a gradient.
Var record(const Op& op, std::vector<Var> inputs, Tensor value, Backward backward);

struct TwoVars {
  Var first, second;
};
TwoVars record(const Op& op, std::vector<Var> inputs, Tensor first, Tensor second, BackwardOfTwo backward);

// The result of an operation without a derivative. Asking for a gradient through it is an error that names the operation.
Var constant_result(const Op& op, std::vector<Var> inputs, Tensor value);

// Records the operations of this thread while it lives. Nodes stand in creation order, so backward is one loop from the end.
class Tape {
 public:
  Tape();
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;
  void backward(const Var& loss);                    // loss has one element
  void backward(const Var& y, const Tensor& dy);     // with a cotangent of y's shape
  // The first recorded value for which `test` holds, as "encoder.0.ffn: relu [3,5]"; empty when there is none.
  std::string first_where(const std::function<bool(const Tensor&)>& test) const;
  static Tape* current();

 private:
  friend Var record(const Op&, std::vector<Var>, Tensor, Backward);
  friend Var constant_result(const Op&, std::vector<Var>, Tensor);
  std::vector<std::shared_ptr<Node>> nodes_;
  Tape* outer_;
};

}  // namespace autograd
