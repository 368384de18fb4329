#include "genrec/macrec/generator_options.h"

#include "genrec/macrec/tasks.h"
#include "genrec/options.h"

namespace genrec::macrec {

namespace {

void describe_training(OptionTable& table, GeneratorOptions& o) {
  table.add("learning-rate", o.learning_rate, "largest learning rate of the generator (AdamW)").range(0, 10);
  table.add("weight-decay", o.weight_decay, "decoupled weight decay of matrices and embeddings").range(0, 1);
  table.add("clip", o.clip, "largest norm of the whole gradient; 0 turns it off").range(0, 1e9);
  table.add("schedule", o.schedule, "of the learning rate over the planned epochs").choices({"cosine", "linear", "constant"});
  table.add("warmup", o.warmup, "share of the planned steps in which the learning rate rises from 0").range(0, 1);
  table.add("batch", o.batch, "sequences in a step").range(1, 1 << 24);
  table.add("micro-batch", o.micro_batch, "sequences in one forward pass; gradients add up to the step").range(1, 1 << 24);
  table.add("epochs", o.epochs, "most epochs of the generator").range(0, 1e6);
  table.add("patience", o.patience, "validations without a better one before training ends; 0 never").range(0, 1e6);
  table.add("validate-every", o.validate_every, "epochs between two validations").range(1, 1e6);
  table.add("validation", o.validation,
            "what early stopping goes by: mean loss of seqrec and seqimage, loss of seqrec alone, or NDCG of the lists")
      .choices({"loss", "text-loss", "ndcg"});
  table.add("validation-k", o.validation_k, "K of the validation NDCG@K").range(1, 1000);
}

}  // namespace

void describe(OptionTable& table, GeneratorOptions& o) {
  table.group("Stage generator: T5");
  table.add("layers", o.layers, "encoder layers, and as many decoder layers").range(1, 64);
  table.add("width", o.width, "width of the token vectors").range(1, 4096);
  table.add("heads", o.heads, "attention heads").range(1, 64);
  table.add("head-width", o.head_width, "width of an attention head").range(1, 1024);
  table.add("feed-forward", o.feed_forward, "hidden width of the feed-forward blocks").range(1, 65536);
  table.add("dropout", o.dropout, "dropout of the generator").range(0, 0.99);
  table.add("history", o.history, "items that are read, the most recent ones").range(1, 4096);
  table.add("tasks", o.tasks, "what is trained: next items in one language or across, and items from one language to the other")
      .choices(task_names());
  table.add("implicit-weight", o.implicit_weight, "weight of the implicit alignment of an item's two identifiers; 0 turns it off")
      .range(0, 1e6);
  table.add("implicit-temperature", o.implicit_temperature, "temperature of the implicit alignment").range(1e-3, 1e3);
  table.add("implicit-items", o.implicit_items, "items drawn for it in each step; 0: those of the item tasks in the batch")
      .range(0, 1e6);
  describe_training(table, o);
  table.group("Recommendation");
  table.add("beam", o.beam, "beams per user and language, and so the most items that each finds").range(1, 10000);
  table.add("ensemble", o.ensemble, "how two lists become one: mean score, with a bonus for items in both; mean score; one list alone")
      .choices({"avg_bonus", "avg", "text", "image"});
  table.add("bonus", o.bonus, "of avg_bonus").range(0, 1e6);
  table.add("exclude-seen", o.exclude_seen, "items of the history: kept; dropped from a wider beam; or never reached in the trie")
      .choices({"none", "leaf", "trie"});
}

}  // namespace genrec::macrec
