#include "genrec/vocabulary.h"

#include <algorithm>

#include "tensor/error.h"

namespace genrec {

Vocabulary::Vocabulary(Layout layout, std::vector<int32_t> sizes) : layout_(layout), sizes_(std::move(sizes)) {
  tensor::check(!sizes_.empty() && *std::min_element(sizes_.begin(), sizes_.end()) >= 1, "a vocabulary without codes");
  int32_t next = layout == Layout::disjoint ? 3 : 1;
  for (int32_t size : sizes_) {
    begins_.push_back(next);
    if (layout == Layout::disjoint) next += size;
  }
  if (layout == Layout::shared) next += *std::max_element(sizes_.begin(), sizes_.end());
  start_ = layout == Layout::disjoint ? 1 : next;
  size_ = layout == Layout::disjoint ? next : next + 2;
}

int32_t Vocabulary::token(int level, int32_t code) const {
  tensor::check(level >= 0 && level < levels() && code >= 0 && code < sizes_[level], "no token for code ", code,
                " at level ", level);
  return begins_[level] + code;
}

int32_t Vocabulary::code(int level, int32_t token) const {
  tensor::check(level >= 0 && level < levels() && token >= begins_[level] && token < begins_[level] + sizes_[level],
                "token ", token, " is no code of level ", level);
  return token - begins_[level];
}

Vocabulary::Layout vocabulary_layout(std::string_view name) {
  tensor::require(name == "disjoint" || name == "shared", "vocabulary: there is no layout '", name,
                  "'; choose disjoint or shared");
  return name == "disjoint" ? Vocabulary::Layout::disjoint : Vocabulary::Layout::shared;
}

}  // namespace genrec
