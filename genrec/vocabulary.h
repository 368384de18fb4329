// Which token stands for which code. Token 0 pads. Tokens of one level are consecutive, so that token = level_begin + code.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace genrec {

class Vocabulary {
 public:
  enum class Layout {
    disjoint,  // 0 PAD, 1 START, 2 END, then the codes of level 0, of level 1, ...
    shared,    // 0 PAD, code + 1 at every level alike, then START and END: the released code's layout
  };

  Vocabulary(Layout layout, std::vector<int32_t> sizes);  // sizes: codes per level

  Layout layout() const { return layout_; }
  int levels() const { return static_cast<int>(sizes_.size()); }
  int32_t pad() const { return 0; }
  int32_t start() const { return start_; }
  int32_t end() const { return start_ + 1; }
  int32_t size() const { return size_; }
  int32_t level_begin(int level) const { return begins_[level]; }
  int32_t level_size(int level) const { return sizes_[level]; }

  int32_t token(int level, int32_t code) const;
  int32_t code(int level, int32_t token) const;

 private:
  Layout layout_;
  std::vector<int32_t> sizes_, begins_;
  int32_t start_ = 0, size_ = 0;
};

Vocabulary::Layout vocabulary_layout(std::string_view name);  // "disjoint" or "shared"

}  // namespace genrec
