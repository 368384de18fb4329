// Every choice of the generator (T5, tasks, training, inference), with the defaults of MACRec.
#pragma once

#include <string>
#include <vector>

namespace genrec {
class OptionTable;
}

namespace genrec::macrec {

struct GeneratorOptions {
  // The Transformer
  int layers = 4, heads = 6, head_width = 64;  // encoder layers, and as many decoder layers
  int width = 128, feed_forward = 1024;
  double dropout = 0.1;

  // What it learns
  std::vector<std::string> tasks = {"seqrec", "seqimage", "item2image", "image2item", "seqimage2item", "seqitem2image"};
  int history = 20;                // items that are read, the most recent ones
  double implicit_weight = 0.01;   // of the implicit alignment; 0: off
  double implicit_temperature = 0.1;
  int implicit_items = 0;          // drawn in each step; 0: those of the item tasks in the batch

  // Training
  double learning_rate = 1e-3;
  double weight_decay = 0.01;      // decoupled
  double clip = 1.0;               // global gradient norm; 0: off
  std::string schedule = "cosine";
  double warmup = 0.01;            // share of all planned steps
  int batch = 4096;                // sequences in a step
  int micro_batch = 256;           // of them in one forward pass
  int epochs = 200;
  int patience = 10;
  int validate_every = 1;          // epochs
  std::string validation = "loss"; // "text-loss": of seqrec alone; "ndcg": of the lists
  int validation_k = 10;

  // Inference
  int beam = 20;
  std::string ensemble = "avg_bonus";
  double bonus = 1.0;
  std::string exclude_seen = "none";
};

void describe(OptionTable& table, GeneratorOptions& options);

}  // namespace genrec::macrec
