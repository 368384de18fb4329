// The hot inner loops of the CPU, compiled once per instruction set (cmake/isa.cmake) and chosen at start by the features of
// the processor. T is float or double: the gradient checks run the same source.
#pragma once

#include <string_view>

#include "tensor/simd/table.h"
#include "tensor/simd/tiles.h"

namespace tensor {

// amx: avx512, and tiles for products in bf16. tiles: generic, and tiles in plain C++, which run the code of amx on any machine,
// slowly: for tests, never chosen by itself.
enum class Isa { generic, avx2, avx512, amx, tiles };
const char* name_of(Isa isa);
Isa isa();                            // the set in use
void set_isa(std::string_view name);  // "auto" or a name; an error if this processor lacks it
bool has_isa(Isa isa);                // built in, and this processor runs it
void assume_amx();                    // use amx with avx512 alone: for tests that carry out its instructions themselves

template <class T>
const Simd<T>& simd();  // the table of the set in use
template <class T>
const Simd<T>& simd_of(Isa isa);  // of any set that this processor has

}  // namespace tensor
