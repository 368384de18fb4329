#include "genrec/macrec/letter_losses.h"

#include "autograd/ops/add.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/matmul.h"
#include "genrec/baselines/embedding_system.h"
#include "tensor/cuda/replays.h"
#include "tensor/npy.h"
#include "tensor/random.h"
#include "tensor/safetensors.h"

namespace genrec::macrec {

namespace {

Tensor light_gcn_vectors(int64_t width, const Dataset& dataset, RunFolder& run, uint64_t seed) {
  const std::string path = run / "collaborative";
  RunFolder folder = file_exists(path) ? RunFolder::open(path) : RunFolder::create(path);
  baselines::EmbeddingOptions options{.width = static_cast<int>(width), .layers = 3};
  baselines::EmbeddingSystem system(baselines::make_lightgcn, options);
  system.train({dataset, folder, seed, ""});
  return tensor::read_safetensors(folder / "embeddings.safetensors").at("items");
}

}  // namespace

Tensor collaborative_vectors(const std::string& file, int64_t width, const Dataset& dataset, RunFolder& run, uint64_t seed) {
  if (file.empty()) return light_gcn_vectors(width, dataset, run, seed);
  const Tensor vectors = tensor::read_npy(file, "collaborative vectors", 2);
  tensor::require(tensor::Fault::bad_data,
                  vectors.dtype() == tensor::DType::f32 && vectors.shape() == tensor::Shape{dataset.item_count(), width}, file,
                  ": holds ", vectors.dtype(), " ", vectors.shape(), ", expected f32 [", dataset.item_count(), ",", width,
                  "]: a row per item, as wide as --rq-latent");
  return vectors;
}

Var collaborative_loss(const Var& z_hat, const Tensor& cf) {
  Tensor own({z_hat.rows()}, tensor::DType::i32);
  for (int64_t i = 0; i < own.size(); ++i) own.data<int32_t>()[i] = static_cast<int32_t>(i);
  return autograd::cross_entropy(autograd::matmul(z_hat, cf, false, /*transpose_b=*/true), own.to(cf.device()));
}

Tensor codeword_clusters(const quant::ResidualQuantizer& quantizer, int64_t clusters, uint64_t seed) {
  const int64_t levels = quantizer.options().levels, codes = quantizer.options().codes;
  Tensor result({levels, codes}, tensor::DType::i32);
  for (int64_t level = 0; level < levels; ++level) {
    const Tensor codebook = quantizer.codebooks()[level].value().to(tensor::Device::cpu);
    const quant::KMeans found = quant::kmeans(codebook, {.clusters = std::min(clusters, codes), .iterations = 10,
                                                         .balanced = true, .seed = seed, .step = static_cast<uint64_t>(level)});
    result.row_range(level, level + 1).reshape({codes}).copy_from(found.labels);
  }
  return result;
}

namespace letter_kernels {

static void list_members(const Tensor& clusters, Tensor& lists) {
  const int64_t count = clusters.size();
  std::vector<std::vector<int32_t>> members(count);  // of each cluster, ascending
  for (int64_t c = 0; c < count; ++c) members[clusters.data<int32_t>()[c]].push_back(static_cast<int32_t>(c));
  int32_t *to = lists.data<int32_t>(), at = 0;
  for (const std::vector<int32_t>& codes : members) {
    const int32_t first = at;
    for (const int32_t code : codes) {
      to[count + code] = first, to[2 * count + code] = static_cast<int32_t>(codes.size()), to[3 * count + code] = at - first;
      to[at++] = code;
    }
  }
}

static Tensor lists_of(const Tensor& clusters) {
  Tensor lists({4, clusters.size()}, tensor::DType::i32);
  tensor::cuda::every_run({lists}, [=]() mutable { list_members(clusters, lists); });
  return lists;
}

static void choose_cpu(const Tensor& codes, const Tensor& lists, const tensor::Random& random, Tensor& targets, Tensor& mask) {
  tensor::for_real(mask.dtype(), "diversity", [&](auto zero) {
    using T = decltype(zero);
    const int64_t count = mask.columns();
    const int32_t* list = lists.data<int32_t>();
    for (int64_t i = 0; i < codes.size(); ++i) {
      const int32_t code = codes.data<int32_t>()[i], others = list[2 * count + code] - 1;
      targets.data<int32_t>()[i] = others > 0 ? other_code(list, count, code, random.below(i, others)) : -1;
      mask.data<T>()[i * count + code] = static_cast<T>(kForbidden);
    }
  });
}

constinit decltype(choose) choose{"diversity.choose", choose_cpu};

}  // namespace letter_kernels

Var diversity_loss(const Var& codewords, const Tensor& codes, const Var& codebook, const Tensor& clusters,
                   const tensor::Random& random) {
  const tensor::Device device = codewords.value().device();
  Tensor targets({codes.size()}, tensor::DType::i32, device);
  Tensor mask = Tensor::zeros({codes.size(), codebook.rows()}, codewords.value().dtype(), device);
  letter_kernels::choose(codes.to(device), letter_kernels::lists_of(clusters), random, targets, mask);
  const Var logits = autograd::matmul(codewords, codebook, false, /*transpose_b=*/true);
  return autograd::cross_entropy(autograd::add(logits, mask), targets);
}

}  // namespace genrec::macrec
