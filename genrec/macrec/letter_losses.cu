#include "genrec/macrec/letter_losses.h"

#include "tensor/cuda/map.h"
#include "tensor/cuda/random.h"
#include "tensor/philox_draws.h"

namespace genrec::macrec::letter_kernels {

static void choose_cuda(const Tensor& codes, const Tensor& lists, const tensor::Random& random, Tensor& targets,
                        Tensor& mask) {
  const int32_t *code_of = tensor::cuda::indices(codes), *list = tensor::cuda::indices(lists);
  const tensor::cuda::DeviceKey key = random;
  const int64_t count = mask.columns();
  int32_t* target = targets.data<int32_t>();
  float* logit = tensor::cuda::floats(mask);
  tensor::cuda::for_each("diversity.choose", codes.size(), [=] __device__(int64_t i) {
    const int32_t code = code_of[i], others = list[2 * count + code] - 1;
    target[i] = others > 0 ? other_code(list, count, code, tensor::philox_below(key(), i, others)) : -1;
    logit[i * count + code] = static_cast<float>(kForbidden);
  });
}

static const bool letter_losses_bound = choose.bind_cuda(choose_cuda);

}  // namespace genrec::macrec::letter_kernels
