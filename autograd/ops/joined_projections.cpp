#include "autograd/ops/joined_projections.h"

#include "autograd/op.h"
#include "autograd/ops/add.h"
#include "autograd/ops/head_products.h"
#include "autograd/ops/square.h"
#include "autograd/ops/sum.h"
#include "tensor/gemm.h"
#include "tensor/parallel.h"

namespace autograd {

namespace joined_projections_kernels {

template <class T>
static void multiply_head(const WeightProduct<T>& x, int64_t h, bool add) {
  const auto product = [&](const OfHeads<const T>& a, const OfHeads<const T>& b, bool accumulate) {
    tensor::gemm_serial<T>(x.size.transpose_a, x.size.transpose_b, x.size.m, x.size.n, x.size.k, a.data + h * a.step, a.stride,
                           b.data + h * b.step, b.stride, x.c.data + h * x.c.step, x.c.stride, {.accumulate = accumulate},
                           tensor::precision());
  };
  product(x.a, x.b, add);
  if (x.a2.data) product(x.a2, x.b2, true);
}

template <class T>
static void multiply(const WeightProducts<T>& products) {
  for (const WeightProduct<T>& x : products) {
    tensor::count_work(2.0 * static_cast<double>((x.a2.data ? 2 : 1) * x.heads * x.size.m * x.size.n * x.size.k), 0);
    const int64_t tasks = x.sum ? std::min<int64_t>(x.heads, 1) : x.heads, each = x.sum ? x.heads : 1;
    tensor::parallel_for(tasks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t h = begin * each; h < end * each; ++h) multiply_head(x, h, x.sum && h > 0);
    });
  }
}

static void forward_cpu(const Tensor& q, const Tensor& kv, const Tensor& user, const Tensor& out, int heads, Tensor& keys,
                        Tensor& values) {
  tensor::for_real(kv.dtype(), "joined_projections", [&](auto zero) {
    multiply(forward_products<decltype(zero)>({q, kv, user, out}, heads, keys, values));
  });
}

static void backward_cpu(const Tensor& q, const Tensor& kv, const Tensor& user, const Tensor& out, int heads,
                         const Tensor& dkeys, const Tensor& dvalues, Weights& gradients) {
  tensor::for_real(kv.dtype(), "joined_projections", [&](auto zero) {
    multiply(backward_products<decltype(zero)>({q, kv, user, out}, heads, dkeys, dvalues, gradients));
  });
}

constinit decltype(forward) forward{"joined_projections.forward", forward_cpu};
constinit decltype(backward) backward{"joined_projections.backward", backward_cpu};

}  // namespace joined_projections_kernels

static std::vector<Sample> joined_projections_samples(tensor::Generator& rng) {
  const auto both = [](const JoinedProjections& joined) { return add(sum(square(joined.keys)), sum(square(joined.values))); };
  const auto cross = [=](int heads) {
    return [=](const Inputs& in) { return both(joined_projections(in[0], in[1], in[2], heads)); };
  };
  const auto self = [=](const Inputs& in) {
    return both(joined_self_projections(in[0], in[1], 2, in.size() > 2 ? in[2] : Var()));
  };
  const std::vector<Tensor> of_cross{random_tensor({3, 10}, rng), random_tensor({4, 20}, rng), random_tensor({10, 2}, rng)};
  const std::vector<Tensor> of_self{random_tensor({3, 18}, rng), random_tensor({6, 4}, rng)};
  return {{of_cross, cross(2)}, {of_cross, cross(5)}, {of_self, self}, {{of_self[0], of_self[1], random_tensor({3, 9}, rng)}, self}};
}
static const Op joined_projections_op("joined_projections", joined_projections_samples);

// q and user may be undefined.
static JoinedProjections join(const Var& q, const Var& kv, const Var& user, const Var& out, int heads) {
  using joined_projections_kernels::Weights;
  std::vector<Var> inputs;
  for (const Var* x : {&q, &kv, &out, &user}) {
    if (!x->defined()) continue;
    tensor::require(x->shape().rank() == 2 && x->value().dtype() == kv.value().dtype(), "joined_projections: a weight is ",
                    x->shape(), " ", x->value().dtype(), ", kv is ", kv.value().dtype(), "; all must be matrices of one type");
    inputs.push_back(*x);
  }
  const Weights x{value_or_none(q), kv.value(), value_or_none(user), out.value()};
  const int64_t all = x.out.rows(), d = x.q.defined() ? x.q.rows() : x.kv.rows();
  tensor::require(heads > 0 && all % heads == 0 && x.kv.columns() == (x.q.defined() ? 2 : 3) * all &&
                      (!x.q.defined() || x.q.columns() == all),
                  "joined_projections: out is ", x.out.shape(), x.q.defined() ? ", kv " : ", qkv ", x.kv.shape(),
                  x.q.defined() ? tensor::join(", q ", x.q.shape()) : "", ", for ", heads, " heads; out must be [heads*W, E], ",
                  x.q.defined() ? "q [D, heads*W] and kv [M, 2*heads*W]" : "qkv [D, 3*heads*W]");
  tensor::require(!x.user.defined() || x.user.shape() == Shape{d, 3 * all / heads}, "joined_projections: user is ",
                  value_or_none(user).shape(), "; it must be [", d, ",", 3 * all / heads, "], [D, 3*W]");
  const int64_t blocks = heads + (x.user.defined() ? 1 : 0), parts = x.user.defined() ? 2 : 1;
  Tensor keys({d, blocks * x.kv.rows()}, x.kv.dtype(), x.kv.device());
  Tensor values({heads * x.kv.rows(), parts * x.out.columns()}, x.kv.dtype(), x.kv.device());
  joined_projections_kernels::forward(x.q, x.kv, x.user, x.out, heads, keys, values);
  const auto or_zeros = [](const Tensor& gradient, const Shape& shape, const Tensor& like) {
    return gradient.defined() ? gradient : Tensor::zeros(shape, like.dtype(), like.device());
  };
  const TwoVars made = record(
      joined_projections_op, inputs, keys, values,
      [=, of_keys = keys.shape(), of_values = values.shape()](const Tensor& dkeys, const Tensor& dvalues, Wanted) {
        const auto like = [](const Tensor& weight) { return weight.defined() ? Tensor::like(weight) : Tensor(); };
        Weights to{like(x.q), like(x.kv), like(x.user), like(x.out)};
        joined_projections_kernels::backward(x.q, x.kv, x.user, x.out, heads, or_zeros(dkeys, of_keys, x.kv),
                                             or_zeros(dvalues, of_values, x.kv), to);
        Gradients gradients;
        for (const Tensor* made : {&to.q, &to.kv, &to.out, &to.user}) {
          if (made->defined()) gradients.push_back(*made);
        }
        return gradients;
      });
  return {made.first, made.second};
}

JoinedProjections joined_projections(const Var& q, const Var& kv, const Var& out, int heads) {
  return join(q, kv, {}, out, heads);
}

JoinedProjections joined_self_projections(const Var& qkv, const Var& out, int heads, const Var& user) {
  return join({}, qkv, user, out, heads);
}

}  // namespace autograd
