#include "genrec/data/synth.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "genrec/data/split.h"
#include "genrec/log.h"
#include "genrec/metrics.h"
#include "genrec/ranking.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace genrec {

namespace {

using nlohmann::json;
using tensor::Fault;
using tensor::Generator;
using tensor::Random;
using tensor::require;
using tensor::Tensor;

constexpr int kCutoff = 10;
constexpr int kLatent = 16;           // width of the latent vectors
constexpr double kSubclusterSpread = 0.6, kItemSpread = 0.25;
constexpr int kWordsPerItem = 12, kWordsPerTopic = 8, kCommonWords = 40;

void check_options(const SynthOptions& o) {
  require(o.users >= 1 && o.items >= 1 && o.clusters >= 1 && o.subclusters >= 1 && o.user_subclusters >= 1,
          "synth: users, items, clusters, subclusters and user-subclusters are ", o.users, ", ", o.items, ", ", o.clusters,
              ", ",
          o.subclusters, ", ", o.user_subclusters, "; each must be at least 1");
  require(o.items >= o.clusters * o.subclusters, "synth: ", o.items, " items cannot fill ", o.clusters, " x ", o.subclusters,
          " subclusters; ask for more items or fewer clusters");
  require(o.min_interactions >= 3 && o.max_interactions >= o.min_interactions && o.max_interactions <= o.items / 2,
          "synth: interactions per user are ", o.min_interactions, " to ", o.max_interactions,
          "; expected at least 3 and at most half of the ", o.items, " items");
  require(o.visual_dim >= 0 && o.acoustic_dim >= 0 && o.textual_dim >= 0, "synth: view sizes are ", o.visual_dim, ", ",
          o.acoustic_dim, ", ", o.textual_dim, "; none may be negative");
  for (double share : {o.stray, o.follow, o.shared_noise})
    require(share >= 0 && share <= 1, "synth: stray, follow and shared-noise are ", o.stray, ", ", o.follow, ", ",
            o.shared_noise, "; each must be from 0 to 1");
  require(o.noise >= 0 && o.zipf >= 0, "synth: noise and zipf are ", o.noise, ", ", o.zipf, "; neither may be negative");
}

// What generates the data.
struct World {
  const SynthOptions& options;
  std::vector<int> topic;                // [items] subcluster, 0 .. clusters * subclusters - 1
  std::vector<double> weight;            // [items] popularity, sums to 1 over all items
  std::vector<double> topic_weight;      // [topics] its sum over the items of a topic
  std::vector<int> successor;            // [topics] a single cycle through all of them

  explicit World(const SynthOptions& o) : options(o) {
    const int topics = o.clusters * o.subclusters;
    topic.resize(o.items);
    for (int i = 0; i < o.items; ++i) topic[i] = i % topics;  // sizes differ by one at most
    Generator(o.seed, "synth.topics").shuffle(std::span(topic));
    std::vector<int> rank(o.items);
    std::iota(rank.begin(), rank.end(), 1);
    Generator(o.seed, "synth.popularity").shuffle(std::span(rank));
    weight.resize(o.items);
    double total = 0;
    for (int i = 0; i < o.items; ++i) total += weight[i] = std::pow(rank[i], -o.zipf);
    topic_weight.assign(topics, 0);
    for (int i = 0; i < o.items; ++i) topic_weight[topic[i]] += weight[i] /= total;
    std::vector<int> cycle(topics);
    std::iota(cycle.begin(), cycle.end(), 0);
    Generator(o.seed, "synth.successor").shuffle(std::span(cycle));
    successor.resize(topics);
    for (int k = 0; k < topics; ++k) successor[cycle[k]] = cycle[(k + 1) % topics];
  }

  int topics() const { return static_cast<int>(topic_weight.size()); }

  // How much a user likes each topic; sums to 1.
  std::vector<double> preferences(Generator& rng) const {
    std::vector<int> order(topics());
    std::iota(order.begin(), order.end(), 0);
    const int count = std::min<int>(topics(), 1 + static_cast<int>(rng.below(options.user_subclusters)));
    rng.choose(std::span(order), count);
    std::vector<double> share(topics());
    double total = 0;
    for (int k = 0; k < count; ++k) total += share[order[k]] = 0.5 + rng.uniform();
    for (double& value : share) value /= total;
    return share;
  }

