// Where a tensor lives.
#pragma once

#include <ostream>

namespace tensor {

enum class Device : unsigned char { cpu, cuda };

inline std::ostream& operator<<(std::ostream& out, Device device) { return out << (device == Device::cpu ? "cpu" : "cuda"); }

}  // namespace tensor
