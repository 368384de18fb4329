#include "genrec/mmgrec/inference.h"

#include <algorithm>
#include <numeric>

#include "genrec/inner_product.h"

namespace genrec::mmgrec {

namespace {

struct EncoderInput {
  Tensor history, offsets, users;
};

EncoderInput encoder_input(const Recommender& recommender, const Dataset& dataset, std::span<const Query> queries,
                           const InferenceOptions& options) {
  std::vector<int32_t> history, offsets{0};
  for (const Query& query : queries) {
    const auto read = inference_history(query.history, options.history, options.seed, std::max(query.user, 0));
    history.insert(history.end(), read.begin(), read.end());
    offsets.push_back(static_cast<int32_t>(history.size()));
  }
  const Tensor users = user_rows(dataset, recommender.user_vectors(), queries);
  return {Tensor::from(history), Tensor::from(offsets), users.to(tensor::default_device())};
}

// One batch of queries; user numbers of the search are positions in the batch.
void rank_batch(const Recommender& recommender, const Trie& trie, const Vocabulary& vocabulary, const Dataset& dataset,
                std::span<const Query> queries, int64_t first, const InferenceOptions& options, Ranking& ranking,
                SearchTrace* trace, bool want_paths) {
  const EncoderInput input = encoder_input(recommender, dataset, queries, options);
  const Recommender::Memory memory = recommender.encode(input.history, input.offsets, input.users);
  std::vector<int32_t> positions(queries.size());
  std::iota(positions.begin(), positions.end(), 0);
  BeamSearch search(trie, options.beam);
  search.start(positions, [&](int32_t position) { return queries[position].excluded; });

  Recommender::State state;
  while (!search.done()) {
    const int level = search.level();
    std::vector<int32_t> tokens(search.rows(), vocabulary.start()), row_user(search.rows());
    if (level > 0) {
      for (int64_t r = 0; r < search.rows(); ++r) tokens[r] = vocabulary.token(level - 1, search.codes()[r]);
    }
    for (size_t u = 0; u < queries.size(); ++u) {
      for (int64_t r = search.row_begin()[u]; r < search.row_begin()[u + 1]; ++r) row_user[r] = static_cast<int32_t>(u);
    }
    const std::vector<int32_t> parents(search.parents().begin(), search.parents().end());
    const Recommender::Scores scores = recommender.step(state, memory, tokens, parents, row_user);
    search.expand({scores.logits.data<float>() + vocabulary.level_begin(level), scores.logits.columns(), scores.lse.data()});
  }

  const Ranking found = search.ranking();
  std::copy(found.items.begin(), found.items.end(), ranking.items.begin() + first * ranking.k);
  std::copy(found.scores.begin(), found.scores.end(), ranking.scores.begin() + first * ranking.k);
  if (!trace) return;
  const BeamStatistics statistics = search.statistics();
  trace->statistics.listed += statistics.listed;
  trace->statistics.excluded += statistics.excluded;
  for (size_t u = 0; want_paths && u < queries.size(); ++u) {
    trace->path_scores.emplace_back();
    for (size_t rank = 0; rank < found.of(u).size(); ++rank) {
      trace->path_scores.back().push_back(search.path_scores(u, static_cast<int>(rank)));
    }
  }
}

}  // namespace

Ranking beam_rank(const Recommender& recommender, const Trie& trie, const Vocabulary& vocabulary, const Dataset& dataset,
                  std::span<const Query> queries, const InferenceOptions& options, SearchTrace* trace, bool want_paths) {
  Ranking ranking(static_cast<int64_t>(queries.size()), options.beam.k);
  for (size_t first = 0; first < queries.size(); first += options.users_at_once) {
    const size_t count = std::min<size_t>(options.users_at_once, queries.size() - first);
    rank_batch(recommender, trie, vocabulary, dataset, queries.subspan(first, count), static_cast<int64_t>(first), options,
               ranking, trace, want_paths);
  }
  return ranking;
}

}  // namespace genrec::mmgrec
