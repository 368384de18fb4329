#include "genrec/inner_product.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "autograd/ops/matmul.h"
#include "genrec/top_k.h"
#include "tensor/cuda/device.h"
#include "tensor/divide.h"
#include "tensor/gemm.h"
#include "tensor/parallel.h"
#include "tensor/precision.h"

namespace genrec {

using tensor::Tensor;

namespace inner_product_kernels {

static void top_k_cpu(const Tensor& scores, const Tensor& begins, const Tensor& excluded, Tensor& best) {
  const int64_t rows = scores.rows(), count = scores.columns(), k = best.columns();
  const int32_t *begin = begins.data<int32_t>(), *out = excluded.data<int32_t>();
  int32_t *items = best.data<int32_t>(), *bits = items + rows * k;
  std::fill_n(items, rows * k, -1);
  std::fill_n(bits, rows * k, 0);
  TopK top;
  for (int64_t r = 0; r < rows; ++r) {
    top.reset(k);
    offer_scores(scores.span<float>().subspan(r * count, count), 0, {out + begin[r], out + begin[r + 1]}, top);
    int64_t place = r * k;
    for (const Scored& entry : top.sort()) {
      items[place] = static_cast<int32_t>(entry.key), bits[place] = std::bit_cast<int32_t>(entry.score);
      ++place;
    }
  }
}

constinit decltype(top_k) top_k{"inner_product.top_k", top_k_cpu};

}  // namespace inner_product_kernels

namespace {

constexpr size_t kNeighbours = 20;

void fold_in(const Dataset& dataset, const Tensor& user_vectors, std::span<const int32_t> history, float* folded) {
  std::vector<std::pair<double, int64_t>> similar;  // minus the cosine shared / sqrt(|A| |B|), user
  for (int64_t user = 0; user < dataset.users(); ++user) {
    const auto items = dataset.train_items(user);
    int64_t shared = 0;
    for (int32_t item : items) shared += std::binary_search(history.begin(), history.end(), item);
    if (shared > 0) {
      const double norm = std::sqrt(static_cast<double>(items.size() * history.size()));
      similar.emplace_back(-static_cast<double>(shared) / norm, user);
    }
  }
  const size_t count = std::min(similar.size(), kNeighbours);
  std::partial_sort(similar.begin(), similar.begin() + count, similar.end());
  double total = 0;
  for (size_t n = 0; n < count; ++n) total += similar[n].first;
  const int64_t width = user_vectors.columns();
  std::fill(folded, folded + width, 0.0f);
  for (size_t n = 0; n < count; ++n) {
    const float weight = static_cast<float>(similar[n].first / total);
    const float* vector = user_vectors.data<float>() + similar[n].second * width;
    for (int64_t d = 0; d < width; ++d) folded[d] += weight * vector[d];
  }
}

// A task is a block of users and a piece of the items: the products of a tile stay in the cache until the selection has
// read them, and the item vectors come from memory once per block. The split does not depend on the threads.
constexpr int64_t kUsersAtOnce = 1024;  // whose lists of all pieces exist at the same time
constexpr int64_t kUserBlock = 256;
constexpr int64_t kTile = 1024;         // items
constexpr int64_t kLeastPiece = 4 * kTile, kMostPieces = 64;

// Ranks for at most kUsersAtOnce queries into the rows of the ranking from `first` on.
void rank_some(const Tensor& rows, const Tensor& items, std::span<const Query> queries, int64_t first, Ranking& ranking) {
  const int64_t width = items.columns(), count = items.shape()[0], users = rows.shape()[0];
  const int64_t piece = std::max(kLeastPiece, tensor::ceil_div(count, kMostPieces)), pieces = tensor::ceil_div(count, piece);
  std::vector<std::vector<int32_t>> buffers(users);
  std::vector<std::span<const int32_t>> excluded(users);
  for (int64_t user = 0; user < users; ++user) excluded[user] = ascending(queries[user].excluded, buffers[user]);
  std::vector<TopK> best(users * pieces, TopK(ranking.k));
  tensor::parallel_for(tensor::ceil_div(users, kUserBlock) * pieces, 1, [&](int64_t task, int64_t) {
    const int64_t from = task / pieces * kUserBlock, block = std::min(kUserBlock, users - from);
    const int64_t begin = task % pieces * piece, end = std::min(count, begin + piece);
    thread_local std::vector<float> scores;
    scores.resize(std::max<size_t>(scores.size(), block * kTile));
    for (int64_t tile = begin; tile < end; tile += kTile) {
      const int64_t columns = std::min(kTile, end - tile);
      tensor::gemm_serial<float>(false, true, block, columns, width, rows.data<float>() + from * width, width,
                                 items.data<float>() + tile * width, width, scores.data(), columns);
      for (int64_t user = from; user < from + block; ++user) {
        offer_scores({scores.data() + (user - from) * columns, static_cast<size_t>(columns)}, tile, excluded[user],
                     best[user * pieces + task % pieces]);
      }
    }
  });
  tensor::parallel_for(users, 16, [&](int64_t begin, int64_t end) {
    for (int64_t user = begin; user < end; ++user) {
      TopK whole(ranking.k);
      for (int64_t p = 0; p < pieces; ++p) {  // in the order of the items, as equal scores need it
        for (const Scored& entry : best[user * pieces + p].sort()) {
          if (whole.accepts(entry.score)) whole.offer(entry.score, entry.key);
        }
      }
      store_list(whole, first + user, ranking);
    }
  });
  for (int64_t user = 0; user < users; ++user) {
    const int64_t available = count - static_cast<int64_t>(excluded[user].size());
    require_listed(ranking, first + user, available, static_cast<int32_t>(first + user));
  }
}

// The same on the device of the items.
void rank_on_device(const Tensor& rows, const Tensor& items, std::span<const Query> queries, int64_t first, Ranking& ranking) {
  const int64_t count = rows.rows(), k = ranking.k;
  std::vector<int32_t> begins{0}, excluded, buffer;
  for (const Query& query : queries) {
    const auto some = ascending(query.excluded, buffer);
    excluded.insert(excluded.end(), some.begin(), some.end());
    begins.push_back(static_cast<int32_t>(excluded.size()));
  }
  const tensor::PrecisionScope exact(tensor::Precision::fp32);  // as on the CPU
  const Tensor scores = autograd::matmul(rows, items, false, /*transpose_b=*/true).value();
  Tensor best({2 * count, k}, tensor::DType::i32, items.device());
  inner_product_kernels::top_k(scores, Tensor::from(begins), Tensor::from(excluded), best);
  const std::vector<int32_t> found = best.to_vector<int32_t>();
  std::copy_n(found.begin(), count * k, ranking.items.begin() + first * k);
  std::transform(found.begin() + count * k, found.end(), ranking.scores.begin() + first * k,
                 [](int32_t bits) { return std::bit_cast<float>(bits); });
  for (int64_t user = 0; user < count; ++user) {
    const int64_t available = items.rows() - (begins[user + 1] - begins[user]);
    require_listed(ranking, first + user, available, static_cast<int32_t>(first + user));
  }
}

}  // namespace

Tensor user_rows(const Dataset& dataset, const Tensor& vectors, std::span<const Query> queries) {
  const Tensor user_vectors = vectors.to(tensor::Device::cpu);
  const int64_t width = user_vectors.columns();
  Tensor rows({static_cast<int64_t>(queries.size()), width});
  for (size_t q = 0; q < queries.size(); ++q) {
    float* row = rows.data<float>() + q * width;
    if (queries[q].user < 0) fold_in(dataset, user_vectors, queries[q].history, row);
    else std::copy_n(user_vectors.data<float>() + queries[q].user * width, width, row);
  }
  return rows;
}

Ranking rank_by_inner_product(const Tensor& rows, const Tensor& items, std::span<const Query> queries, int k) {
  tensor::require(k >= 1, "ranking: k is ", k, "; ask for at least one item");
  Ranking ranking(static_cast<int64_t>(queries.size()), k);
  const bool fits = static_cast<int64_t>(top_bytes(top_capacity(k))) <= tensor::cuda::most_shared_memory();
  const bool on_device = items.device() == tensor::Device::cuda && fits;
  const tensor::Device device = on_device ? items.device() : tensor::Device::cpu;
  const Tensor all_rows = rows.to(device), all_items = items.to(device);
  const auto rank = on_device ? rank_on_device : rank_some;
  constexpr int64_t kMostScores = int64_t{1} << 28;  // of a device at a time
  const int64_t fitting = std::clamp<int64_t>(kMostScores / std::max<int64_t>(items.rows(), 1), 1, kUsersAtOnce);
  const int64_t block = on_device ? fitting : kUsersAtOnce;
  for (int64_t first = 0; first < ranking.users; first += block) {
    const int64_t count = std::min(block, ranking.users - first);
    rank(all_rows.row_range(first, first + count), all_items, queries.subspan(first, count), first, ranking);
  }
  return ranking;
}

}  // namespace genrec
