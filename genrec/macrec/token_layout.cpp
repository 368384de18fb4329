#include "genrec/macrec/token_layout.h"

#include "tensor/error.h"

namespace genrec::macrec {

const char* name_of(Language language) { return language == Language::textual ? "textual" : "visual"; }

Language language_named(std::string_view name) {
  for (Language language : kLanguages) {
    if (name == name_of(language)) return language;
  }
  tensor::fail(tensor::Fault::usage, "identifiers: there are no '", name, "' ones; give textual or visual");
}

TokenLayout::TokenLayout(int prompts, const std::vector<int32_t>& textual, const std::vector<int32_t>& visual)
    : prompts_(prompts), size_(prompt(prompts)) {
  for (const Language language : kLanguages) {
    for (const int32_t codes : language == Language::textual ? textual : visual) {
      begins_[index_of(language)].push_back(size_);
      size_ += codes;
    }
  }
}

}  // namespace genrec::macrec