  // The probability of each item as the next; `last` is the item before it, -1 without one or without order.
  void probabilities(const std::vector<double>& share, int last, std::span<double> p) const {
    const double follow = options.ordered && last >= 0 ? options.follow : 0;
    const int next = last >= 0 ? successor[topic[last]] : -1;
    for (size_t i = 0; i < p.size(); ++i) {
      const double within = weight[i] / topic_weight[topic[i]];
      const double liked = (1 - options.stray) * share[topic[i]] * within + options.stray * weight[i];
      p[i] = (1 - follow) * liked + (topic[i] == next ? follow * within : 0);
    }
  }
};

// One user's items in the order in which they were drawn, each from what is left.
std::vector<int32_t> draw_items(const World& world, const std::vector<double>& share, Generator& rng) {
  const SynthOptions& o = world.options;
  const int count = o.min_interactions + static_cast<int>(rng.below(o.max_interactions - o.min_interactions + 1));
  std::vector<double> p(o.items);
  std::vector<uint8_t> taken(o.items);
  std::vector<int32_t> drawn;
  world.probabilities(share, -1, p);
  while (static_cast<int>(drawn.size()) < count) {
    if (o.ordered && !drawn.empty()) world.probabilities(share, drawn.back(), p);
    double total = 0;
    for (int i = 0; i < o.items; ++i) total += taken[i] ? 0 : p[i];
    double target = rng.uniform() * total;
    int choice = -1;
    for (int i = 0; i < o.items; ++i) {
      if (taken[i] || p[i] <= 0) continue;
      choice = i;
      if ((target -= p[i]) < 0) break;
    }
    if (choice < 0) break;  // nothing with a probability is left (stray 0)
    taken[choice] = 1;
    drawn.push_back(choice);
  }
  return drawn;
}

struct UserDraw {
  std::vector<double> share;
  std::vector<int32_t> items;
};

std::vector<UserDraw> draw_users(const World& world) {
  const SynthOptions& o = world.options;
  std::vector<UserDraw> users(o.users);
  tensor::parallel_for(o.users, 16, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      Generator rng(o.seed, "synth.user", static_cast<uint64_t>(u));
      users[u].share = world.preferences(rng);
      users[u].items = draw_items(world, users[u].share, rng);
    }
  });
  return users;
}

// Splits one user's items and appends them. Unordered: by item, 80/10/10. Ordered: in time, last one out.
void append_user(const SynthOptions& o, int64_t u, std::vector<int32_t> items, Dataset& d) {
  std::vector<Split> splits(items.size());
  std::vector<double> times;
  if (o.ordered) {
    split_last_out(splits);
    Generator rng(o.seed, "synth.time", static_cast<uint64_t>(u));
    double now = static_cast<double>(rng.below(1'000'000));
    for (size_t i = 0; i < items.size(); ++i) times.push_back(now += 1 + static_cast<double>(rng.below(5000)));
  } else {
    std::sort(items.begin(), items.end());
    split_by_ratio(splits, o.seed, static_cast<uint64_t>(u));
  }
  for (Split split : kSplits) {
    for (size_t i = 0; i < items.size(); ++i) {
      if (splits[i] != split) continue;
      d.items.push_back(items[i]);
      if (o.ordered) d.times.push_back(times[i]);
    }
    d.bounds.push_back(static_cast<int64_t>(d.items.size()));
  }
}

Tensor normal_matrix(const Random& random, int64_t rows, int64_t columns, double scale) {
  Tensor y({rows, columns});
  auto values = y.span<float>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(scale * random.normal(i));
  return y;
}

