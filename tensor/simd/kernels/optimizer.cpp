// One step of an optimiser over n elements.
#include "tensor/simd/kernels/fill.h"
#include "tensor/simd/kernels/vector.h"

namespace tensor::kernels::GENREC_ISA {

namespace {

template <class T>
void adam(const AdamStep<T>& step, T* w, const T* g, T* m, T* v, int64_t n) {
  const AdamStep<T> s = step;
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> weight = lanes.load(w + i);
    const Vector<T> gradient = lanes.load(g + i) * s.gradient_scale + weight * s.coupled_decay;
    const Vector<T> first = lanes.load(m + i) * s.beta1 + gradient * (1 - s.beta1);
    const Vector<T> second = lanes.load(v + i) * s.beta2 + gradient * gradient * (1 - s.beta2);
    lanes.store(m + i, first);
    lanes.store(v + i, second);
    const Vector<T> update = first * s.correction1 / (square_root(second * s.correction2) + s.epsilon);
    lanes.store(w + i, weight - (update + weight * s.decoupled_decay) * s.learning_rate);
  });
}

template <class T>
void sgd(T learning_rate, T momentum, T coupled_decay, T gradient_scale, T* w, const T* g, T* velocity, int64_t n) {
  for_vectors<T>(n, [&](int64_t i, auto lanes) {
    const Vector<T> weight = lanes.load(w + i);
    const Vector<T> gradient = lanes.load(g + i) * gradient_scale + weight * coupled_decay;
    const Vector<T> speed = lanes.load(velocity + i) * momentum + gradient;
    lanes.store(velocity + i, speed);
    lanes.store(w + i, weight - speed * learning_rate);
  });
}

}  // namespace

template <class T>
void fill_optimizer(Simd<T>& table) {
  table.adam = adam<T>;
  table.sgd = sgd<T>;
}
template void fill_optimizer(Simd<float>&);
template void fill_optimizer(Simd<double>&);

}  // namespace tensor::kernels::GENREC_ISA
