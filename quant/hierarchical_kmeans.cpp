#include "quant/hierarchical_kmeans.h"

#include <algorithm>
#include <numeric>

#include "tensor/parallel.h"

namespace quant {

namespace {

using Rows = std::vector<int32_t>;

Tensor gather(const Tensor& x, const Rows& rows) {
  const int64_t width = x.columns();
  Tensor y({static_cast<int64_t>(rows.size()), width});
  const float* px = x.data<float>();
  for (size_t i = 0; i < rows.size(); ++i) std::copy_n(px + rows[i] * width, width, y.data<float>() + i * width);
  return y;
}

// `whole` is x again, maybe on a device, where the first cluster is split: it holds all rows, the later ones are many and
// small. Writes the child of each row of one cluster to codes[row, level] and returns the rows of every child that has any.
std::vector<Rows> split(const Tensor& x, const Tensor& whole, const Rows& rows, int64_t branches,
                        const KMeansOptions& options, Tensor& codes, int64_t level) {
  std::vector<Rows> children(std::min<int64_t>(branches, rows.size()));
  const auto put = [&](size_t i, int32_t child) {
    codes.data<int32_t>()[rows[i] * codes.columns() + level] = child;
    children[child].push_back(rows[i]);
  };
  if (static_cast<int64_t>(rows.size()) <= branches) {
    for (size_t i = 0; i < rows.size(); ++i) put(i, static_cast<int32_t>(i));
    return children;
  }
  KMeansOptions own = options;
  own.clusters = branches;
  const bool all = static_cast<int64_t>(rows.size()) == x.rows();
  const Tensor labels = kmeans(all ? whole : gather(x, rows), own).labels;
  for (size_t i = 0; i < rows.size(); ++i) put(i, labels.data<int32_t>()[i]);
  std::erase_if(children, [](const Rows& child) { return child.empty(); });
  return children;
}

}  // namespace

Tensor hierarchical_kmeans(const Tensor& x, const HierarchicalKMeansOptions& options) {
  tensor::require(x.shape().rank() == 2 && x.rows() > 0, "hierarchical_kmeans: x is ", x.shape(),
                  "; it must be a matrix with at least one row");
  tensor::require(!options.branches.empty(), "hierarchical_kmeans: needs at least one level");
  for (const int64_t branches : options.branches) {
    tensor::require(branches > 0, "hierarchical_kmeans: a level has ", branches, " branches; at least 1 is needed");
  }
  const Tensor host = x.to(tensor::Device::cpu);
  const int64_t levels = static_cast<int64_t>(options.branches.size());
  Tensor codes({x.rows(), levels}, tensor::DType::i32);
  std::vector<Rows> clusters(1, Rows(x.rows()));
  std::iota(clusters[0].begin(), clusters[0].end(), 0);
  KMeansOptions kmeans = options.kmeans;
  for (int64_t level = 0; level < levels; ++level) {
    std::vector<std::vector<Rows>> children(clusters.size());
    tensor::parallel_for(static_cast<int64_t>(clusters.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c) {
        KMeansOptions own = kmeans;
        own.step += static_cast<uint64_t>(c) * own.restarts;
        children[c] = split(host, level == 0 ? x : host, clusters[c], options.branches[level], own, codes, level);
      }
    });
    kmeans.step += clusters.size() * kmeans.restarts;
    kmeans.progress = nullptr;
    clusters.clear();
    for (auto& family : children)
      for (Rows& child : family) clusters.push_back(std::move(child));
  }
  return codes;
}

}  // namespace quant
