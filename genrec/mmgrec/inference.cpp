#include "genrec/mmgrec/inference.h"

#include <algorithm>
#include <numeric>

#include "autograd/ops/gather_rows.h"
#include "genrec/decode_beams.h"
#include "genrec/inner_product.h"

namespace genrec::mmgrec {

namespace {

struct EncoderInput {
  PackedSequences histories;   // of item numbers
  std::vector<int32_t> users;  // [sequences], of those that training knew
  Tensor strangers;            // or f32 [sequences, D], where some are strangers
};

EncoderInput encoder_input(const Recommender& recommender, const Dataset& dataset, std::span<const Query> queries,
                           const InferenceOptions& options) {
  EncoderInput input;
  for (const Query& query : queries) {
    const auto read = inference_history(query.history, options.history, options.seed, std::max(query.user, 0));
    input.histories.tokens.insert(input.histories.tokens.end(), read.begin(), read.end());
    input.histories.end_sequence();
    input.users.push_back(query.user);
  }
  const bool known = std::all_of(input.users.begin(), input.users.end(), [](int32_t user) { return user >= 0; });
  if (!known) {
    input.strangers = user_rows(dataset, recommender.user_vectors(), queries);
  } else if (recommender.replays()) {
    input.histories.pad(0, options.history);
    input.users.resize(input.histories.offsets.size() - 1);
  }
  return input;
}

// One batch of queries; user numbers of the search are positions in the batch.
void rank_batch(const Recommender& recommender, const Trie& trie, const Vocabulary& vocabulary, const Dataset& dataset,
                std::span<const Query> queries, int64_t first, const InferenceOptions& options, Ranking& ranking,
                SearchTrace* trace, bool want_paths) {
  std::vector<int32_t> positions(queries.size()), first_tokens;
  std::iota(positions.begin(), positions.end(), 0);
  for (int level = 0; level < trie.levels(); ++level) first_tokens.push_back(vocabulary.level_begin(level));
  const tensor::Device device = recommender.item_vectors().device();
  BeamSearch search(trie, options.beam);
  search.start(positions, [&](int32_t position) { return queries[position].excluded; },
               [&](int32_t position) { return queries[position].unwanted; });
  const EncoderInput input = encoder_input(recommender, dataset, queries, options);
  const Tensor history = Tensor::from(input.histories.tokens), offsets = Tensor::from(input.histories.offsets);
  const Tensor users = Tensor::from(input.users);
  Recommender::Memory memory;
  Recommender::State state;
  const auto encode = [&] {
    const Tensor vectors = input.strangers.defined() ? input.strangers.to(device)
                                                     : autograd::gather_rows(recommender.user_vectors(), users).value();
    memory = recommender.encode(history, offsets, vectors);
  };
  decode_beams(search, device,
               {.start_token = vocabulary.start(),
                .first_tokens = first_tokens,
                .encode = encode,
                .next = [&](const Tensor& tokens, const Tensor& parents,
                            const Tensor& row_user) { return recommender.step(state, memory, tokens, parents, row_user); },
                .replays = input.strangers.defined() ? nullptr : recommender.replays(),
                .inputs = {history, offsets, users},
                .longest = input.histories.longest()});

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
