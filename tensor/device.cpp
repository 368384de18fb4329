#include "tensor/device.h"

namespace tensor {

static Device chosen = Device::cpu;

Device default_device() { return chosen; }
void set_default_device(Device device) { chosen = device; }

}  // namespace tensor
