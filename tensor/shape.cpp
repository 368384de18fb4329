#include "tensor/shape.h"

#include "tensor/error.h"

namespace tensor {

Shape::Shape(std::initializer_list<int64_t> sizes) {
  require(sizes.size() <= 4, "shape: at most 4 dimensions, got ", sizes.size());
  for (int64_t size : sizes) {
    require(size >= 0, "shape: negative size ", size, " in dimension ", rank_);
    sizes_[rank_++] = size;
  }
}

int64_t Shape::operator[](int dimension) const {
  const int index = dimension < 0 ? dimension + rank_ : dimension;
  require(index >= 0 && index < rank_, "shape: dimension ", dimension, " of ", *this, " does not exist");
  return sizes_[index];
}

Shape Shape::with(int dimension, int64_t size) const {
  (void)(*this)[dimension];  // checks the range
  Shape copy = *this;
  copy.sizes_[dimension < 0 ? dimension + rank_ : dimension] = size;
  return copy;
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  for (int d = 0; d < shape.rank(); ++d) out << (d ? "," : "") << shape[d];
  return out << ']';
}

}  // namespace tensor
