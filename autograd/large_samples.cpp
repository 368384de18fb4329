// The larger samples of the comparison of devices: rows and columns that are no multiples of a warp, several blocks, ragged
// sequences with empty ones, rows that many ids name; and rows of whole groups of 8, which kernels round to bf16 for products.
#include "autograd/device_check.h"
#include "autograd/ops/add.h"
#include "autograd/ops/attention.h"
#include "autograd/ops/batched_matmul.h"
#include "autograd/ops/bpr_loss.h"
#include "autograd/ops/candidate_cross_entropy.h"
#include "autograd/ops/concat_columns.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/dropout_add_norm.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/gru.h"
#include "autograd/ops/joined_projections.h"
#include "autograd/ops/l2_penalty.h"
#include "autograd/ops/layer_norm.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/mse.h"
#include "autograd/ops/normalize_rows.h"
#include "autograd/ops/repeat_rows_by_segment.h"
#include "autograd/ops/rms_norm.h"
#include "autograd/ops/row_dot.h"
#include "autograd/ops/scalar_mlps.h"
#include "autograd/ops/segment_mean.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/sum.h"
#include "autograd/ops/user_term.h"

namespace autograd {

namespace {

Tensor offsets_of(const std::vector<int32_t>& lengths) {
  std::vector<int32_t> offsets{0};
  for (const int32_t length : lengths) offsets.push_back(offsets.back() + length);
  return Tensor::from(offsets);
}

Tensor some_ids(int64_t count, int32_t below, tensor::Generator& rng) {  // a third of them 0, some -1
  Tensor ids({count}, DType::i32);
  for (int32_t& id : ids.span<int32_t>()) id = rng.below(3) == 0 ? 0 : static_cast<int32_t>(rng.below(below + 1)) - 1;
  return ids;
}

Sample attention_sample(AttentionOptions options, tensor::Generator& rng) {
  const Tensor q = offsets_of({7, 0, 33, 1, 20, 5}), k = options.causal ? q : offsets_of({40, 3, 2, 0, 65, 5});
  const int64_t columns = options.heads * 10;
  return {{random_tensor({66, columns}, rng), random_tensor({options.causal ? 66 : 115, 2 * columns}, rng)},
          [=](const Inputs& in) { return attention_kv(in[0], in[1], q, k, options); }};
}

Sample long_attention_sample(tensor::Generator& rng) {  // keys and values of 160 KB in each head
  const AttentionOptions options{.heads = 1, .scale = 0.1, .causal = true, .dropout = 0.1};
  const Tensor offsets = offsets_of({3, 200});
  return {{random_tensor({203, 300}, rng)}, [=](const Inputs& in) { return attention_qkv(in[0], offsets, options); }};
}

Sample biased_attention_sample(double dropout, tensor::Generator& rng) {
  AttentionOptions options{.heads = 6, .scale = 0.4, .dropout = dropout};
  const Tensor offsets = offsets_of({20, 4, 0, 37, 80}), buckets = Tensor::from<int32_t>({4, 3, 3, 1, 0, 2, 2, 5, 5});
  return {{random_tensor({141, 3 * 6 * 16}, rng), random_tensor({6, 6}, rng)},
          [=](const Inputs& in) { return attention_qkv(in[0], offsets, options, {in[1], buckets}); }};
}

Sample shared_attention_sample(tensor::Generator& rng) {
  const AttentionOptions options{.heads = 6, .scale = 0.2, .dropout = 0.1};
  const Tensor q = offsets_of({5, 0, 3, 1, 12}), k = offsets_of({40, 3, 0, 65, 21});
  return {{random_tensor({21, 6 * 32}, rng), random_tensor({129, 32}, rng)},
          [=](const Inputs& in) { return shared_attention(in[0], in[1], q, k, options); }};
}

Sample user_term_sample(tensor::Generator& rng) {
  const Tensor offsets = offsets_of({20, 1, 0, 17, 35});
  return {{random_tensor({73, 5 * 16}, rng), random_tensor({5, 3}, rng)},
          [=](const Inputs& in) { return user_term(in[0], in[1], 0, 2, offsets, 4); }};
}

Sample candidate_sample(tensor::Generator& rng) {
  std::vector<int32_t> offsets{0}, classes, targets, lists;
  for (int list = 0; list < 10; ++list) {
    for (int c = list; c < 300; c += 1 + 3 * list) classes.push_back(c);
    offsets.push_back(static_cast<int32_t>(classes.size()));
  }
  for (int r = 0; r < 70; ++r) {
    lists.push_back(static_cast<int32_t>(rng.below(10)));
    const int32_t first = offsets[lists.back()], count = offsets[lists.back() + 1] - first;
    targets.push_back(r % 9 == 0 ? -1 : classes[first + static_cast<int32_t>(rng.below(count))]);
  }
  const CandidateLists candidates{Tensor::from(offsets), Tensor::from(classes)};
  return {{random_tensor({70, 300}, rng)}, [=, t = Tensor::from(targets), l = Tensor::from(lists)](const Inputs& in) {
            return candidate_cross_entropy(in[0], t, l, candidates);
          }};
}

using Named = std::vector<std::pair<std::string, Sample>>;

void add_products(Named& all, tensor::Generator& rng) {
  const auto random = [&](Shape shape) { return random_tensor(shape, rng); };
  all.push_back({"matmul", {{random({65, 33}), random({33, 129})}, [](const Inputs& in) { return matmul(in[0], in[1]); }}});
  all.push_back(
      {"matmul", {{random({70, 40}), random({90, 70})}, [](const Inputs& in) { return matmul(in[0], in[1], true, true); }}});
  all.push_back({"batched_matmul", {{random({9, 12, 30}), random({9, 25, 30})},
                                    [](const Inputs& in) { return batched_matmul(in[0], in[1], false, true); }}});
  all.push_back({"linear", {{random({600, 40}), random({40, 70}), random({70})},
                            [](const Inputs& in) { return linear(in[0], in[1], in[2]); }}});
  all.push_back({"linear", {{random({300, 1}), random_away_from_zero({1, 70}, rng), random({70})},
                            [](const Inputs& in) { return linear(in[0], in[1], in[2], true); }}});
  const auto dropping = [](const Inputs& in) {
    return linear_relu_dropout(in[0], in[1], in[2], 0.5, tensor::Random(5, "sample"));
  };
  all.push_back({"linear_relu_dropout", {{random({300, 1}), random_away_from_zero({1, 71}, rng), random({71})}, dropping}});
  all.push_back({"linear_relu_dropout", {{random({300, 16}), random({16, 72}), random({72})}, dropping}});
  all.push_back({"linear", {{random({300, 16}), random({16, 72})}, [](const Inputs& in) {
                   return linear(in[0], in[1], {}, true);
                 }}});
}

void add_rows(Named& all, tensor::Generator& rng) {
  const auto random = [&](Shape shape) { return random_tensor(shape, rng); };
  all.push_back({"add", {{random({700, 70}), random({70})}, [](const Inputs& in) { return add(in[0], in[1]); }}});
  all.push_back({"softmax", {{random({67, 300})}, [](const Inputs& in) { return softmax(in[0]); }}});
  all.push_back({"layer_norm", {{random({600, 130}), random({130}), random({130})},
                                [](const Inputs& in) { return layer_norm(in[0], in[1], in[2]); }}});
  all.push_back(
      {"rms_norm", {{random({600, 130}), random({130})}, [](const Inputs& in) { return rms_norm(in[0], in[1]); }}});
  all.push_back({"rms_norm", {{random({70, 136}), random({136})}, [](const Inputs& in) { return rms_norm(in[0], in[1]); }}});
  all.push_back(  // sums of 52 KB for each warp
      {"rms_norm", {{random({3, 13000}), random({13000})}, [](const Inputs& in) { return rms_norm(in[0], in[1]); }}});
  const tensor::Random stream(5, "sample");
  all.push_back({"dropout_add_rms_norm", {{random({1500, 37}), random({1500, 37}), random({37})}, [=](const Inputs& in) {
                   const TwoVars y = dropout_add_rms_norm(in[0], in[1], in[2], 0.1, stream);
                   return add(y.first, y.second);
                 }}});
  for (const double p : {0.0, 0.1}) {
    all.push_back({"dropout_add_rms_norm", {{random({150, 40}), random({150, 40}), random({40})}, [=](const Inputs& in) {
                     return dropout_add_rms_norm(in[0], in[1], in[2], p, stream).second;
                   }}});
  }
  for (const int64_t n : {130, 72}) {
    all.push_back({"dropout_add_layer_norm",
                   {{random({600, n}), random({600, n}), random({n}), random({n})}, [=](const Inputs& in) {
                      return dropout_add_layer_norm(in[0], in[1], in[2], in[3], 0.1, stream);
                    }}});
  }
  all.push_back({"normalize_rows", {{random({67, 70})}, [](const Inputs& in) { return normalize_rows(in[0]); }}});
  all.push_back({"row_dot", {{random({67, 70}), random({67, 70})}, [](const Inputs& in) { return row_dot(in[0], in[1]); }}});
  all.push_back(
      {"concat_columns", {{random({67, 33}), random({67, 70})}, [](const Inputs& in) { return concat_columns(in); }}});
  all.push_back({"scalar_mlps", {{random({600, 1}), random_away_from_zero({1, 35}, rng), random({35, 1}),
                                  random_away_from_zero({1, 35}, rng), random({35, 1})},
                                 [](const Inputs& in) { return scalar_mlps(in[0], {{in[1], in[2]}, {in[3], in[4]}}); }}});
  const Tensor offsets = offsets_of({0, 33, 1, 70, 0, 9});
  all.push_back({"segment_mean", {{random({113, 70})}, [=](const Inputs& in) { return segment_mean(in[0], offsets); }}});
  all.push_back({"repeat_rows_by_segment",
                 {{random({6, 70})}, [=](const Inputs& in) { return repeat_rows_by_segment(in[0], offsets, 113); }}});
  const Tensor ids = some_ids(3000, 50, rng);
  all.push_back({"gather_rows", {{random({50, 40})}, [=](const Inputs& in) { return gather_rows(in[0], ids); }}});
  all.push_back(
      {"gather_rows",  // ids on the device of the table, as nearest codes are
       {{random({50, 40})}, [=](const Inputs& in) { return gather_rows(in[0], ids.to(in[0].value().device())); }}});
}

void add_losses(Named& all, tensor::Generator& rng) {
  const auto random = [&](Shape shape) { return random_tensor(shape, rng); };
  all.push_back({"sum", {{random({40000})}, [](const Inputs& in) { return sum(in[0]); }}});
  all.push_back({"mse", {{random({400, 70}), random({400, 70})}, [](const Inputs& in) { return mse(in[0], in[1]); }}});
  all.push_back({"bpr_loss", {{random({20000}), random({20000})}, [](const Inputs& in) { return bpr_loss(in[0], in[1]); }}});
  all.push_back({"l2_penalty", {{random({20000}), random({300, 70})}, [](const Inputs& in) { return l2_penalty(in); }}});
  Tensor targets = some_ids(70, 300, rng);
  for (const int64_t n : {300, 304}) {
    all.push_back(
        {"cross_entropy", {{random({70, n})}, [=](const Inputs& in) { return cross_entropy(in[0], targets, 0.1); }}});
  }
  all.push_back({"candidate_cross_entropy", candidate_sample(rng)});
}

}  // namespace

Named large_samples(tensor::Generator& rng) {
  Named all;
  add_products(all, rng);
  add_rows(all, rng);
  add_losses(all, rng);
  all.push_back({"dropout", {{random_tensor({300, 33}, rng)}, [](const Inputs& in) {
                               return dropout(in[0], 0.1, tensor::Random(3, "large", 2));
                             }}});
  all.push_back({"attention", attention_sample({.heads = 4, .scale = 0.3}, rng)});
  all.push_back({"attention", attention_sample({.heads = 4, .scale = 0.3, .causal = true, .dropout = 0.2}, rng)});
  all.push_back({"attention", biased_attention_sample(0, rng)});
  all.push_back({"attention", biased_attention_sample(0.1, rng)});
  all.push_back({"attention", long_attention_sample(rng)});
  all.push_back({"attention", shared_attention_sample(rng)});
  const auto joined = [&](bool values) {
    const auto run = [=](const Inputs& in) {
      const JoinedProjections made = joined_self_projections(in[0], in[1], 4, in[2]);
      return values ? made.values : made.keys;
    };
    all.push_back({"joined_projections",
                   {{random_tensor({40, 3 * 4 * 24}, rng), random_tensor({4 * 24, 33}, rng), random_tensor({40, 3 * 24}, rng)}, run}});
  };
  joined(false), joined(true);
  all.push_back({"user_term", user_term_sample(rng)});
  const Tensor offsets = offsets_of({5, 0, 12, 1, 12});
  all.push_back({"gru", {{random_tensor({30, 120}, rng), random_tensor({40, 120}, rng), random_tensor({40}, rng)},
                         [=](const Inputs& in) { return gru(in[0], in[1], in[2], offsets); }}});
  return all;
}

}  // namespace autograd
