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

// Trains rows of a table that a step's ids name. What happens in step `bad`: nothing, the loss is infinite, or its
// gradient is, or it names the last row, whose square is infinite.
enum class Fate { good, bad_loss, bad_gradient, bad_row };

struct Counts {
  tensor::cuda::GraphCounts of = tensor::cuda::graph_counts();
  int64_t graphs = of.launches, replays = of.launches - of.updates - of.instantiations, waits = tensor::cuda::synchronizations();
  int64_t allocations = tensor::memory_statistics(Device::cuda).system_allocations;
};

// Whether the ids of a step are told before it, so that a graph can be launched again, or made in its midst.
enum class Ids { told, made };

struct Training {
  nn::Parameters parameters{3};
  nn::Adam optimizer;
  Var table = parameters.add("table", {50, 8}, nn::normal(1));
  genrec::TrainingPhase phase{.name = "toy", .epochs = 2, .clip = 0.5};
  Counts start, epoch;  // what the last epoch took
  Tensor told;

  static Tensor ids_of(int64_t index, uint64_t step, int64_t last_row_in) {
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < 10 + index % 3; ++i) ids.push_back(static_cast<int32_t>((7 * step + i * i) % 49));
    if (static_cast<int64_t>(step) == last_row_in) ids[3] = 49;
    return Tensor::from(ids);
  }

  explicit Training(Ids ids, Fate fate = Fate::good, int64_t bad = -1) {
    phase.parameters = &parameters, phase.optimizer = &optimizer;
    phase.schedule = {nn::ScheduleShape::cosine, 4, 2 * kSteps};
    table.mutable_value().row_range(49, 50).fill(1e30);
    const int64_t last_row_in = fate == Fate::bad_row ? bad : -1;
    if (ids == Ids::told) {
      phase.begin_step = [this, last_row_in](int64_t index, const nn::Context& context) {
        told = ids_of(index, context.step, last_row_in);
        return genrec::StepInputs{.tensors = {told}, .key = {}};
      };
    }
    phase.begin_epoch = [this](int64_t) { return start = Counts(), kSteps; };
    phase.end_epoch = [this](genrec::Record&) {
      const Counts now;
      epoch.graphs = now.graphs - start.graphs, epoch.replays = now.replays - start.replays;
      epoch.waits = now.waits - start.waits, epoch.allocations = now.allocations - start.allocations;
    };
    phase.loss = [this, ids, fate, bad, last_row_in](int64_t index, const nn::Context& context) {
      const int64_t step = static_cast<int64_t>(context.step);
      Var x = autograd::gather_rows(table, ids == Ids::told ? told : ids_of(index, context.step, last_row_in));
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

Trained train_toy(Device device, Ids ids) {
  const tests::TemporaryFolder folder;
  const On scope(device);
  Training training(ids);
  Trained result;
  training.phase.end_epoch = [&](genrec::Record& record) { result.loss = std::get<double>(record.fields()[4].second); };
  REQUIRE(training.run(folder / "run") == "");
  result.weights = training.table.value().to_vector<float>();
  return result;
}

}  // namespace

TEST_CASE("steps of the training loop are graphs, without a wait or an allocation", "[cuda][graph]") {
  if (!have_device()) return;
  for (const Ids ids : {Ids::told, Ids::made}) {
    const tests::TemporaryFolder folder;
    const On scope(Device::cuda);
    Training training(ids);
    REQUIRE(training.run(folder / "run") == "");
    CHECK(training.epoch.graphs == kSteps);
    CHECK(training.epoch.replays == (ids == Ids::told ? kSteps : 0));  // of three sizes, all of which the first epoch had
    CHECK(training.epoch.waits == 1);  // for the last step of the epoch
    CHECK(training.epoch.allocations == 0);
  }
}

TEST_CASE("a training has the same bits with and without graphs", "[cuda][graph]") {
  if (!have_device()) return;
  for (const Ids ids : {Ids::told, Ids::made}) {
    const Trained graphs = train_toy(Device::cuda, ids);
    tensor::cuda::use_graphs(false);
    const Trained plain = train_toy(Device::cuda, ids);
    tensor::cuda::use_graphs(true);
    CHECK(graphs.weights == plain.weights);
    CHECK(graphs.loss == plain.loss);
    const Trained cpu = train_toy(Device::cpu, ids);
    CHECK(graphs.loss == Approx(cpu.loss).epsilon(1e-5));
  }
}

TEST_CASE("updates that are launched again are counted, for checkpoints", "[cuda][graph]") {
  if (!have_device()) return;
  const tests::TemporaryFolder folder;
  const On scope(Device::cuda);
  Training training(Ids::told);
  REQUIRE(training.run(folder / "run") == "");
  for (const auto& [name, value] : training.optimizer.state()) {
    if (name == "adam.count/table") CHECK(value.to_vector<int64_t>() == std::vector<int64_t>{2 * kSteps});
  }
  CHECK(training.optimizer.state().size() == 3);
}

TEST_CASE("a step that is not finite ends the training on either device with the same words", "[cuda][graph]") {
  if (!have_device()) return;
  const auto message = [](Device device, Fate fate, int64_t bad) {
    const tests::TemporaryFolder folder;
    const On scope(device);
    Training training(fate == Fate::bad_row ? Ids::told : Ids::made, fate, bad);
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
    CHECK_THAT(message(Device::cuda, Fate::bad_row, bad), tests::Contains((step + ": the loss is inf; first not finite: ").c_str()));
    CHECK(message(Device::cuda, Fate::bad_row, bad) == message(Device::cpu, Fate::bad_row, bad));
  }
}