// y[i] = P (latent[i] + noise) with a random projection P of the view; part of the noise is common to the views.
Modality make_view(const World& world, const Tensor& latent, const char* name, int dim) {
  const SynthOptions& o = world.options;
  const auto stream = [&](const char* what) { return Random(o.seed, tensor::join("synth.", what, ".", name)); };
  const Tensor projection = normal_matrix(stream("projection"), kLatent, dim, 1 / std::sqrt(double{kLatent}));
  const Tensor own = normal_matrix(stream("noise"), o.items, kLatent, o.noise * std::sqrt(1 - o.shared_noise));
  const Tensor common = normal_matrix(Random(o.seed, "synth.noise"), o.items, kLatent, o.noise * std::sqrt(o.shared_noise));
  Modality view{Tensor({o.items, dim}), std::vector<uint8_t>(o.items, 1)};
  float* y = view.values.data<float>();
  for (int i = 0; i < o.items; ++i) {
    for (int j = 0; j < dim; ++j) {
      double sum = 0;
      for (int k = 0; k < kLatent; ++k) {
        const int at = i * kLatent + k;
        const double z = latent.data<float>()[at] + own.data<float>()[at] + common.data<float>()[at];
        sum += z * projection.data<float>()[k * dim + j];
      }
      y[int64_t{i} * dim + j] = static_cast<float>(sum);
    }
  }
  return view;
}

// Half of an item's words are of its subcluster, a quarter of its cluster, a quarter of nothing in particular.
WordLists make_words(const World& world) {
  const SynthOptions& o = world.options;
  WordLists lists;
  lists.offsets = {0};
  lists.vocabulary = (world.topics() + o.clusters) * kWordsPerTopic + kCommonWords;
  for (int i = 0; i < o.items; ++i) {
    Generator rng(o.seed, "synth.words", static_cast<uint64_t>(i));
    for (int k = 0; k < kWordsPerItem; ++k) {
      const int topic = world.topic[i], cluster = world.topics() + topic / o.subclusters;
      const uint64_t kind = rng.below(4);
      const int32_t word = kind < 2    ? topic * kWordsPerTopic + static_cast<int32_t>(rng.below(kWordsPerTopic))
                           : kind == 2 ? cluster * kWordsPerTopic + static_cast<int32_t>(rng.below(kWordsPerTopic))
                                       : lists.vocabulary - 1 - static_cast<int32_t>(rng.below(kCommonWords));
      lists.words.push_back(word);
    }
    lists.offsets.push_back(static_cast<int64_t>(lists.words.size()));
  }
  return lists;
}

void add_views(const World& world, Dataset& d) {
  const SynthOptions& o = world.options;
  const Tensor clusters = normal_matrix(Random(o.seed, "synth.clusters"), o.clusters, kLatent, 1);
  const Tensor topics = normal_matrix(Random(o.seed, "synth.subclusters"), world.topics(), kLatent, kSubclusterSpread);
  Tensor latent = normal_matrix(Random(o.seed, "synth.items"), o.items, kLatent, kItemSpread);
  for (int i = 0; i < o.items; ++i)
    for (int k = 0; k < kLatent; ++k)
      latent.data<float>()[i * kLatent + k] += clusters.data<float>()[world.topic[i] / o.subclusters * kLatent + k] +
                                               topics.data<float>()[world.topic[i] * kLatent + k];
  if (o.visual_dim > 0) d.features["visual"] = make_view(world, latent, "visual", o.visual_dim);
  if (o.acoustic_dim > 0) d.features["acoustic"] = make_view(world, latent, "acoustic", o.acoustic_dim);
  if (o.words) d.words["textual"] = make_words(world);
  else if (o.textual_dim > 0) d.features["textual"] = make_view(world, latent, "textual", o.textual_dim);
}

template <class F>
HeldOutScore score(const Dataset& d, Split target, F&& fill_scores) {
  std::vector<int32_t> rated;
  for (int64_t u = 0; u < d.users(); ++u)
    if (!d.items_of(u, target).empty()) rated.push_back(static_cast<int32_t>(u));
  std::vector<ListMetrics> values(rated.size());
  tensor::parallel_for(static_cast<int64_t>(rated.size()), 16, [&](int64_t begin, int64_t end) {
    std::vector<float> scores(d.item_count());
    for (int64_t row = begin; row < end; ++row) {
      const auto history = d.history(rated[row], target), held_out = d.items_of(rated[row], target);
      std::vector<int32_t> seen(history.begin(), history.end()), wanted(held_out.begin(), held_out.end());
      std::sort(seen.begin(), seen.end());
      std::sort(wanted.begin(), wanted.end());
      fill_scores(rated[row], history, std::span(scores));
      std::vector<int32_t> ranked;
      for (const RankedItem& item : top_k(scores, seen, kCutoff)) ranked.push_back(item.item);
      values[row] = measure_list(ranked, wanted, kCutoff);
    }
  });
  HeldOutScore mean;
  for (const ListMetrics& value : values) mean.recall += value.recall, mean.ndcg += value.ndcg;
  const double count = std::max<double>(1, static_cast<double>(values.size()));
  return {mean.recall / count, mean.ndcg / count};
}

