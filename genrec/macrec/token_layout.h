// Which token stands for what in the generator's one vocabulary: 0 PAD (which also starts the decoder), 1 END, four tokens per
// prompt, then the codes of the textual identifiers level by level, then those of the visual ones. No two share a token.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace genrec::macrec {

// An item has an identifier in each language that the model speaks.
enum class Language : uint8_t { textual, visual };
inline constexpr Language kLanguages[] = {Language::textual, Language::visual};
const char* name_of(Language language);       // "textual", "visual"
Language language_named(std::string_view name);  // an Error for another
inline int index_of(Language language) { return static_cast<int>(language); }

class TokenLayout {
 public:
  static constexpr int32_t kPad = 0, kEnd = 1;
  static constexpr int kPromptLength = 4;

  // Codes per level of each language; an empty list for one that is not spoken.
  TokenLayout(int prompts, const std::vector<int32_t>& textual, const std::vector<int32_t>& visual);

  int32_t size() const { return size_; }
  int prompts() const { return prompts_; }
  int32_t prompt(int number) const { return 2 + number * kPromptLength; }  // the first of its tokens; the others follow
  int levels(Language language) const { return static_cast<int>(begins_[index_of(language)].size()); }
  // Code c of this level is token level_begin + c.
  int32_t level_begin(Language language, int level) const { return begins_[index_of(language)][level]; }

 private:
  int prompts_;
  std::vector<int32_t> begins_[2];
  int32_t size_;
};

}  // namespace genrec::macrec
