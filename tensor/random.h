// Counter-based random numbers, Philox4x32-10 (Salmon et al. 2011): a value is a function of (seed, stream name, step, index),
// so it is the same for any thread count, on CPU and CUDA, and after a resume. Streams are named after their use.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "tensor/philox.h"

namespace tensor {

std::array<uint32_t, 4> philox(const PhiloxKey& key, uint64_t block);  // the 128 bits of one counter value

uint32_t dropout_threshold(double p);  // dropout with probability p keeps an element whose 16-bit word of the stream is >= this

// A random function: index -> value. Copyable, without state.
class Random {
 public:
  // step_on_device: where kernels of a GPU read step_word(step), as those of work that is launched again do (tensor/cuda/replays.h).
  Random(uint64_t seed, std::string_view stream, uint64_t step = 0, const int32_t* step_on_device = nullptr);
  static int32_t step_word(uint64_t step);  // what a key holds of it

  uint32_t bits(uint64_t index) const;                  // uniform in [0, 2^32)
  double uniform(uint64_t index) const;                 // uniform in [0, 1)
  double normal(uint64_t index) const;                  // mean 0, standard deviation 1 (Box-Muller)
  uint64_t below(uint64_t index, uint64_t bound) const; // uniform in [0, bound), bound > 0
  const PhiloxKey& key() const { return key_; }
  const int32_t* step_on_device() const { return step_on_device_; }  // null: in the key

 private:
  PhiloxKey key_;
  const int32_t* step_on_device_;
};

// A sequence of draws from a Random, for code that cannot number its draws itself.
class Generator {
 public:
  explicit Generator(const Random& random) : random_(random) {}
  Generator(uint64_t seed, std::string_view stream, uint64_t step = 0) : random_(seed, stream, step) {}

  double uniform() { return random_.uniform(next_++); }
  double normal() { return random_.normal(next_++); }
  uint64_t below(uint64_t bound) { return random_.below(next_++, bound); }

  template <class T>
  void shuffle(std::span<T> values) {  // Fisher-Yates
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }
  // Moves a uniform sample without replacement of `count` values to the front.
  template <class T>
  void choose(std::span<T> values, size_t count) {
    for (size_t i = 0; i < count && i < values.size(); ++i) std::swap(values[i], values[i + below(values.size() - i)]);
  }

 private:
  Random random_;
  uint64_t next_ = 0;
};

}  // namespace tensor
