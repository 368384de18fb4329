#include "genrec/macrec/inference.h"

#include <algorithm>
#include <numeric>

#include "genrec/decode_beams.h"
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
  Language language;
  BeamSearch beams;

  void run(std::span<const Query> queries, int history);
};

void Search::run(std::span<const Query> queries, int history) {
  PackedSequences sources;
  std::vector<int32_t> positions(queries.size());
  for (const Query& query : queries) {
    const size_t read = std::min<size_t>(query.sequence.size(), static_cast<size_t>(history));
    append_source(query.sequence.last(read), language, -1, tokens, sources.tokens);
    sources.end_sequence();
  }
  std::iota(positions.begin(), positions.end(), 0);
  beams.start(positions, [&](int32_t position) { return queries[position].excluded; },
              [&](int32_t position) { return queries[position].unwanted; });
  const TokenLayout& layout = tokens.layout();
  if (transformer.replays()) sources.pad(TokenLayout::kPad, int64_t{history} * layout.levels(language) + 1);
  std::vector<int32_t> first_tokens;
  for (int level = 0; level < layout.levels(language); ++level) first_tokens.push_back(layout.level_begin(language, level));
  first_tokens.push_back(TokenLayout::kEnd);
  const Tensor read = Tensor::from(sources.tokens), offsets = Tensor::from(sources.offsets);
  nn::T5::Memory memory;
  nn::T5::State state;
  decode_beams(beams, transformer.table().value().device(),
               {.start_token = TokenLayout::kPad,
                .first_tokens = first_tokens,
                .encode = [&] { memory = transformer.remember(read, offsets); },
                .next = [&](const Tensor& fed, const Tensor& parents,
                            const Tensor& row_user) { return transformer.step(state, memory, fed, parents, row_user); },
                .replays = transformer.replays(),
                .inputs = {read, offsets},
                .longest = sources.longest()});
}

}  // namespace

BeamLists search_beams(const nn::T5& transformer, const ItemTokens& tokens, const Trie& trie, Language language,
                       std::span<const Query> queries, const SearchOptions& options) {
  const tensor::Device device = transformer.table().value().device();
  const bool on_cpu = device == tensor::Device::cpu;
  const int64_t users = static_cast<int64_t>(queries.size()), group = on_cpu ? cpu_group(users) : options.users_at_once;
  BeamLists result;
  result.of.resize(queries.size());
  std::vector<BeamLists> counted(tensor::ceil_div(users, group));
  const auto search_for = [&](int64_t begin, int64_t end) {
    const auto some = queries.subspan(begin, end - begin);
    BeamLists& counts = counted[begin / group];
    Search search{transformer, tokens, language, BeamSearch(trie, {.k = options.beam, .exclusion = options.exclude_seen})};
    search.run(some, options.history);
    const BeamStatistics statistics = search.beams.statistics();
    counts.listed = statistics.listed;
    if (options.exclude_seen != Exclusion::none) counts.seen = statistics.excluded;
    const Ranking ranking = search.beams.ranking();
    for (size_t user = 0; user < some.size(); ++user) {
      std::vector<RankedItem>& list = result.of[begin + user];
      for (const int32_t item : ranking.of(static_cast<int64_t>(user))) {
        const float score = ranking.scores[user * ranking.k + list.size()] / static_cast<float>(trie.levels());
        list.push_back({item, score});
        if (options.exclude_seen == Exclusion::none) counts.seen += contains(some[user].sequence, item);
      }
    }
  };
  if (on_cpu) tensor::parallel_for(users, group, search_for);
  else
    for (int64_t first = 0; first < users; first += group) search_for(first, std::min(users, first + group));
  for (const BeamLists& part : counted) result.listed += part.listed, result.seen += part.seen;
  return result;
}

}  // namespace genrec::macrec
