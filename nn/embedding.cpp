#include "nn/embedding.h"

#include "autograd/ops/gather_rows.h"
#include "nn/module.h"

namespace nn {

Embedding::Embedding(Parameters& parameters, const std::string& name, int64_t rows, int64_t width,
                     const Initializer& initializer)
    : table(parameters.add(name + ".table", {rows, width}, initializer)), name_(name) {}

Var Embedding::operator()(const Tensor& ids) const {
  const ModuleScope scope(name_);
  return autograd::gather_rows(table, ids);
}

}  // namespace nn
