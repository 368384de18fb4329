// Where a tensor lives.
#pragma once

#include <ostream>

namespace tensor {

enum class Device : unsigned char { cpu, cuda };

// Where models keep their parameters and the real numbers they compute with: what --device chose, once, at the start.
Device default_device();
void set_default_device(Device device);

// The default device for as long as it lives.
class DefaultDevice {
 public:
  explicit DefaultDevice(Device device) : before_(default_device()) { set_default_device(device); }
  ~DefaultDevice() { set_default_device(before_); }
  DefaultDevice(const DefaultDevice&) = delete;
  DefaultDevice& operator=(const DefaultDevice&) = delete;

 private:
  Device before_;
};

inline std::ostream& operator<<(std::ostream& out, Device device) { return out << (device == Device::cpu ? "cpu" : "cuda"); }

}  // namespace tensor
