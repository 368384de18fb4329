#include "genrec/identifiers.h"

#include <algorithm>
#include <numeric>

#include "tensor/error.h"
#include "tensor/random.h"

namespace genrec {

using tensor::check;
using tensor::require;

void check_identifiers(const ItemIdentifiers& identifiers) {
  const int levels = identifiers.levels;
  check(levels >= 1 && static_cast<int>(identifiers.sizes.size()) == levels && identifiers.codes.size() % levels == 0,
        "identifiers of ", levels, " levels with ", identifiers.sizes.size(), " sizes and ", identifiers.codes.size(),
        " codes");
  for (int64_t item = 0; item < identifiers.items(); ++item) {
    for (int level = 0; level < levels; ++level) {
      const int32_t code = identifiers[item][level], size = identifiers.sizes[level];
      check(code >= 0 && code < size, "item ", item, ": code ", code, " at level ", level, " is outside [0, ", size, ")");
    }
  }
}

std::vector<int32_t> sorted_by_codes(const ItemIdentifiers& identifiers) {
  check_identifiers(identifiers);
  const int64_t items = identifiers.items();
  std::vector<int32_t> order(items), next(items);
  std::iota(order.begin(), order.end(), 0);
  for (int level = identifiers.levels - 1; level >= 0; --level) {  // stable counting sorts, last level first
    std::vector<int64_t> position(identifiers.sizes[level] + 1, 0);
    for (int64_t item = 0; item < items; ++item) ++position[identifiers[item][level] + 1];
    std::partial_sum(position.begin(), position.end(), position.begin());
    for (int32_t item : order) next[position[identifiers[item][level]]++] = item;
    order.swap(next);
  }
  return order;
}

namespace {
bool same_codes(const ItemIdentifiers& identifiers, int32_t a, int32_t b) {
  return std::equal(identifiers[a].begin(), identifiers[a].end(), identifiers[b].begin());
}
}  // namespace

PrefixGroups prefix_groups(const ItemIdentifiers& identifiers, int depth) {
  check(depth >= 0 && depth <= identifiers.levels, "prefixes of ", depth, " of ", identifiers.levels, " codes");
  PrefixGroups groups;
  groups.group.resize(identifiers.items());
  int32_t previous = -1;
  for (int32_t item : sorted_by_codes(identifiers)) {
    const auto codes = identifiers[item].first(depth);
    if (previous < 0 || !std::equal(codes.begin(), codes.end(), identifiers[previous].begin())) groups.sizes.push_back(0);
    groups.group[item] = static_cast<int32_t>(groups.sizes.size()) - 1;
    ++groups.sizes.back();
    previous = item;
  }
  return groups;
}

bool unique(const ItemIdentifiers& identifiers) {
  const std::vector<int32_t> order = sorted_by_codes(identifiers);
  return std::adjacent_find(order.begin(), order.end(),
                            [&](int32_t a, int32_t b) { return same_codes(identifiers, a, b); }) == order.end();
}

ItemIdentifiers assign_identifiers(const ItemIdentifiers& semantic, std::span<const int32_t> interactions, LastCode last,
                                   uint64_t seed) {
  const int64_t items = semantic.items();
  check(static_cast<int64_t>(interactions.size()) == items, items, " items but ", interactions.size(),
        " interaction counts");
  check(!semantic.popularity, "these identifiers already have a popularity level");
  ItemIdentifiers result{.levels = semantic.levels + 1, .sizes = semantic.sizes, .codes = {}, .popularity = true};
  result.codes.resize(items * result.levels);
  for (int64_t item = 0; item < items; ++item) {
    std::copy(semantic[item].begin(), semantic[item].end(), result.codes.begin() + item * result.levels);
  }
  std::vector<int32_t> order = sorted_by_codes(semantic);
  tensor::Generator generator(seed, "identifiers.random_last");
  int64_t largest = 1;
  for (int64_t begin = 0, end; begin < items; begin = end) {
    for (end = begin + 1; end < items && same_codes(semantic, order[begin], order[end]);) ++end;
    const std::span<int32_t> group(order.data() + begin, end - begin);
    if (last == LastCode::random) generator.shuffle(group);
    else
      std::stable_sort(group.begin(), group.end(), [&](int32_t a, int32_t b) { return interactions[a] > interactions[b]; });
    for (size_t i = 0; i < group.size(); ++i)
      result.codes[int64_t{group[i]} * result.levels + semantic.levels] = static_cast<int32_t>(i);
    largest = std::max(largest, end - begin);
  }
  result.sizes.push_back(static_cast<int32_t>(largest));
  check(unique(result), "the assigned identifiers are not unique");
  return result;
}

}  // namespace genrec
