#include "genrec/mmgrec/inference.h"

#include <algorithm>
#include <numeric>

#include "autograd/ops/gather_rows.h"
#include "genrec/decode_beams.h"
#include "genrec/packed_sequences.h"
#include "genrec/inner_product.h"
#include "tensor/divide.h"

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
  } else if (recommender.replays() && queries.size() > 1) {
    input.histories.pad(0, capacity_of({&input.histories, 1}, options.history, 4));
    input.users.resize(input.histories.sequences());
  }
  return input;
}

struct Search {
  const Recommender& recommender;
  const Trie& trie;
  const Vocabulary& vocabulary;
  const Dataset& dataset;
  const InferenceOptions& options;

  RunningSearch begin(std::span<const Query> queries) const;  // user numbers of the search are positions among them
};

RunningSearch Search::begin(std::span<const Query> queries) const {
  std::vector<int32_t> positions(queries.size()), first_tokens;
  std::iota(positions.begin(), positions.end(), 0);
  for (int level = 0; level < trie.levels(); ++level) first_tokens.push_back(vocabulary.level_begin(level));
  const tensor::Device device = recommender.item_vectors().device();
  BeamSearch beams(trie, options.beam);
  beams.start(positions, [&](int32_t position) { return queries[position].excluded; },
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
  const BeamModel model{
      .start_token = vocabulary.start(),
      .first_tokens = first_tokens,
      .encode = encode,
      .next = [&](const Tensor& tokens, const Tensor& parents,
                  const Tensor& row_user) { return recommender.step(state, memory, tokens, parents, row_user); },
      .replays = input.strangers.defined() ? nullptr : recommender.replays(),
      .inputs = {history, offsets, users},
      .longest = input.histories.longest()};
  return decode_beams(std::move(beams), device, model);
}

void add_to(SearchTrace& trace, const BeamSearch& beams, const Ranking& found, bool want_paths) {
  const BeamStatistics statistics = beams.statistics();
  trace.statistics.listed += statistics.listed;
  trace.statistics.excluded += statistics.excluded;
  for (int64_t user = 0; want_paths && user < found.users; ++user) {
    trace.path_scores.emplace_back();
    for (size_t rank = 0; rank < found.of(user).size(); ++rank) {
      trace.path_scores.back().push_back(beams.path_scores(user, static_cast<int>(rank)));
    }
  }
}

}  // namespace

Ranking beam_rank(const Recommender& recommender, const Trie& trie, const Vocabulary& vocabulary, const Dataset& dataset,
                  std::span<const Query> queries, const InferenceOptions& options, SearchTrace* trace, bool want_paths) {
  const auto users = static_cast<int64_t>(queries.size()), size = options.users_at_once;
  Ranking ranking(users, options.beam.k);
  const Search search{recommender, trie, vocabulary, dataset, options};
  const auto begin = [&](int64_t group) { return search.begin(queries.subspan(group * size, std::min(size, users - group * size))); };
  decode_ahead(0, tensor::ceil_div(users, size), begin, [&](int64_t group, RunningSearch& running) {
    const BeamSearch& beams = running.wait();
    const Ranking found = beams.ranking();
    std::copy(found.items.begin(), found.items.end(), ranking.items.begin() + group * size * ranking.k);
    std::copy(found.scores.begin(), found.scores.end(), ranking.scores.begin() + group * size * ranking.k);
    if (trace) add_to(*trace, beams, found, want_paths);
  });
  return ranking;
}

}  // namespace genrec::mmgrec
