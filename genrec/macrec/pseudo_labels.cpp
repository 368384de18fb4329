#include "genrec/macrec/pseudo_labels.h"

#include <algorithm>
#include <unordered_map>

#include "genrec/interrupt.h"
#include "genrec/log.h"
#include "quant/kmeans.h"
#include "tensor/random.h"

namespace genrec::macrec {

using tensor::Tensor;

int64_t pseudo_label_count(int64_t wanted, int64_t items) {
  return items >= 4 * wanted ? wanted : std::max<int64_t>(2, items / 12);
}

Tensor make_pseudo_labels(const Tensor& features, const std::string& modality, const IdentifierOptions& options, uint64_t seed) {
  quant::KMeansOptions kmeans{.clusters = pseudo_label_count(options.pseudo_labels, features.rows())};
  kmeans.iterations = options.pseudo_iterations, kmeans.restarts = options.pseudo_restarts;
  kmeans.seed = seed;
  Stage stage("pseudo-labels " + modality, options.pseudo_restarts);
  kmeans.progress = [&](const quant::KMeansProgress& p) {
    if (interrupted()) raise_interrupted("pseudo-labels", "go on with --resume");
    stage.update(p.restart, {{"iteration", static_cast<double>(p.iteration)}, {"inertia", p.inertia}});
  };
  return quant::kmeans(features.to(tensor::default_device()), kmeans).labels;
}

Tensor draw_positives(const Tensor& items, const Tensor& labels, bool skip, const tensor::Random& random) {
  std::unordered_map<int32_t, std::vector<int32_t>> rows;  // of each label, ascending
  std::vector<uint64_t> place(items.size());               // of a row in its list
  for (int64_t i = 0; i < items.size(); ++i) {
    std::vector<int32_t>& list = rows[labels.data<int32_t>()[items.data<int32_t>()[i]]];
    place[i] = list.size();
    list.push_back(static_cast<int32_t>(i));
  }
  Tensor positives({items.size()}, tensor::DType::i32);
  for (int64_t i = 0; i < items.size(); ++i) {
    const std::vector<int32_t>& list = rows[labels.data<int32_t>()[items.data<int32_t>()[i]]];
    int32_t& positive = positives.data<int32_t>()[i];
    if (list.size() == 1) {
      positive = skip ? -1 : static_cast<int32_t>(i);
    } else {
      const uint64_t drawn = random.below(i, list.size() - 1);
      positive = list[drawn < place[i] ? drawn : drawn + 1];
    }
  }
  return positives;
}

}  // namespace genrec::macrec
