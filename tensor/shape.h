// Sizes of a tensor's dimensions, at most four, row-major. A type of its own so that << is found inside templates.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>

namespace tensor {

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes);

  int rank() const { return rank_; }
  int64_t operator[](int dimension) const;  // negative counts from the end: [-1] is the last
  int64_t size() const { return product(rank_); }                           // number of elements; 1 for rank 0
  int64_t columns() const { return rank_ == 0 ? 1 : sizes_[rank_ - 1]; }    // size of the last dimension; 1 for rank 0
  int64_t rows() const { return product(rank_ - 1); }                       // product of all but the last dimension
  Shape with(int dimension, int64_t size) const;

  bool operator==(const Shape& other) const = default;

 private:
  int64_t product(int dimensions) const {
    int64_t n = 1;
    for (int d = 0; d < dimensions; ++d) n *= sizes_[d];
    return n;
  }

  std::array<int64_t, 4> sizes_{};  // unused entries stay 0, so that == may compare all of them
  int rank_ = 0;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape);

}  // namespace tensor
