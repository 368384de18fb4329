#include "genrec/device_check.h"

#include <cmath>

#include "autograd/ops/decode_attention.h"
#include "autograd/ops/fused_linear.h"
#include "genrec/beam_step.h"
#include "graph/spmm.h"
#include "nn/adam.h"
#include "nn/clip.h"
#include "nn/decode_state.h"
#include "nn/sgd.h"
#include "quant/kmeans.h"
#include "quant/nearest.h"
#include "quant/sinkhorn.h"
#include "tensor/elementwise.h"
#include "tensor/precision.h"
#include "tensor/reduce.h"

namespace genrec {

namespace {

using autograd::compare_devices;
using autograd::DeviceReport;
using autograd::Var;
using tensor::Device;
using tensor::DType;
using tensor::Tensor;

constexpr double kLimit = 1e-5;

Tensor random_f32(tensor::Shape shape, tensor::Generator& rng) { return autograd::random_tensor(shape, rng).to(DType::f32); }

void compare_tensor_kernels(tensor::Generator& rng, DeviceReport& report) {
  const Tensor x = random_f32({700, 70}, rng), z = random_f32({700, 70}, rng);
  compare_devices("fill, add, axpy_in_place", kLimit, [&](Device device) -> std::vector<Tensor> {
    Tensor y = Tensor::full({700, 70}, 1.5, DType::f32, device), counts = Tensor::full({33}, 7, DType::i32, device);
    tensor::add(y, x.to(device), y);
    tensor::axpy_in_place(y, -0.3, z.to(device));
    return {y, counts};
  }, report);
  compare_devices("column_sums", kLimit, [&](Device device) -> std::vector<Tensor> {
    Tensor sums({70}, DType::f32, device);
    tensor::column_sums(x.to(device), sums);
    return {sums};
  }, report);
  const Tensor codes = random_f32({300, 70}, rng);
  compare_devices("squared_distances", kLimit, [&](Device device) -> std::vector<Tensor> {
    return {quant::squared_distances(x.to(device), codes.to(device))};
  }, report);
  compare_devices("nearest", kLimit, [&](Device device) -> std::vector<Tensor> {
    const quant::Nearest found = quant::nearest(x.to(device), codes.to(device));
    return {found.index, found.distance};
  }, report);
}

void compare_decoding(tensor::Generator& rng, DeviceReport& report) {
  const autograd::AttentionOptions options{.heads = 3, .scale = 0.4};
  const Tensor q = random_f32({45, 36}, rng), table = random_f32({4, 3}, rng), kv = random_f32({60, 72}, rng);
  const std::vector<Tensor> steps{random_f32({20, 108}, rng), random_f32({45, 108}, rng)};
  const Tensor buckets = Tensor::from<int32_t>({3, 0, 1});  // of distances up to 1
  Tensor ancestors({45, 2}, DType::i32), mixed({45}, DType::i32), together({45}, DType::i32);
  for (int32_t r = 0; r < 45; ++r) {
    ancestors.data<int32_t>()[2 * r] = r % 20, ancestors.data<int32_t>()[2 * r + 1] = r;
    mixed.data<int32_t>()[r] = r % 3, together.data<int32_t>()[r] = r < 10 ? 0 : r < 12 ? 1 : 2;
  }
  compare_devices(
      "decode_attention", 3 * kLimit,
      [&](Device device) -> std::vector<Tensor> {
        return {autograd::decode_attention({steps[0].to(device), steps[1].to(device)}, ancestors, options,
                                           {table.to(device), buckets})};
      },
      report);
  const Tensor offsets = Tensor::from<int32_t>({0, 7, 7, 60});  // the second user has no keys
  compare_devices("decode_cross_attention", 3 * kLimit, [&](Device device) -> std::vector<Tensor> {
    const auto run = [&](const Tensor& users) {
      return autograd::decode_cross_attention(q.to(device), kv.to(device), offsets, users, options);
    };
    return {run(mixed), run(together)};
  }, report);
}

// Products of inference, of few rows and of many.
void compare_fused_products(tensor::Generator& rng, DeviceReport& report) {
  const double rounded = tensor::precision() == tensor::Precision::bf16 ? 5e-3 : 3 * kLimit;  // norms are rounded
  for (const int64_t rows : {20, 700}) {
    const Tensor x = random_f32({rows, 136}, rng), scale = random_f32({136}, rng), w = random_f32({136, 300}, rng);
    const Tensor bias = random_f32({300}, rng), table = random_f32({500, 136}, rng), sum = random_f32({rows, 300}, rng);
    compare_devices("fused_linear, add_linear", kLimit, [&](Device device) -> std::vector<Tensor> {
      Tensor added = sum.to(device).clone();
      autograd::add_linear(x.to(device), w.to(device), added);
      return {autograd::fused_linear(x.to(device), w.to(device), bias.to(device), {.relu = true}), added};
    }, report);
    compare_devices("fused_linear of a norm", rounded, [&](Device device) -> std::vector<Tensor> {
      return {autograd::fused_linear(x.to(device), table.to(device), {},
                                     {.norm = scale.to(device), .factor = 0.3, .transpose_w = true})};
    }, report);
  }
}

// A level of the beam search, and what else a step of decoding does besides the model.
void compare_beam_step(tensor::Generator& rng, DeviceReport& report) {
  constexpr int64_t kUsers = 5, kRows = 3, kSlots = 40, kVocabulary = 60;
  std::vector<int32_t> begins{0, 30, 30, 37, 57}, codes, from(SlotField::count * kUsers * kRows), parents, ancestors;
  for (int32_t child = 0; child < 57; ++child) codes.push_back(child % 30);
  for (int32_t row = 0; row < kUsers * kRows; ++row) {
    from[SlotField::node * kUsers * kRows + row] = row % kRows == 2 ? -1 : row % 4;
    parents.push_back(row / 2), ancestors.push_back(row);
  }
  const std::vector<int32_t> dead_begins{0, 3, 3, 5, 5, 5}, dead{2, 7, 40, 1, 56};
  Tensor logits = random_f32({kUsers * kRows, kVocabulary}, rng), lse = random_f32({kUsers * kRows}, rng);
  for (float& value : logits.span<float>()) value = std::round(value * 4) / 4;  // so that there are ties
  compare_devices("beam_step, log_sum_exp, ancestors", kLimit, [&](Device device) -> std::vector<Tensor> {
    const auto there = [&](const std::vector<int32_t>& values) { return Tensor::from(values).to(device); };
    const BeamLevel level{.child_begins = there(begins), .codes = there(codes), .widths = there({40, 7, 1, 20, 40}),
                          .dead_begins = there(dead_begins), .dead = there(dead), .first_token = 20};
    Tensor to({SlotField::count, kUsers * kSlots}, DType::i32, device), sums({kUsers * kRows}, DType::f32, device);
    beam_step(logits.to(device), lse.to(device), level, there(from).reshape({SlotField::count, kUsers * kRows}), to);
    nn::decode_state_kernels::log_sum_exp(logits.to(device), sums);
    Tensor table({kUsers * kRows, 2}, DType::i32, device);
    nn::decode_state_kernels::ancestors(there(ancestors).reshape({kUsers * kRows, 1}), there(parents), table);
    return {to, sums, table};
  }, report);
}

void compare_clustering(tensor::Generator& rng, DeviceReport& report) {
  Tensor x = random_f32({900, 70}, rng);
  for (int64_t i = 0; i < x.rows(); ++i) x.data<float>()[i * 70 + i % 12] += 40;  // twelve clusters
  compare_devices("kmeans", kLimit, [&](Device device) -> std::vector<Tensor> {
    const quant::KMeans found = quant::kmeans(x.to(device), {.clusters = 12, .iterations = 20, .restarts = 2});
    return {found.centers, found.labels};
  }, report);
  const Tensor codes = random_f32({45, 70}, rng);
  compare_devices("sinkhorn", kLimit, [&](Device device) -> std::vector<Tensor> {
    const Tensor distances = quant::squared_distances(x.to(Device::cpu), codes).to(device);
    return {quant::sinkhorn_plan(distances), quant::sinkhorn_assign(distances, {.epsilon = 0.5})};
  }, report);
}

void compare_sparse(tensor::Generator& rng, DeviceReport& report) {
  std::vector<graph::Pair> pairs;
  std::vector<float> values;
  for (int e = 0; e < 4000; ++e) {
    pairs.push_back({static_cast<int32_t>(rng.below(e % 2 ? 300 : 3)), static_cast<int32_t>(rng.below(200))});
    values.push_back(static_cast<float>(rng.normal()));
  }
  const graph::SparseMatrix a =
      graph::with_transpose(graph::csr_from_pairs(300, 200, pairs, graph::Duplicates::merge, values));
  const Tensor x = random_f32({200, 150}, rng), g = random_f32({300, 150}, rng);
  compare_devices("spmm", kLimit, [&](Device device) -> std::vector<Tensor> {
    autograd::Tape tape;
    const Var right = Var::parameter(x.to(device)), y = graph::spmm(a, right);
    tape.backward(y, g.to(device));
    return {y.value(), right.grad()};
  }, report);
}

// Values and state after three steps on fixed gradients, clipped.
void compare_optimizer(const std::string& name, const std::function<std::unique_ptr<nn::Optimizer>()>& make,
                       tensor::Generator& rng, DeviceReport& report) {
  const Tensor g1 = random_f32({300, 70}, rng), g2 = random_f32({70}, rng);
  compare_devices(name, kLimit, [&](Device device) -> std::vector<Tensor> {
    const tensor::DefaultDevice scope(device);
    nn::Parameters parameters(5);
    Var w = parameters.add("w", {300, 70}, nn::normal(1)), b = parameters.add("b", {70}, nn::ones(), {.decay = false});
    const auto optimizer = make();
    std::vector<Tensor> results;
    for (int step = 0; step < 3; ++step) {
      parameters.clear_gradients();
      for (const auto& [var, g] : {std::pair(w, g1), std::pair(b, g2)}) {
        autograd::Tape tape;
        tape.backward(var, g.to(device));
      }
      const nn::Clip clip = nn::clip_scale(parameters, 1);
      optimizer->set_learning_rate(0.1);
      optimizer->step(parameters, clip.scale);
      results.push_back(clip.norm);
    }
    for (const nn::Parameter& p : parameters) results.push_back(p.var.value().clone());
    for (const auto& [key, value] : optimizer->state()) results.push_back(value);
    return results;
  }, report);
}

}  // namespace

DeviceReport compare_kernels(uint64_t seed) {
  DeviceReport report;
  tensor::Generator rng(seed, "device check");
  compare_tensor_kernels(rng, report);
  compare_decoding(rng, report);
  compare_fused_products(rng, report);
  compare_beam_step(rng, report);
  compare_clustering(rng, report);
  compare_sparse(rng, report);
  compare_optimizer("adam", [] { return std::make_unique<nn::Adam>(nn::AdamOptions{.decay = 0.01}); }, rng, report);
  compare_optimizer("adamw", [] { return std::make_unique<nn::AdamW>(); }, rng, report);
  compare_optimizer(
      "sgd", [] { return std::make_unique<nn::Sgd>(nn::SgdOptions{.momentum = 0.9, .decay = 0.01}); }, rng, report);
  return report;
}

}  // namespace genrec
