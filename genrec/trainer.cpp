#include "genrec/trainer.h"

#include <chrono>
#include <cmath>
#include <optional>

#include "genrec/interrupt.h"
#include "genrec/log.h"
#include "nn/checkpoint.h"
#include "nn/clip.h"
#include "nn/early_stopping.h"
#include "nn/finite.h"
#include "nn/rounded_weights.h"
#include "nn/step_watch.h"
#include "tensor/profile.h"

namespace genrec {

using tensor::Tensor;

namespace {

using Clock = std::chrono::steady_clock;
constexpr double kCheckpointSeconds = 20;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Doubles survive a checkpoint as their bits.
std::string exact(double x) {
  char text[64];
  std::snprintf(text, sizeof text, "%a", x);
  return text;
}

class Loop {
 public:
  Loop(const TrainingPhase& phase, RunFolder& run)
      : phase_(phase),
        run_(run),
        file_(run / (phase.name + ".safetensors")),
        best_file_(run / (phase.name + ".best.safetensors")),
        stopping_(phase.patience),
        immediate_(tensor::default_device() == tensor::Device::cpu) {}

  void train() {
    if (file_exists(file_) && !resume()) return;
    save(file_, false);  // from here on a resume knows which log lines belong to the past
    while (epoch_ < phase_.epochs && !stopping_.should_stop()) run_epoch();
    stage_.reset();
    if (stopping_.seen() && phase_.patience > 0 && file_exists(best_file_)) {
      nn::Checkpoint::read(best_file_).restore("model", *phase_.parameters);
    }
    save(file_, /*done=*/true);
    std::remove(best_file_.c_str());
  }

 private:
  // False when there is nothing left to do.
  bool resume() {
    const nn::Checkpoint checkpoint = nn::Checkpoint::read(file_);
    check_origin(checkpoint);
    checkpoint.restore("model", *phase_.parameters);
    const auto number = [&](const char* key) { return std::stoll(checkpoint.text(key)); };
    if (number("round") > phase_.round || (number("round") == phase_.round && number("done"))) return false;
    checkpoint.restore("optimizer", *phase_.optimizer, *phase_.parameters);
    for (auto [name, value] : phase_.extra) value.copy_from(checkpoint.tensor(name));
    if (number("round") < phase_.round) return true;  // the end of the round before is the start of this one
    epoch_ = number("epoch"), index_ = number("index"), step_ = number("step");
    watch_.begin(index_, std::strtod(checkpoint.text("loss_sum").c_str(), nullptr));
    stopping_.load_state(checkpoint.tensor("early_stopping"));
    run_.truncate_log(number("log_lines"));
    return true;
  }

  // What the phase was told to write into its checkpoints must be what it would write now.
  void check_origin(const nn::Checkpoint& checkpoint) const {
    for (const auto& [key, value] : phase_.metadata) {
      const std::string found = checkpoint.has_text(key) ? checkpoint.text(key) : "nothing";
      tensor::require(tensor::Fault::bad_data, found == value, file_, ": ", key, " is ", found, ", this run has ", value,
                      "; resume with the data and options it was started with, or use another --out");
    }
  }

  void save(const std::string& file, bool done) {
    wait_for_steps();
    nn::Checkpoint checkpoint;
    checkpoint.put("model", *phase_.parameters);
    if (!done || !phase_.last_round) checkpoint.put("optimizer", *phase_.optimizer);
    checkpoint.put("early_stopping", stopping_.state());
    for (const auto& [name, value] : phase_.extra) checkpoint.put(name, value);
    for (const auto& [key, value] : phase_.metadata) checkpoint.set(key, value);
    checkpoint.set("phase", phase_.name);
    checkpoint.set("seed", std::to_string(phase_.seed));
    checkpoint.set("round", std::to_string(phase_.round));
    checkpoint.set("done", std::string(done ? "1" : "0"));
    checkpoint.set("epoch", std::to_string(epoch_));
    checkpoint.set("index", std::to_string(index_));
    checkpoint.set("step", std::to_string(step_));
    checkpoint.set("loss_sum", exact(watch_.loss_sum()));
    checkpoint.set("log_lines", std::to_string(run_.log_lines()));
    checkpoint.write(file);
    last_save_ = Clock::now();
  }

  void run_epoch() {
    const auto start = Clock::now();
    const int64_t steps = phase_.begin_epoch(epoch_);
    if (!stage_) stage_.emplace(phase_.name, phase_.epochs * steps, epoch_ * steps + index_);
    while (index_ < steps) {
      if (interrupted()) {
        save(file_, false);
        raise_interrupted(phase_.name, "go on with --resume");
      }
      run_step();
      watch_.poll();
      require_finite();
      const auto epoch = static_cast<double>(epoch_ + 1);
      if (watch_.steps() > 0) stage_->update(epoch_ * steps + index_, {{"epoch", epoch}, {"loss", mean_loss()}});
      else stage_->update(epoch_ * steps + index_, {{"epoch", epoch}});  // a device has not told yet
      if (seconds_since(last_save_) > kCheckpointSeconds && index_ < steps) save(file_, false);
    }
    wait_for_steps();
    finish_epoch(seconds_since(start));
  }

