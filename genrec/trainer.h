// The one training loop: epochs of steps, validation, early stopping, checkpoints that resume bit-exactly, interruption.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "autograd/var.h"
#include "genrec/run_folder.h"
#include "genrec/step_inputs.h"
#include "nn/context.h"
#include "nn/optimizer.h"
#include "nn/parameters.h"
#include "nn/schedule.h"

namespace genrec {

// One phase of a training: what is trained, on what, and how its progress is judged.
struct TrainingPhase {
  std::string name;    // of its files and log lines: "graph"
  int round = 0;       // phases may take turns; a later round goes on with the weights and the optimiser of the earlier one
  bool last_round = true;
  int64_t epochs = 0;
  int patience = 0;    // validations without improvement before the phase ends; 0: never, and the last weights count
  int validate_every = 1;
  double clip = 0;     // largest global gradient norm; 0: off
  double learning_rate = 1e-3;
  nn::Schedule schedule = {};  // what the learning rate is multiplied by, step by step
  uint64_t seed = 0;

  nn::Parameters* parameters = nullptr;
  nn::Optimizer* optimizer = nullptr;
  std::function<int64_t(int64_t epoch)> begin_epoch = nullptr;  // prepares an epoch, returns its number of steps
  // Takes the step's batch, which its loss reads; may be empty.
  std::function<StepInputs(int64_t index, const nn::Context& context)> begin_step = nullptr;
  std::function<autograd::Var(int64_t index, const nn::Context& context)> loss = nullptr;
  // Instead of `loss`, for a step too large for one forward pass: it is the sum of parts, of which only one is in memory. Each has
  // a context, so dropout masks, of its own.
  std::function<int64_t()> parts = nullptr;
  std::function<autograd::Var(int64_t part, const nn::Context& context)> part_loss = nullptr;
  std::function<Record()> validate = nullptr;                   // its first field is the one to judge by; empty: no validation
  bool minimize = false;                                        // that field: the smaller the better
  std::function<void(const nn::Context& context)> after_step = nullptr;  // after the optimiser's step; may be empty
  std::function<void(Record& record)> end_epoch = nullptr;      // adds statistics to the epoch's record; may be empty
  nn::NamedTensors extra = {};                             // more state to save and to load in place
  std::map<std::string, std::string> metadata = {};        // goes into every checkpoint: data fingerprint, options
};

// Runs the phase to its end, going on from NAME.safetensors in the run folder if that is there. Afterwards the parameters hold
// the best weights by validation (or the last), and NAME.safetensors holds them and the mark that the phase is done.
// Throws Error(interrupted) after saving when the program was asked to stop; Error(bug) when the loss is not finite.
void train_phase(const TrainingPhase& phase, RunFolder& run);

}  // namespace genrec
