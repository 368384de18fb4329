// Where a tensor lives.
#pragma once

#include <ostream>

namespace tensor {

enum class Device : unsigned char { cpu, cuda };

// Where models keep their parameters and the real numbers they compute with: what --device chose, once, at the start.
Device default_device();
void set_default_device(Device device);

inline std::ostream& operator<<(std::ostream& out, Device device) { return out << (device == Device::cpu ? "cpu" : "cuda"); }

}  // namespace tensor
