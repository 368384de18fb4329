// The CUDA device of a program that was built without CUDA.
#include "tensor/cuda/device.h"

namespace tensor::cuda {

std::string open() { return "this program was built without CUDA"; }
std::string description() { return ""; }
void synchronize() {}
int64_t launches() { return 0; }

}  // namespace tensor::cuda
