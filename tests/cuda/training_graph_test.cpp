// The training loop on the device: a step is one graph and waits for nothing, its numbers are the same bits as without graphs,
// and a step that is not finite is reported although it is noticed later.
#include <cmath>

#include "autograd/ops/dropout.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/mean.h"
#include "autograd/ops/scale.h"
#include "autograd/ops/square.h"
#include "genrec/trainer.h"
#include "nn/adam.h"
#include "nn/checkpoint.h"
#include "tensor/allocator.h"
#include "tensor/cuda/device.h"
#include "tensor/cuda/graph.h"
#include "tests/catch.h"
#include "tests/cuda/device.h"

using autograd::Var;
using tensor::Device;
using tensor::Tensor;
using tests::On;
using tests::have_device;

namespace {

constexpr int64_t kSteps = 20;  // of an epoch

// Trains rows of a table that a step's ids name. What happens in step `bad`: nothing, the loss is infinite, or its gradient is.
enum class Fate { good, bad_loss, bad_gradient };

struct Counts {
  int64_t graphs = tensor::cuda::graph_counts().launches, waits = tensor::cuda::synchronizations();
  int64_t allocations = tensor::memory_statistics(Device::cuda).system_allocations;
};

struct Training {
  nn::Parameters parameters{3};
  nn::Adam optimizer;
  Var table = parameters.add("table", {50, 8}, nn::normal(1));
  genrec::TrainingPhase phase{.name = "toy", .epochs = 2, .clip = 0.5};
  Counts start, epoch;  // what the last epoch took

  explicit Training(Fate fate = Fate::good, int64_t bad = -1) {
    phase.parameters = &parameters, phase.optimizer = &optimizer;
    phase.begin_epoch = [this](int64_t) { return start = Counts(), kSteps; };
    phase.end_epoch = [this](genrec::Record&) {
      const Counts now;
      epoch = {now.graphs - start.graphs, now.waits - start.waits, now.allocations - start.allocations};
    };
    phase.loss = [this, fate, bad](int64_t index, const nn::Context& context) {
      const int64_t step = static_cast<int64_t>(context.step);
      std::vector<int32_t> ids;
      for (int64_t i = 0; i < 10 + index % 3; ++i) ids.push_back(static_cast<int32_t>((7 * step + i) % 50));
      Var x = autograd::gather_rows(table, Tensor::from(ids));
      x = autograd::dropout(x, 0.2, context.stream("toy"));
      if (step == bad && fate == Fate::bad_loss) x = autograd::scale(autograd::scale(x, 1e30), 1e30);
      if (step == bad && fate == Fate::bad_gradient) {
        return autograd::mean(autograd::scale(autograd::scale(autograd::scale(x, 0), 1e38), 1e38));
      }
      return autograd::mean(autograd::square(x));
    };
  }

  std::string run(const std::string& folder) {
    genrec::RunFolder place = genrec::RunFolder::create(folder);
    return tests::error_of([&] { genrec::train_phase(phase, place); });
  }
};

struct Trained {
  std::vector<float> weights;
  double loss = 0;
};

Trained train_toy(Device device) {
  const tests::TemporaryFolder folder;
  const On scope(device);
  Training training;
  Trained result;
  training.phase.end_epoch = [&](genrec::Record& record) { result.loss = std::get<double>(record.fields()[4].second); };
  REQUIRE(training.run(folder / "run") == "");
  result.weights = training.table.value().to_vector<float>();
  return result;
}

}  // namespace

TEST_CASE("steps of the training loop are graphs, without a wait or an allocation", "[cuda][graph]") {
  if (!have_device()) return;
  const tests::TemporaryFolder folder;
  const On scope(Device::cuda);
  Training training;
  REQUIRE(training.run(folder / "run") == "");
  CHECK(training.epoch.graphs == kSteps);
  CHECK(training.epoch.waits == 1);  // for the last step of the epoch
  CHECK(training.epoch.allocations == 0);
}

TEST_CASE("a training has the same bits with and without graphs", "[cuda][graph]") {
  if (!have_device()) return;
  const Trained graphs = train_toy(Device::cuda);
  tensor::cuda::use_graphs(false);
  const Trained plain = train_toy(Device::cuda);
  tensor::cuda::use_graphs(true);
  CHECK(graphs.weights == plain.weights);
  CHECK(graphs.loss == plain.loss);
  const Trained cpu = train_toy(Device::cpu);
  CHECK(graphs.loss == Approx(cpu.loss).epsilon(1e-5));
}

TEST_CASE("a step that is not finite ends the training on either device with the same words", "[cuda][graph]") {
  if (!have_device()) return;
  const auto message = [](Device device, Fate fate, int64_t bad) {
    const tests::TemporaryFolder folder;
    const On scope(device);
    Training training(fate, bad);
    const std::string error = training.run(folder / "run");
    const nn::Checkpoint kept = nn::Checkpoint::read(folder / "run" + "/toy.safetensors");
    CHECK(kept.text("step") == "0");  // the one before it
    for (const float x : kept.tensor("model/table").to_vector<float>()) REQUIRE(std::isfinite(x));
    return error;
  };
  for (const int64_t bad : {1, 7, 19, 33, 39}) {
    const std::string step = "step " + std::to_string(bad);
    CAPTURE(bad);
    CHECK_THAT(message(Device::cuda, Fate::bad_loss, bad),
               tests::Contains((step + ": the loss is inf; first not finite: ").c_str()));
    CHECK(message(Device::cuda, Fate::bad_loss, bad) == message(Device::cpu, Fate::bad_loss, bad));
    CHECK_THAT(message(Device::cuda, Fate::bad_gradient, bad), tests::Contains((step + ": the gradient norm is ").c_str()));
    CHECK(message(Device::cuda, Fate::bad_gradient, bad) == message(Device::cpu, Fate::bad_gradient, bad));
  }
}
