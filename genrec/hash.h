// A fingerprint of data, to tell whether files belong together. Not a defence against forgery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace genrec {

// FNV-1a over 64 bits. Every piece is preceded by its length, so that moving a boundary changes the value.
class Hash {
 public:
  void add(const void* from, size_t bytes) {
    mix(&bytes, sizeof bytes);
    mix(from, bytes);
  }
  void add(std::string_view text) { add(text.data(), text.size()); }
  template <class T>
  void add(const std::vector<T>& values) { add(values.data(), values.size() * sizeof(T)); }
  void add(const std::vector<std::string>& values) {
    const uint64_t count = values.size();
    mix(&count, sizeof count);
    for (const std::string& value : values) add(std::string_view(value));
  }
  std::string hex() const {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value_));
    return text;
  }

 private:
  void mix(const void* from, size_t bytes) {
    const auto* p = static_cast<const unsigned char*>(from);
    for (size_t i = 0; i < bytes; ++i) value_ = (value_ ^ p[i]) * 1099511628211ull;
  }
  uint64_t value_ = 14695981039346656037ull;
};

}  // namespace genrec
