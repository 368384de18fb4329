// The CUDA device as the rest of the program sees it. absent.cpp is compiled where the program is built without CUDA, the
// .cu files of this folder otherwise.
#pragma once

#include <cstdint>
#include <string>

namespace tensor::cuda {

// Opens driver, device and libraries, at the first call. "" when all of it is there; otherwise what was missing, in one
// line.
std::string open();

// "NVIDIA H200, compute capability 9.0, 139 GiB, driver 13.0, runtime 13.0, cuBLAS 13.1.0"; "" before open() succeeded.
std::string description();

int64_t most_shared_memory();  // bytes that a block may take on this GPU

void synchronize();  // waits for everything launched so far
int64_t launches();  // kernels and library products so far, those within graphs too
int64_t synchronizations();  // times the host waited, for all of it or for a result

}  // namespace tensor::cuda
