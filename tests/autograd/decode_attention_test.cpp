// Decoding step by step gives what attention over whole sequences gives.
#include "autograd/ops/decode_attention.h"

#include "tests/autograd/ragged.h"
#include "tests/autograd/results.h"

using namespace autograd;
using tests::distance;
using tests::offsets_of;
using tests::random_matrix;

TEST_CASE("cached self-attention along the ancestors equals causal attention", "[decode_attention]") {
  const AttentionOptions options{.heads = 2, .scale = .4};
  const int64_t columns = 2 * 5;
  // Step 0 has one row, step 1 three, step 2 four; the rows of step 2 descend from these.
  const std::vector<int64_t> alive = {1, 3, 4};
  const std::vector<int32_t> ancestors = {0, 2, 0, 0, 0, 1, 0, 2, 2, 0, 1, 3};
  std::vector<Tensor> qkv;
  for (size_t t = 0; t < 3; ++t) qkv.push_back(random_matrix(alive[t], 3 * columns, t));
  const Tensor out = decode_attention(qkv, Tensor::from(ancestors, {4, 3}), options);
  for (int64_t r = 0; r < 4; ++r) {
    Tensor path({3, 3 * columns}, DType::f64);
    for (int64_t t = 0; t < 3; ++t) {
      path.row_range(t, t + 1).copy_from(qkv[t].row_range(ancestors[r * 3 + t], ancestors[r * 3 + t] + 1));
    }
    const Tensor whole = attention_qkv(path, offsets_of({3}), {.heads = 2, .scale = .4, .causal = true}).value();
    CHECK(distance(out.row_range(r, r + 1), whole.row_range(2, 3)) < 1e-13);
  }
}

TEST_CASE("cached self-attention takes the bias of its position", "[decode_attention]") {
  const AttentionOptions options{.heads = 2, .scale = .4};
  const Tensor qkv = random_matrix(4, 3 * 10, 1), table = random_matrix(5, 2, 2);
  const Tensor buckets = Tensor::from<int32_t>({3, 1, 0, 2, 4});  // of distances up to 2; the first step is 3 away
  std::vector<Tensor> steps;
  for (int64_t t = 0; t < 4; ++t) steps.push_back(qkv.row_range(t, t + 1));
  const Tensor ancestors = Tensor::from<int32_t>({0, 0, 0, 0}, {1, 4});
  const Tensor out = decode_attention(steps, ancestors, options, {table, buckets});
  const Tensor whole =
      attention_qkv(qkv, offsets_of({4}), {.heads = 2, .scale = .4, .causal = true}, {table, buckets}).value();
  CHECK(distance(out, whole.row_range(3, 4)) < 1e-13);
  CHECK(tests::error_of([&] {
          decode_attention({qkv}, Tensor::zeros({4, 1}, DType::i32), options, {random_matrix(5, 3, 2), buckets});
        }) == "decode_attention: the bias table is [5,3] f64 for 2 heads and q of f64; it must be [buckets, heads] of the same "
              "type");
}

TEST_CASE("cross-attention of beams equals attention of their users", "[decode_attention]") {
  const AttentionOptions options{.heads = 3, .scale = .4};
  const Tensor kv = random_matrix(8, 2 * 12, 1), q = random_matrix(5, 12, 2), k_offsets = offsets_of({3, 0, 5});
  const std::vector<int32_t> users = {0, 2, 2, 0, 1};
  const Tensor out = decode_cross_attention(q, kv, k_offsets, Tensor::from(users), options);
  for (int64_t r = 0; r < 5; ++r) {
    const Tensor keys = kv.row_range(k_offsets.data<int32_t>()[users[r]], k_offsets.data<int32_t>()[users[r] + 1]);
    const Tensor want =
        attention_kv(q.row_range(r, r + 1), keys, offsets_of({1}), offsets_of({static_cast<int>(keys.rows())}), options)
            .value();
    CHECK(distance(out.row_range(r, r + 1), want) < 1e-13);
  }
}

TEST_CASE("attention of beams over shared keys equals that of their users", "[decode_attention]") {
  for (const int beams : {1, 3, 40}) {  // 40 beams of 3 heads: several problems of a user
    const AttentionOptions options{.heads = 3, .scale = .4};
    const Tensor m = random_matrix(8, 5, 1), q = random_matrix(5 * beams, 15, 2), k_offsets = offsets_of({3, 0, 5});
    const std::vector<int32_t> order = {0, 2, 2, 0, 1};  // in any order
    std::vector<int32_t> users;
    for (const int32_t user : order) users.insert(users.end(), beams, user);
    const Tensor out = decode_shared_attention(q, m, k_offsets, Tensor::from(users), options);
    for (int64_t r = 0; r < q.rows(); ++r) {
      const Tensor keys = m.row_range(k_offsets.data<int32_t>()[users[r]], k_offsets.data<int32_t>()[users[r] + 1]);
      const Tensor want = shared_attention(q.row_range(r, r + 1), keys, offsets_of({1}),
                                           offsets_of({static_cast<int>(keys.rows())}), options).value();
      CHECK(distance(out.row_range(r, r + 1), want) < 1e-13);
    }
  }
}

TEST_CASE("decode_attention says what is wrong with its inputs", "[decode_attention]") {
  const Tensor q = random_matrix(2, 4, 1), kv = random_matrix(2, 8, 2), qkv = random_matrix(2, 12, 3);
  const auto self = [&](const std::vector<Tensor>& steps, const std::vector<int32_t>& ancestors, int heads = 2) {
    const Tensor table = Tensor::from(ancestors, {static_cast<int64_t>(ancestors.size()), 1});
    return tests::error_of([&] { decode_attention(steps, table, {.heads = heads}); });
  };
  CHECK(self({qkv}, {0, 2}) == "decode_attention: row 1 descends from row 2 of step 0, which has 2 rows; the table is wrong");
  CHECK(self({q, qkv}, {0, 1}) ==
        "decode_attention: a step is [2,4] f64, the last one [2,12] f64; they must have as many columns and the same type");
  CHECK(self({qkv}, {0}) == "decode_attention: ancestors is i32 [1,1]; it must be i32 [2,1]");
  CHECK(self({qkv}, {0, 1}, 5) ==
        "decode_attention: queries, keys and values are [2,12] for 5 heads; they must be [rows, 3*heads*width]");
  const auto cross = [&](const Tensor& memory, const Tensor& users, int heads) {
    return tests::error_of([&] { decode_cross_attention(q, memory, offsets_of({2}), users, {.heads = heads}); });
  };
  CHECK(cross(kv, Tensor::from<int32_t>({0, 1}), 1) ==
        "decode_cross_attention: row 1 belongs to user 1 of 1; it must be one of k_offsets");
  CHECK(tests::error_of([&] {
          decode_shared_attention(q, kv, offsets_of({2}), Tensor::from<int32_t>({0, 0}), {.heads = 2});
        }) == "decode_shared_attention: q is [2,4] f64, keys and values are [2,8] f64; they must have 2 columns and the same type");
  CHECK(cross(kv, Tensor::from<int32_t>({0}), 1) == "decode_cross_attention: row_user is i32 [1]; it must be i32 [2]");
  CHECK(cross(kv, Tensor::from<int32_t>({0, 0}), 3) ==
        "decode_cross_attention: q is [2,4] for 3 heads; it must be [rows, heads*width]");
  CHECK(cross(q, Tensor::from<int32_t>({0, 0}), 1) ==
        "decode_cross_attention: q is [2,4] f64, keys and values are [2,4] f64; they must have 8 columns and the same type");
}
