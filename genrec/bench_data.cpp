#include "genrec/bench_data.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "genrec/data/dataset.h"
#include "genrec/log.h"
#include "genrec/macrec/tasks.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace genrec {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kLeast = 3;  // interactions of a user: one to train on, one for validation, one for test

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Users have between kLeast and about twice the mean number of interactions; the last one has the rest.
Dataset make(const DataBenchOptions& options, int64_t users) {
  Dataset d;
  d.items.resize(static_cast<size_t>(options.interactions));
  d.times.resize(static_cast<size_t>(options.interactions));
  const tensor::Random items(options.seed, "bench_data/items"), lengths(options.seed, "bench_data/lengths");
  tensor::parallel_for(options.interactions, 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      d.items[i] = static_cast<int32_t>(items.below(static_cast<uint64_t>(i), static_cast<uint64_t>(options.items)));
      d.times[i] = static_cast<double>(i);
    }
  });
  d.bounds.reserve(static_cast<size_t>(3 * users + 1));
  d.user_ids.reserve(static_cast<size_t>(users));
  for (int64_t user = 0, begin = 0; user < users; ++user) {
    const int64_t rest = options.interactions - begin, left = users - user;
    const int64_t spread = 2 * (rest / left - kLeast) + 1;
    int64_t length = kLeast + static_cast<int64_t>(lengths.below(static_cast<uint64_t>(user), static_cast<uint64_t>(spread)));
    length = left == 1 ? rest : std::min(length, rest - (left - 1) * kLeast);
    d.bounds.insert(d.bounds.end(), {begin + length - 2, begin + length - 1, begin + length});
    d.user_ids.push_back(std::string("u").append(std::to_string(user)));
    begin += length;
  }
  for (int64_t item = 0; item < options.items; ++item) d.item_ids.push_back(std::string("i").append(std::to_string(item)));
  d.ordered = true;
  d.split_protocol = "leave-one-out";
  return d;
}

int64_t bytes_of(const std::vector<std::string>& texts) {
  int64_t bytes = static_cast<int64_t>(texts.capacity() * sizeof(std::string));
  for (const std::string& text : texts)
    if (text.capacity() >= sizeof(std::string) / 2) bytes += static_cast<int64_t>(text.capacity()) + 1;  // not kept inside
  return bytes;
}

template <class T>
int64_t bytes_of(const std::vector<T>& values) {
  return static_cast<int64_t>(values.capacity() * sizeof(T));
}

}  // namespace

DataBench bench_data(const DataBenchOptions& options) {
  const int64_t users = options.users > 0 ? options.users : std::max<int64_t>(1, options.interactions / 8);
  tensor::require(options.interactions >= kLeast * users, "--interactions ", options.interactions, ": fewer than ", kLeast,
                  " for each of ", users, " users; give more, or fewer --users");
  DataBench bench{.interactions = options.interactions, .users = users, .items = options.items};
  auto start = Clock::now();
  const Stage stage("bench data");
  const Dataset d = make(options, users);
  bench.make_seconds = seconds_since(start);
  bench.bytes = bytes_of(d.items) + bytes_of(d.times) + bytes_of(d.bounds) + bytes_of(d.user_ids) + bytes_of(d.item_ids);

  const macrec::Samples samples(d, macrec::tasks_named({"seqrec"}), options.history, options.seed);
  bench.prefixes = samples.size();
  bench.index_bytes = 8 * (users + 1);
  struct Seen {
    int64_t items = 0;
    uint64_t checksum = 0;
    Seen& operator+=(const Seen& other) { return items += other.items, checksum += other.checksum, *this; }
  };
  start = Clock::now();
  const Seen seen = tensor::parallel_sum<Seen>(samples.size(), 1 << 16, [&](int64_t begin, int64_t end) {
    Seen part;
    for (int64_t number = begin; number < end; ++number) {
      const macrec::Sample sample = samples.at(number, 0);
      part.items += static_cast<int64_t>(sample.history.size());
      for (int32_t item : sample.history) part.checksum += static_cast<uint64_t>(item);
      part.checksum = part.checksum * 31 + static_cast<uint64_t>(sample.item);
    }
    return part;
  });
  bench.walk_seconds = seconds_since(start);
  bench.prefix_items = seen.items, bench.checksum = seen.checksum;
  return bench;
}

}  // namespace genrec
