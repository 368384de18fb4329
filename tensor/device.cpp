#include "tensor/device.h"

namespace tensor {

static Device current = Device::cpu;

Device default_device() { return current; }
void set_default_device(Device device) { current = device; }

}  // namespace tensor
