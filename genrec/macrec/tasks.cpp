#include "genrec/macrec/tasks.h"

#include <algorithm>
#include <numeric>

#include "genrec/options.h"
#include "tensor/random.h"

namespace genrec::macrec {

using tensor::Fault;
using tensor::require;

namespace {

constexpr Language kText = Language::textual, kImage = Language::visual;
constexpr TaskTraits kTasks[] = {
    {"seqrec", kText, kText, false, false},       {"seqimage", kImage, kImage, false, false},
    {"item2image", kText, kImage, true, true},    {"image2item", kImage, kText, true, true},
    {"seqimage2item", kImage, kText, true, false}, {"seqitem2image", kText, kImage, true, false},
    {"fusionseqrec", kImage, kText, true, false},
};

}  // namespace

const TaskTraits& traits(Task task) { return kTasks[static_cast<int>(task)]; }

const std::vector<std::string>& task_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const TaskTraits& task : kTasks) list.push_back(task.name);
    return list;
  }();
  return names;
}

std::vector<Task> tasks_named(const std::vector<std::string>& names) {
  require(!names.empty(), "--tasks: the list is empty; give at least one, for example seqrec");
  std::vector<Task> tasks;
  for (const std::string& name : names) {
    const auto found = std::find(task_names().begin(), task_names().end(), name);
    require(found != task_names().end(), "--tasks: there is no task '", name, "'; ",
            did_you_mean(nearest_name(name, task_names())));
    const Task task = static_cast<Task>(found - task_names().begin());
    require(std::find(tasks.begin(), tasks.end(), task) == tasks.end(), "--tasks: ", name, " stands twice; name it once");
    tasks.push_back(task);
  }
  return tasks;
}

int prompts_of(std::span<const Task> tasks) {
  return static_cast<int>(std::count_if(tasks.begin(), tasks.end(), [](Task task) { return traits(task).prompted; }));
}

bool speaks(std::span<const Task> tasks, Language language) {
  return std::any_of(tasks.begin(), tasks.end(),
                     [&](Task task) { return traits(task).source == language || traits(task).target == language; });
}

Samples::Samples(const Dataset& dataset, std::vector<Task> tasks, int history, uint64_t seed)
    : dataset_(dataset), tasks_(std::move(tasks)), history_(static_cast<size_t>(history)), seed_(seed), begins_{0}, prefixes_{0} {
  for (int64_t user = 0; user < dataset.users(); ++user) {
    prefixes_.push_back(prefixes_.back() + std::max<int64_t>(0, static_cast<int64_t>(dataset.train_items(user).size()) - 1));
  }
  items_.resize(dataset.item_count());
  std::iota(items_.begin(), items_.end(), 0);
  for (const Task task : tasks_) {
    begins_.push_back(begins_.back() + (traits(task).of_items ? dataset.item_count() : prefixes_.back()));
  }
  require(Fault::bad_data, size() > 0, "training: no user has two training interactions; a larger data set is needed");
}

Sample Samples::sequence(std::span<const int32_t> before, int32_t item, Task task) const {
  const size_t read = std::min(before.size(), history_);
  return {.source = traits(task).source, .target = traits(task).target, .history = before.last(read), .item = item};
}

Sample Samples::at(int64_t number, int64_t epoch) const {
  tensor::check(number >= 0 && number < size(), "sample ", number, " of ", size());
  const size_t position = std::upper_bound(begins_.begin(), begins_.end(), number) - begins_.begin() - 1;
  const Task task = tasks_[position];
  const int64_t index = number - begins_[position];
  Sample sample;
  if (traits(task).of_items) {
    sample = sequence({&items_[index], 1}, items_[index], task);
    sample.of_items = true;
  } else {
    const int64_t user = std::upper_bound(prefixes_.begin(), prefixes_.end(), index) - prefixes_.begin() - 1;
    const auto items = dataset_.train_items(user);
    const size_t length = static_cast<size_t>(index - prefixes_[user]) + 1;
    sample = sequence(items.first(length), items[length], task);
  }
  if (traits(task).prompted) sample.prompt = prompts_of(std::span(tasks_).first(position));
  if (task == Task::fusionseqrec && tensor::Random(seed_, "generator/fusion", epoch).bits(index) % 2 == 1) {
    std::swap(sample.source, sample.target);
  }
  return sample;
}

Sample Samples::held_out(int64_t user, Split held_out, Task task) const {
  return sequence(dataset_.history(user, held_out), dataset_.items_of(user, held_out).front(), task);
}

}  // namespace genrec::macrec
