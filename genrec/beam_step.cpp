#include "genrec/beam_step.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "genrec/top_k.h"
#include "tensor/parallel.h"

namespace genrec {

namespace {

constexpr int64_t kUsersPerPiece = 4;

// What the values of a row are divided by, as a logarithm.
float normalizer_of(const float* values, std::span<const int32_t> codes, float lse, BeamScore score) {
  if (score == BeamScore::full) return lse;
  float largest = -INFINITY;
  for (const int32_t code : codes) largest = std::max(largest, values[code]);
  double sum = 0;
  for (const int32_t code : codes) sum += std::exp(static_cast<double>(values[code] - largest));
  return largest + static_cast<float>(std::log(sum));
}

void step_cpu(const Tensor& logits, const Tensor& lse, const BeamLevel& level, const Tensor& from, Tensor& to) {
  const int64_t users = level.widths.size(), before = from.columns(), after = to.columns(), vocabulary = logits.columns();
  const int64_t rows_before = before / std::max<int64_t>(users, 1), rows_after = after / std::max<int64_t>(users, 1);
  const int32_t *begins = level.child_begins.data<int32_t>(), *codes = level.codes.data<int32_t>();
  const int32_t *widths = level.widths.data<int32_t>(), *dead_begins = level.dead_begins.data<int32_t>();
  const int32_t *dead = level.dead.data<int32_t>(), *old = from.data<int32_t>();
  int32_t* out = to.data<int32_t>();
  tensor::parallel_for(users, kUsersPerPiece, [&](int64_t first, int64_t last) {
    TopK best;
    for (int64_t user = first; user < last; ++user) {
      best.reset(widths[user]);
      for (int64_t row = user * rows_before; row < (user + 1) * rows_before; ++row) {
        const int32_t node = old[SlotField::node * before + row];
        if (node < 0) continue;
        const float* values = logits.data<float>() + row * vocabulary + level.first_token;
        const std::span<const int32_t> children(codes + begins[node], codes + begins[node + 1]);
        const float normalizer = normalizer_of(values, children, lse.data<float>()[row], level.score);
        const float parent = std::bit_cast<float>(old[SlotField::score * before + row]);
        for (int32_t child = begins[node]; child < begins[node + 1]; ++child) {
          const float score = parent + (values[codes[child]] - normalizer);
          if (!best.accepts(score)) continue;
          if (!std::binary_search(dead + dead_begins[user], dead + dead_begins[user + 1], child))
            best.offer(score, row << 32 | child);
        }
      }
      const auto list = best.sort();
      for (int64_t i = 0; i < rows_after; ++i) {
        const bool used = i < static_cast<int64_t>(list.size());
        const Scored entry = used ? list[i] : Scored{-INFINITY, user * rows_before << 32};
        const auto child = static_cast<int32_t>(entry.key & 0xffffffff);
        int32_t* slot = out + user * rows_after + i;
        slot[SlotField::node * after] = used ? child : -1;
        slot[SlotField::parent * after] = static_cast<int32_t>(entry.key >> 32);
        slot[SlotField::token * after] = level.first_token + (used ? codes[child] : 0);
        slot[SlotField::score * after] = std::bit_cast<int32_t>(entry.score);
      }
    }
  });
}

}  // namespace

constinit decltype(beam_step) beam_step{"beam_step", step_cpu};

}  // namespace genrec
