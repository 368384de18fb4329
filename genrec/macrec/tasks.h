// What the generator is trained to do, and the samples of it: reading items in one language, saying an item in one. A sample is
// a range of the data set's interactions, found by its number; no prefix of a history is ever written out.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "genrec/data/dataset.h"
#include "genrec/macrec/token_layout.h"

namespace genrec::macrec {

// T(h) is the history h in the textual language, V(h) in the visual one; i is the next item.
enum class Task : uint8_t {
  seqrec,         // T(h) -> T(i)
  seqimage,       // V(h) -> V(i)
  item2image,     // T(i) -> V(i), every item
  image2item,     // V(i) -> T(i), every item
  seqimage2item,  // V(h) -> T(i)
  seqitem2image,  // T(h) -> V(i)
  fusionseqrec,   // one of the two above, drawn anew every epoch, under one prompt (MQL4GRec)
};

struct TaskTraits {
  const char* name;
  Language source, target;  // fusionseqrec: of one of its two directions
  bool prompted;            // has four tokens of its own in front of the input
  bool of_items;            // a sample per item instead of one per prefix of a training history
};
const TaskTraits& traits(Task task);
const std::vector<std::string>& task_names();
std::vector<Task> tasks_named(const std::vector<std::string>& names);  // Error(usage): unknown, twice, or none at all
int prompts_of(std::span<const Task> tasks);                           // how many of them are prompted
bool speaks(std::span<const Task> tasks, Language language);           // some task reads or says it

struct Sample {
  Language source, target;
  int prompt = -1;                     // number of the task's prompt among the prompted ones; -1: none
  bool of_items = false;
  std::span<const int32_t> history{};  // what is read, oldest first; of an item task the item itself
  int32_t item = 0;                    // what is to be said
};

// All samples of a list of tasks over the training interactions, task by task. Memory: 8 bytes per user, 4 per item.
class Samples {
 public:
  // history: the most items that are read. An Error when there is not one sample.
  Samples(const Dataset& dataset, std::vector<Task> tasks, int history, uint64_t seed);

  int64_t size() const { return begins_.back(); }
  Sample at(int64_t number, int64_t epoch) const;
  // What a user reads and is to find when `held_out` was held out: of a task without prompt.
  Sample held_out(int64_t user, Split held_out, Task task) const;
  const std::vector<Task>& tasks() const { return tasks_; }

 private:
  Sample sequence(std::span<const int32_t> before, int32_t item, Task task) const;

  const Dataset& dataset_;
  std::vector<Task> tasks_;
  size_t history_;
  uint64_t seed_;
  std::vector<int64_t> begins_;    // [tasks + 1], numbers of their first samples
  std::vector<int64_t> prefixes_;  // [users + 1], numbers of their first prefixes
  std::vector<int32_t> items_;     // 0, 1, ..: what an item task reads
};

}  // namespace genrec::macrec