  void run_step() {
    const tensor::Measured step("step", tensor::Measured::Kind::phase);
    StepInputs inputs = begin_step();
    if (inputs.tensors.empty()) {
      replays_.run_other([&] { do_step(); });
    } else {
      inputs.add(Tensor::from<int32_t>({tensor::Random::step_word(static_cast<uint64_t>(step_))}));
      replays_.run(std::move(inputs.key), inputs.tensors, [&](std::span<const Tensor> copies) {
        do_step(copies.back().device() == tensor::Device::cuda ? copies.back().data<int32_t>() : nullptr);
        return Tensor();
      });
    }
    ++step_, ++index_;
  }

  StepInputs begin_step() {
    phase_.parameters->clear_gradients();
    phase_.optimizer->set_learning_rate(phase_.learning_rate * phase_.schedule.multiplier(step_));
    return phase_.begin_step ? phase_.begin_step(index_, context()) : StepInputs();
  }

  nn::Context context(const int32_t* step_on_device = nullptr) const {
    return {.training = true, .seed = phase_.seed, .step = static_cast<uint64_t>(step_), .step_on_device = step_on_device,
            .pass = phase_.name};
  }

  void do_step(const int32_t* step_on_device = nullptr) {
    const nn::Context of_step = context(step_on_device);
    const int64_t parts = phase_.parts ? phase_.parts() : 1;
    {
      const nn::RoundedWeights rounded(*phase_.parameters);
      for (int64_t part = 0; part < parts; ++part) run_part(part, of_step);
    }
    const nn::Clip clip = nn::clip_scale(*phase_.parameters, phase_.clip);
    watch_.end_step(clip);
    if (immediate_) nn::require_finite_gradients(clip.norm.item(), step_, *phase_.parameters);
    phase_.optimizer->step(*phase_.parameters, clip.scale);
    if (phase_.after_step) phase_.after_step(of_step);
  }

  // Forward and backward; the gradients add up in the parameters.
  void run_part(int64_t part, nn::Context of_part) {
    if (part > 0) of_part.pass += "/" + std::to_string(part);
    autograd::Tape tape;
    const autograd::Var value = phase_.parts ? phase_.part_loss(part, of_part) : phase_.loss(index_, of_part);
    watch_.add_loss(value.value());
    if (immediate_) nn::require_finite_loss(value.value().item(), step_, *phase_.parameters, tape);
    tape.backward(value);
  }

  void wait_for_steps() {
    watch_.wait();
    require_finite();
  }

  // A device tells some steps later that a step was not finite, and has left the parameters alone since then: made again, the
  // step says what it was.
  void require_finite() {
    if (!watch_.failed()) return;
    step_ -= index_ - watch_.steps(), index_ = watch_.steps();
    immediate_ = true;
    begin_step();
    do_step();
    tensor::fail(tensor::Fault::bug, "step ", step_, ": the loss or the gradient norm was not finite, but is when the step is ",
                 "made again; the last checkpoint is unharmed");
  }

  double mean_loss() const { return watch_.loss_sum() / static_cast<double>(std::max<int64_t>(watch_.steps(), 1)); }

  void finish_epoch(double seconds) {
    Record record;
    record.add("phase", phase_.name).add("round", phase_.round).add("epoch", epoch_ + 1).add("step", step_);
    record.add("loss", mean_loss()).add("seconds", seconds);
    if (phase_.end_epoch) phase_.end_epoch(record);
    bool best = false;
    if (phase_.validate && (epoch_ + 1) % phase_.validate_every == 0) {
      const tensor::Measured measured("validation", tensor::Measured::Kind::phase);
      const Record validation = phase_.validate();
      for (const auto& [name, value] : validation.fields()) record.add("valid/" + name, std::get<double>(value));
      const double score = std::get<double>(validation.fields().front().second);
      best = stopping_.update(phase_.minimize ? -score : score);
    }
    run_.log(record);
    ++epoch_, index_ = 0;
    watch_.begin(0, 0);
    if (best && phase_.patience > 0) save(best_file_, false);
    if (seconds_since(last_save_) > kCheckpointSeconds) save(file_, false);
  }

  const TrainingPhase& phase_;
  RunFolder& run_;
  std::string file_, best_file_;
  nn::EarlyStopping stopping_;
  int64_t epoch_ = 0, index_ = 0, step_ = 0;
  nn::StepWatch watch_;
  tensor::cuda::Replays replays_{tensor::cuda::Replays::Others::recorded};
  bool immediate_;  // numbers are looked at where they arise; on a device that would wait for every step
  Clock::time_point last_save_;
  std::optional<Stage> stage_;  // counts steps, as if every epoch had as many as the first one of this run
};

}  // namespace

void train_phase(const TrainingPhase& phase, RunFolder& run) { Loop(phase, run).train(); }

}  // namespace genrec
