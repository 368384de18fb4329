#include "autograd/var.h"

#include <algorithm>
#include <utility>

#include "autograd/op.h"
#include "tensor/elementwise.h"

namespace autograd {

using tensor::check;
using tensor::require;

struct Node {
  Tensor value;
  Tensor grad;
  bool needs_grad = false;
  const Op* op = nullptr;             // null for leaves
  std::vector<Var> inputs;
  Backward backward;
  std::shared_ptr<Node> second;       // the other result of an operation with two
  std::string module;                 // where it was recorded, for messages

  bool reached() const { return grad.defined() || (second && second->grad.defined()); }
  void accumulate(const Tensor& gradient);
};

namespace {
thread_local Tape* current_tape = nullptr;

std::vector<const Op*>& table() {
  static std::vector<const Op*> ops;
  return ops;
}
}  // namespace

Op::Op(const char* name, Samples samples, Derivative derivative) : name_(name), samples_(samples), derivative_(derivative) {
  auto& ops = table();
  ops.insert(std::upper_bound(ops.begin(), ops.end(), this,
                              [](const Op* a, const Op* b) { return std::string_view(a->name_) < b->name_; }),
             this);
}

const std::vector<const Op*>& all_ops() { return table(); }

Tensor random_tensor(Shape shape, tensor::Generator& rng) {
  Tensor x(shape, DType::f64);
  for (double& v : x.span<double>()) v = rng.normal();
  return x;
}

Tensor random_away_from_zero(Shape shape, tensor::Generator& rng) {
  Tensor x(shape, DType::f64);
  for (double& v : x.span<double>()) {
    const double u = 2 * rng.uniform() - 1;
    v = u < 0 ? u - 0.1 : u + 0.1;
  }
  return x;
}

// A gradient that others hold too (dx = dy of an addition) stays as it is.
void Node::accumulate(const Tensor& gradient) {
  if (!grad.defined()) {
    grad = gradient;
    return;
  }
  Tensor sum = grad.sole() ? grad : Tensor::like(grad);
  tensor::add(grad, gradient, sum);
  grad = sum;
}

bool Wanted::operator[](size_t input) const { return inputs_[input].needs_grad(); }

Wanted::Target Wanted::target(size_t input) const {
  Node& node = *inputs_[input].node_;
  if (node.grad.defined() && node.grad.sole()) return {std::exchange(node.grad, Tensor()), true};
  return {Tensor::like(node.value)};
}

Var::Var(Tensor value) : node_(std::make_shared<Node>()) { node_->value = std::move(value); }

Var Var::parameter(Tensor value) {
  Var x(std::move(value));
  x.node_->needs_grad = true;
  return x;
}

const Tensor& Var::value() const {
  check(defined(), "value of an undefined Var");
  return node_->value;
}
Tensor& Var::mutable_value() {
  check(defined(), "value of an undefined Var");
  return node_->value;
}
const Tensor& Var::grad() const {
  check(defined(), "gradient of an undefined Var");
  return node_->grad;
}
void Var::clear_grad() {
  check(defined(), "gradient of an undefined Var");
  node_->grad = Tensor();
}
bool Var::needs_grad() const { return defined() && node_->needs_grad; }

Var record(const Op& op, std::vector<Var> inputs, Tensor value, Backward backward) {
  Var y(std::move(value));
  Tape* tape = Tape::current();
  if (!tape) return y;
  y.node_->needs_grad = std::any_of(inputs.begin(), inputs.end(), [](const Var& x) { return x.needs_grad(); });
  if (!y.node_->needs_grad) return y;
  y.node_->op = &op;
  y.node_->inputs = std::move(inputs);
  y.node_->backward = std::move(backward);
  y.node_->module = tensor::Scope::path();
  tape->nodes_.push_back(y.node_);
  return y;
}

TwoVars record(const Op& op, std::vector<Var> inputs, Tensor first, Tensor second, BackwardOfTwo backward) {
  Var z(std::move(second));
  const Node* node = z.node_.get();  // lives as long as the first result does
  Var y = record(op, std::move(inputs), std::move(first), [node, backward = std::move(backward)](const Tensor& dy, Wanted wanted) {
    return backward(dy, node->grad, wanted);
  });
  z.node_->needs_grad = y.needs_grad();
  y.node_->second = z.node_;
  return {y, z};
}

Var constant_result(const Op& op, std::vector<Var> inputs, Tensor value) {
  const char* name = op.name();
  return record(op, std::move(inputs), std::move(value), [name](const Tensor&, Wanted) -> Gradients {
    tensor::fail(tensor::Fault::bug, name, ": has no derivative, but a gradient was asked for through it; use stop_gradient()");
  });
}

Tape::Tape() : outer_(current_tape) { current_tape = this; }

Tape::~Tape() { current_tape = outer_; }

Tape* Tape::current() { return current_tape; }

std::string Tape::first_where(const std::function<bool(const Tensor&)>& test) const {
  for (const auto& node : nodes_) {
    if (!test(node->value) && !(node->second && test(node->second->value))) continue;
    return tensor::join(node->module, node->module.empty() ? "" : ": ", node->op->name(), " ", node->value.shape());
  }
  return "";
}

void Tape::backward(const Var& loss) {
  require(loss.value().size() == 1, "backward: the loss must have one element, it is ", loss.shape());
  backward(loss, Tensor::full(loss.shape(), 1, loss.value().dtype(), loss.value().device()));
}

void Tape::backward(const Var& y, const Tensor& dy) {
  require(y.needs_grad(), "backward: nothing that leads to this value needs a gradient");
  require(dy.shape() == y.shape(), "backward: dy is ", dy.shape(), ", y is ", y.shape());
  current_tape = nullptr;  // the backward pass itself is not recorded
  y.node_->accumulate(dy);
  for (; !nodes_.empty(); nodes_.pop_back()) {  // popping frees what a consumed node saved
    Node& node = *nodes_.back();
    if (!node.reached()) continue;
    const Wanted wanted(node.inputs);
    const tensor::Scope scope(node.module.empty() ? "backward" : "backward of " + node.module);
    Gradients gradients = node.backward(node.grad, wanted);
    check(gradients.size() == node.inputs.size(), node.op->name(), ": backward returned ", gradients.size(), " gradients for ",
          node.inputs.size(), " inputs");
    node.backward = nullptr;
    node.grad = Tensor();
    if (node.second) node.second->grad = Tensor();
    for (size_t i = 0; i < gradients.size(); ++i) {
      if (!wanted[i]) continue;
      check(gradients[i].defined(), node.op->name(), ": backward returned no gradient for input ", i);
      check(gradients[i].shape() == node.inputs[i].shape(), node.op->name(), ": gradient ", i, " is ", gradients[i].shape(),
            ", the input is ", node.inputs[i].shape());
      node.inputs[i].node_->accumulate(gradients[i]);
    }
  }
  current_tape = this;
}

}  // namespace autograd
