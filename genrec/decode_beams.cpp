#include "genrec/decode_beams.h"

#include <algorithm>
#include <bit>

#include "genrec/beam_slots.h"

namespace genrec {

namespace {

void decode_on_host(BeamSearch& search, const BeamModel& model) {
  model.encode();
  while (!search.done()) {
    const int level = search.level();
    Tensor tokens({search.rows()}, tensor::DType::i32), row_user = Tensor::like(tokens);
    for (int64_t row = 0; row < search.rows(); ++row) {
      tokens.data<int32_t>()[row] = level == 0 ? model.start_token : model.first_tokens[level - 1] + search.codes()[row];
    }
    const auto begins = search.row_begin();
    for (size_t user = 0; user + 1 < begins.size(); ++user) {
      std::fill(row_user.data<int32_t>() + begins[user], row_user.data<int32_t>() + begins[user + 1],
                static_cast<int32_t>(user));
    }
    const Tensor parents = Tensor::from(search.parents(), {static_cast<int64_t>(search.parents().size())});
    const nn::NextTokenScores scores = model.next(tokens, parents, row_user);
    search.expand({scores.logits.data<float>() + model.first_tokens[level], scores.logits.columns(), scores.lse.data<float>()});
  }
}

// What besides the sizes of the inputs decides what the host does.
tensor::cuda::Replays::Key key_of(const BeamSearch& search, const BeamSlots& slots, const BeamModel& model) {
  tensor::cuda::Replays::Key key{std::bit_cast<int64_t>(search.trie().child_begins(0).raw()),
                                 static_cast<int64_t>(search.options().score),
                                 std::ssize(search.widths()),
                                 slots.width(),
                                 model.start_token,
                                 model.longest};
  key.insert(key.end(), model.first_tokens.begin(), model.first_tokens.end());
  return key;
}

}  // namespace

BeamSearch& RunningSearch::wait() {
  if (!search_.done()) search_.adopt(found_.wait());
  return search_;
}

RunningSearch decode_beams(BeamSearch search, tensor::Device device, const BeamModel& model) {
  if (device == tensor::Device::cpu) {
    decode_on_host(search, model);
    return RunningSearch(std::move(search));
  }
  BeamSlots slots(search, model.start_token);
  const auto decode = [&](const Tensor& input) {
    slots.begin(input);
    model.encode();
    while (!slots.done()) {
      const int32_t first_token = model.first_tokens[slots.level()];
      slots.expand(model.next(slots.tokens(), slots.parents(), slots.row_user()), first_token);
    }
    return slots.found();
  };
  Tensor found;
  if (model.replays) {
    std::vector<Tensor> inputs{slots.input()};
    inputs.insert(inputs.end(), model.inputs.begin(), model.inputs.end());
    found = model.replays->run(key_of(search, slots, model), inputs, [&](auto copies) { return decode(copies[0]); });
  } else {
    found = decode(slots.input().to(device));
  }
  return RunningSearch(std::move(search), tensor::cuda::Download(found));
}

}  // namespace genrec