SynthScores score_oracle(const World& world, const std::vector<UserDraw>& users, const Dataset& d) {
  const auto fill = [&](int32_t u, std::span<const int32_t> history, std::span<float> scores) {
    std::vector<double> p(scores.size());
    world.probabilities(users[u].share, world.options.ordered && !history.empty() ? history.back() : -1, p);
    std::copy(p.begin(), p.end(), scores.begin());
  };
  return {score(d, Split::valid, fill), score(d, Split::test, fill)};
}

SynthScores score_popularity(const Dataset& d) {
  const std::vector<int32_t> counts = d.train_counts();
  const auto fill = [&](int32_t, std::span<const int32_t>, std::span<float> scores) {
    std::copy(counts.begin(), counts.end(), scores.begin());
  };
  return {score(d, Split::valid, fill), score(d, Split::test, fill)};
}

json to_json(const SynthScores& scores) {
  const auto one = [](const HeldOutScore& score) { return json{{"Recall@10", score.recall}, {"NDCG@10", score.ndcg}}; };
  return {{"valid", one(scores.valid)}, {"test", one(scores.test)}};
}

SynthScores scores_from(const json& root) {
  const auto one = [&](const char* split) {
    return HeldOutScore{root.at(split).at("Recall@10").get<double>(), root.at(split).at("NDCG@10").get<double>()};
  };
  return {one("valid"), one("test")};
}

}  // namespace

SynthOptions synth_preset(const std::string& name) {
  SynthOptions options;
  if (name == "tiny") return options;
  require(name == "small", "synth: preset '", name, "' is unknown; choose tiny or small");
  options.users = 2000;
  options.items = 1000;
  options.clusters = 8;
  options.subclusters = 6;
  options.visual_dim = 64;
  options.acoustic_dim = 32;
  options.textual_dim = 32;
  return options;
}

SynthResult make_synthetic(const SynthOptions& options) {
  check_options(options);
  Stage stage("make synthetic data");
  const World world(options);
  const std::vector<UserDraw> users = draw_users(world);
  SynthResult result;
  Dataset& d = result.dataset;
  for (int i = 0; i < options.items; ++i) {
    const int topic = world.topic[i];
    d.item_ids.push_back(tensor::join("i", i));
    d.titles.push_back(tensor::join("item ", i, " (cluster ", topic / options.subclusters, ".", topic % options.subclusters,
        ")"));
  }
  for (int u = 0; u < options.users; ++u) {
    d.user_ids.push_back(tensor::join("u", u));
    append_user(options, u, users[u].items, d);
  }
  d.ordered = options.ordered;
  d.split_protocol = name_of(options.ordered ? SplitProtocol::leave_one_out : SplitProtocol::ratio);
  d.split_seed = options.seed;
  d.sources = {tensor::join("synthetic data, seed ", options.seed)};
  add_views(world, d);
  result.oracle = score_oracle(world, users, d);
  result.popularity = score_popularity(d);
  validate(d, "synth");
  return result;
}

void save_synthetic(const SynthResult& result, const std::string& folder) {
  save_dataset(result.dataset, folder);
  const json root = {{"fingerprint", fingerprint(result.dataset)}, {"oracle", to_json(result.oracle)},
                     {"popularity", to_json(result.popularity)}};
  tensor::write_file_atomically(folder + "/oracle.json", root.dump(2) + "\n");
}

std::optional<SavedScores> load_oracle(const std::string& folder) {
  const std::string path = folder + "/oracle.json";
  if (!std::filesystem::exists(path)) return {};
  try {
    const json root = json::parse(tensor::read_file(path));
    return SavedScores{scores_from(root.at("oracle")), scores_from(root.at("popularity")), root.value("fingerprint", "")};
  } catch (const json::exception& error) {
    tensor::fail(Fault::bad_data, path, ": is damaged (", error.what(), "); make the data again with `genrec synth`");
  }
}

}  // namespace genrec
