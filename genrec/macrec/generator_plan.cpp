// What training the generator would cost.
#include <algorithm>

#include "genrec/macrec/generator_stage.h"

namespace genrec::macrec {

namespace {

// Items that the encoder reads per prefix, on average over the training histories.
double mean_history(const Dataset& dataset, int limit) {
  int64_t prefixes = 0, items = 0;
  for (int64_t user = 0; user < dataset.users(); ++user) {
    const int64_t n = static_cast<int64_t>(dataset.train_items(user).size());
    for (int64_t length = 1; length < n; ++length) ++prefixes, items += std::min<int64_t>(length, limit);
  }
  return static_cast<double>(items) / static_cast<double>(std::max<int64_t>(prefixes, 1));
}

}  // namespace

Plan::Stage plan_generator(const GeneratorOptions& options, const Dataset& dataset, const std::vector<int32_t>& sizes) {
  const std::vector<Task> tasks = tasks_named(options.tasks);
  const auto spoken = [&](Language language) { return speaks(tasks, language) ? sizes : std::vector<int32_t>{}; };
  const TokenLayout layout(prompts_of(tasks), spoken(Language::textual), spoken(Language::visual));
  nn::Parameters parameters(0);
  make_transformer(parameters, options, layout);
  const Samples samples(dataset, tasks, options.history, 0);

  // Numbers kept for the backward pass per token and layer: an attention block keeps q, k, v, its result and about four rows of the
  // model's width; a feed-forward block its hidden rows twice and three of the width. Batches differ in length, so freed blocks
  // do not always fit the next one: kCached times as much is held (measured: 1.1 to 1.8).
  constexpr double kCached = 1.6;
  const double levels = static_cast<double>(sizes.size()), width = options.width, inner = options.heads * options.head_width;
  const double attention = 4 * inner + 4 * width, feed_forward = 2.0 * options.feed_forward + 3 * width;
  const double sequences = std::min<double>(options.micro_batch, options.batch);
  const double sources = sequences * (levels * mean_history(dataset, options.history) + 1), targets = sequences * (levels + 1);
  const double kept = options.layers * (sources * (attention + feed_forward + 2 * inner) + targets * (2 * attention + feed_forward)) +
                      2 * targets * layout.size();
  return {"generator",
          tensor::join("at most ", options.epochs, " epochs over ", samples.size(), " sequences, ", options.batch, " in a step, ",
                       options.micro_batch, " at once"),
          parameters.elements(), 4 * (4 * parameters.elements() + static_cast<int64_t>(kCached * kept))};
}

}  // namespace genrec::macrec
