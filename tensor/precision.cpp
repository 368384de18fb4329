#include "tensor/precision.h"

#include <atomic>

#include "tensor/error.h"

namespace tensor {

namespace {
std::atomic<Precision> precision_in_use{Precision::fp32};
}

const char* name_of(Precision precision) { return precision == Precision::bf16 ? "bf16" : "fp32"; }

Precision precision() { return precision_in_use.load(std::memory_order_relaxed); }

void set_precision(Precision precision) { precision_in_use = precision; }

Precision precision_named(std::string_view name) {
  require(name == "fp32" || name == "bf16", "precision: '", name, "' is not known; use fp32 or bf16");
  return name == "bf16" ? Precision::bf16 : Precision::fp32;
}

}  // namespace tensor
