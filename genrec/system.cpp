#include "genrec/system.h"

#include "genrec/baselines/counting_systems.h"
#include "genrec/baselines/embedding_system.h"
#include "genrec/baselines/sequence_system.h"
#include "genrec/macrec/system.h"
#include "genrec/mmgrec/system.h"

namespace genrec {

namespace {

using namespace baselines;

template <class S>
std::unique_ptr<System> make() {
  return std::make_unique<S>();
}

// The models of the MACRec family by their names.
constexpr char kMacrec[] = "macrec", kMql4grec[] = "mql4grec", kTiger[] = "tiger", kLetter[] = "letter";
template <const char* name>
std::unique_ptr<System> make_macrec() {
  return std::make_unique<macrec::MacrecSystem>(name);
}

template <MakeModel model, int layers>
std::unique_ptr<System> make_embedding() {
  EmbeddingOptions defaults;
  defaults.layers = layers;
  return std::make_unique<EmbeddingSystem>(model, defaults);
}

template <MakeSequenceModel model, int layers>
std::unique_ptr<System> make_sequence() {
  SequenceOptions defaults;
  defaults.layers = layers;
  return std::make_unique<SequenceSystem>(model, defaults);
}

}  // namespace

const std::vector<SystemEntry>& systems() {
  static const std::vector<SystemEntry> list = {
      {"mmgrec", "MMGRec: Graph RQ-VAE identifiers, relation-aware Transformer, constrained beam search", make<mmgrec::MmgrecSystem>},
      {"macrec", "MACRec: textual and visual identifiers aligned with each other, T5, two beam searches made one", make_macrec<kMacrec>},
      {"mql4grec", "MQL4GRec: the same without the alignments, one fused task", make_macrec<kMql4grec>},
      {"tiger", "TIGER: textual identifiers, T5, beam search", make_macrec<kTiger>},
      {"letter", "LETTER: textual identifiers that know who bought what, then as TIGER", make_macrec<kLetter>},
      {"popularity", "the most interacted items", make<PopularitySystem>},
      {"itemknn", "item-based nearest neighbours on shared users", make<ItemKnnSystem>},
      {"nextitem", "how often an item came right after the last three", make<NextItemSystem>},
      {"sasrec", "SASRec (Kang and McAuley 2018)", make_sequence<make_sasrec, 2>},
      {"gru4rec", "GRU4Rec (Hidasi et al. 2016)", make_sequence<make_gru4rec, 1>},
      {"bert4rec", "BERT4Rec (Sun et al. 2019)", make_sequence<make_bert4rec, 2>},
      {"mf", "matrix factorisation, BPR (Rendle et al. 2009)", make_embedding<make_mf, 0>},
      {"vbpr", "visual BPR (He and McAuley 2016)", make_embedding<make_vbpr, 0>},
      {"lightgcn", "LightGCN (He et al. 2020)", make_embedding<make_lightgcn, 3>},
      {"ngcf", "neural graph collaborative filtering (Wang et al. 2019)", make_embedding<make_ngcf, 3>},
      {"graphsage", "GraphSAGE on user vectors and item features (Hamilton et al. 2017)", make_embedding<make_graphsage, 2>},
      {"mmgcn", "one graph convolution per modality (Wei et al. 2019)", make_embedding<make_mmgcn, 2>},
  };
  return list;
}

std::vector<std::string> system_names() {
  std::vector<std::string> names;
  for (const SystemEntry& entry : systems()) names.push_back(entry.name);
  return names;
}

std::unique_ptr<System> make_system(const std::string& name) {
  for (const SystemEntry& entry : systems()) {
    if (entry.name == name) return entry.make();
  }
  tensor::fail(tensor::Fault::usage, "--model: there is no model '", name, "'; ", did_you_mean(nearest_name(name, system_names())));
}

}  // namespace genrec
