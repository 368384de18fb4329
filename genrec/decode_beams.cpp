#include "genrec/decode_beams.h"

#include <algorithm>

#include "genrec/beam_slots.h"
#include "tensor/cuda/graph.h"

namespace genrec {

namespace {

void decode_on_host(BeamSearch& search, int32_t start_token, std::span<const int32_t> first_tokens, const NextToken& next) {
  while (!search.done()) {
    const int level = search.level();
    Tensor tokens({search.rows()}, tensor::DType::i32), row_user = Tensor::like(tokens);
    for (int64_t row = 0; row < search.rows(); ++row) {
      tokens.data<int32_t>()[row] = level == 0 ? start_token : first_tokens[level - 1] + search.codes()[row];
    }
    const auto begins = search.row_begin();
    for (size_t user = 0; user + 1 < begins.size(); ++user) {
      std::fill(row_user.data<int32_t>() + begins[user], row_user.data<int32_t>() + begins[user + 1],
                static_cast<int32_t>(user));
    }
    const Tensor parents = Tensor::from(search.parents(), {static_cast<int64_t>(search.parents().size())});
    const nn::NextTokenScores scores = next(tokens, parents, row_user);
    search.expand({scores.logits.data<float>() + first_tokens[level], scores.logits.columns(), scores.lse.data<float>()});
  }
}

}  // namespace

void decode_beams(BeamSearch& search, int32_t start_token, std::span<const int32_t> first_tokens, tensor::Device device,
                  const NextToken& next) {
  if (device == tensor::Device::cpu) return decode_on_host(search, start_token, first_tokens, next);
  BeamSlots slots(search, start_token, device);
  while (!slots.done()) {
    slots.expand(next(slots.tokens(), slots.parents(), slots.row_user()), first_tokens[slots.level()]);
  }
  slots.finish();
}

void decode_batch(tensor::Device device, const std::function<void()>& body) {
  if (device == tensor::Device::cpu) return body();  // on many threads
  static auto& graph = *new tensor::cuda::StepGraph;  // one device, one stream: it outlives them
  graph.run(body);
}

}  // namespace genrec
