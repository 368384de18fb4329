#include "genrec/macrec/inference.h"

#include <algorithm>
#include <numeric>

#include "genrec/decode_beams.h"
#include "genrec/packed_sequences.h"
#include "tensor/divide.h"
#include "tensor/parallel.h"

namespace genrec::macrec {

Trie trie_with_end(const ItemIdentifiers& identifiers) {
  ItemIdentifiers longer{.levels = identifiers.levels + 1, .sizes = identifiers.sizes};
  longer.sizes.push_back(1);
  for (int64_t item = 0; item < identifiers.items(); ++item) {
    longer.codes.insert(longer.codes.end(), identifiers[item].begin(), identifiers[item].end());
    longer.codes.push_back(0);
  }
  return Trie(longer);
}

namespace {

bool contains(std::span<const int32_t> list, int32_t item) { return std::find(list.begin(), list.end(), item) != list.end(); }

// Users that are searched for together on the CPU. Many: groups large enough to share the reading of the weights, each on one
// thread; few: all, with the threads inside the products.
int64_t cpu_group(int64_t users) {
  constexpr int64_t kGroups = 8, kMost = 16;
  return users < kGroups ? std::max<int64_t>(1, users) : std::min(kMost, users / kGroups);
}

struct Search {
  const nn::T5& transformer;
  const ItemTokens& tokens;
  const Trie& trie;
  Language language;
  SearchOptions options;

  RunningSearch begin(std::span<const Query> queries) const;
};

RunningSearch Search::begin(std::span<const Query> queries) const {
  PackedSequences sources;
  std::vector<int32_t> positions(queries.size());
  for (const Query& query : queries) {
    const size_t read = std::min<size_t>(query.sequence.size(), static_cast<size_t>(options.history));
    append_source(query.sequence.last(read), language, -1, tokens, sources.tokens);
    sources.end_sequence();
  }
  std::iota(positions.begin(), positions.end(), 0);
  BeamSearch beams(trie, {.k = options.beam, .exclusion = options.exclude_seen});
  beams.start(positions, [&](int32_t position) { return queries[position].excluded; },
              [&](int32_t position) { return queries[position].unwanted; });
  const TokenLayout& layout = tokens.layout();
  if (transformer.replays() && queries.size() > 1) {
    sources.pad(TokenLayout::kPad, capacity_of({&sources, 1}, int64_t{options.history} * layout.levels(language) + 1, 4));
  }
  std::vector<int32_t> first_tokens;
  for (int level = 0; level < layout.levels(language); ++level) first_tokens.push_back(layout.level_begin(language, level));
  first_tokens.push_back(TokenLayout::kEnd);
  const Tensor read = Tensor::from(sources.tokens), offsets = Tensor::from(sources.offsets);
  nn::T5::Memory memory;
  nn::T5::State state;
  const BeamModel model{
      .start_token = TokenLayout::kPad,
      .first_tokens = first_tokens,
      .encode = [&] { memory = transformer.remember(read, offsets); },
      .next = [&](const Tensor& fed, const Tensor& parents,
                  const Tensor& row_user) { return transformer.step(state, memory, fed, parents, row_user); },
      .replays = transformer.replays(),
      .inputs = {read, offsets},
      .longest = sources.longest()};
  return decode_beams(std::move(beams), transformer.table().value().device(), model);
}

}  // namespace

BeamLists search_beams(const nn::T5& transformer, const ItemTokens& tokens, const Trie& trie, Language language,
                       std::span<const Query> queries, const SearchOptions& options) {
  const bool on_cpu = transformer.table().value().device() == tensor::Device::cpu;
  const int64_t users = static_cast<int64_t>(queries.size()), size = on_cpu ? cpu_group(users) : options.users_at_once;
  const int64_t groups = tensor::ceil_div(users, size);
  const Search search{transformer, tokens, trie, language, options};
  BeamLists result;
  result.of.resize(queries.size());
  std::vector<BeamLists> counted(groups);
  const auto queries_of = [&](int64_t group) { return queries.subspan(group * size, std::min(size, users - group * size)); };
  const auto begin = [&](int64_t group) { return search.begin(queries_of(group)); };
  const auto finish = [&](int64_t group, RunningSearch& running) {
    const BeamSearch& beams = running.wait();
    BeamLists& counts = counted[group];
    const BeamStatistics statistics = beams.statistics();
    counts.listed = statistics.listed;
    if (options.exclude_seen != Exclusion::none) counts.seen = statistics.excluded;
    const Ranking ranking = beams.ranking();
    const auto some = queries_of(group);
    for (size_t user = 0; user < some.size(); ++user) {
      std::vector<RankedItem>& list = result.of[group * size + user];
      for (const int32_t item : ranking.of(static_cast<int64_t>(user))) {
        const float score = ranking.scores[user * ranking.k + list.size()] / static_cast<float>(trie.levels());
        list.push_back({item, score});
        if (options.exclude_seen == Exclusion::none) counts.seen += contains(some[user].sequence, item);
      }
    }
  };
  if (on_cpu) {
    tensor::parallel_for(groups, 1, [&](int64_t first, int64_t last) { decode_ahead(first, last, begin, finish); });
  } else {
    decode_ahead(0, groups, begin, finish);
  }
  for (const BeamLists& part : counted) result.listed += part.listed, result.seen += part.seen;
  return result;
}

}  // namespace genrec::macrec
