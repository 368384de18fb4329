#include "genrec/data/interaction_log.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "genrec/data/id_map.h"
#include "genrec/log.h"
#include "tensor/error.h"

namespace genrec {

using tensor::Fault;
using tensor::require;

namespace {

constexpr int64_t kReportEvery = 1 << 16;

uint32_t id_number(IdMap& ids, const TableReader& reader, int column, const char* what) {
  const std::string_view id = reader.field(column);
  const uint32_t known = ids.size();
  if (id.empty() || id.size() > kLongestId) [[unlikely]]
    tensor::fail(Fault::bad_data, reader.place(column), ": ", what, " id is ", id.empty() ? "empty"
        : "longer than 1024 bytes",
                 ", expected a short text; mend the line");
  const uint32_t number = ids.add(id);
  if (number == known)  // new ids only: the others were checked
    require(Fault::bad_data, is_utf8(id), reader.place(column), ": ", what, " id is not UTF-8; convert the file to UTF-8");
  return number;
}

double number_at(const TableReader& reader, int column, const char* what) {
  const std::string_view text = reader.field(column);
  double value = 0;
  if (!parse_number(text, value) || !std::isfinite(value)) [[unlikely]]
    tensor::fail(Fault::bad_data, reader.place(column), ": ", what, " is '", text.substr(0, 40),
                 "', expected a finite number; mend the line or choose another column");
  return value;
}

uint8_t split_at(const TableReader& reader, int column) {
  const std::string_view text = reader.field(column);
  if (text == "train" || text == "0") return static_cast<uint8_t>(Split::train);
  if (text == "valid" || text == "val" || text == "validation" || text == "dev" || text == "1")
    return static_cast<uint8_t>(Split::valid);
  if (text == "test" || text == "2") return static_cast<uint8_t>(Split::test);
  tensor::fail(Fault::bad_data, reader.place(column), ": split is '", text.substr(0, 40),
               "', expected train, valid or test (or 0, 1, 2); mend the line or choose a --split of your own");
}

// Reads the file again to find the lines of a pair: only when an error has to name them.
[[noreturn]] void fail_split_conflict(const Schema& schema, const std::string& user, const std::string& item) {
  TableReader reader(schema);
  const int users = schema.find(Role::user), items = schema.find(Role::item), splits = schema.find(Role::split);
  std::string first;
  int64_t first_line = 0;
  while (reader.next()) {
    if (reader.field(users) != user || reader.field(items) != item) continue;
    if (first_line == 0) {
      first_line = reader.line();
      first = reader.field(splits);
    } else if (reader.field(splits) != first) {
      tensor::fail(Fault::bad_data, reader.place(splits), ": user '", user, "' and item '", item, "' are '",
                   reader.field(splits), "' here and '", first, "' in line ", first_line,
                   "; keep one of them, or choose a --split of your own");
    }
  }
  tensor::fail(Fault::bad_data, schema.path, ": user '", user, "' and item '", item,
      "' stand in two splits; keep one of them");
}

int64_t nonzero(const std::vector<int32_t>& counts) {
  return std::count_if(counts.begin(), counts.end(), [](int32_t n) { return n > 0; });
}

}  // namespace

int64_t InteractionLog::Counts::user_count() const { return nonzero(users); }
int64_t InteractionLog::Counts::item_count() const { return nonzero(items); }

InteractionLog::Counts InteractionLog::counts() const {
  Counts counts{0, std::vector<int32_t>(user_ids.size()), std::vector<int32_t>(item_ids.size())};
  for (size_t i = 0; i < size(); ++i) {
    if (dropped(i)) continue;
    ++counts.interactions, ++counts.users[users[i]], ++counts.items[items[i]];
  }
  return counts;
}

InteractionLog read_interactions(const Schema& schema, double min_rating, bool keep_split) {
  const int user = schema.find(Role::user), item = schema.find(Role::item), rating = schema.find(Role::rating);
  const int time = schema.find(Role::time) >= 0 ? schema.find(Role::time) : schema.find(Role::order);
  const int split = keep_split ? schema.find(Role::split) : -1;
  const char* time_name = schema.find(Role::time) >= 0 ? "time" : "order";
  InteractionLog log;
  log.line_order = schema.line_order;
  Stage stage("read " + schema.path);
  TableReader reader(schema);
  for (int64_t read = 1; reader.next(); ++read) {
    if (read % kReportEvery == 0) stage.update(read);
    if (min_rating != 0 && number_at(reader, rating, "rating") < min_rating) {
      ++log.below_rating;
      continue;
    }
    require(Fault::bad_data, log.size() < UINT32_MAX - 1, reader.place(), ": more than ", UINT32_MAX - 1,
            " interactions; split the data");
    log.users.push_back(id_number(log.user_ids, reader, user, "user"));
    log.items.push_back(id_number(log.item_ids, reader, item, "item"));
    if (time >= 0) log.times.push_back(number_at(reader, time, time_name));
    log.splits.push_back(split >= 0 ? split_at(reader, split) : InteractionLog::kNoSplit);
  }
  return log;
}

ByUser group_by_user(const InteractionLog& log) {
  ByUser by_user{std::vector<uint32_t>(log.size()), std::vector<uint64_t>(log.user_ids.size() + 1)};
  for (uint32_t user : log.users) ++by_user.offsets[user + 1];
  for (size_t u = 0; u < log.user_ids.size(); ++u) by_user.offsets[u + 1] += by_user.offsets[u];
  std::vector<uint64_t> next(by_user.offsets.begin(), by_user.offsets.end() - 1);
  for (size_t i = 0; i < log.size(); ++i) by_user.order[next[log.users[i]]++] = static_cast<uint32_t>(i);
  return by_user;
}

int64_t drop_duplicates(InteractionLog& log, const ByUser& by_user, const Schema& schema) {
  int64_t count = 0;
  std::vector<uint32_t> entries;
  for (uint32_t user = 0; user < log.user_ids.size(); ++user) {
    entries.assign(by_user.order.begin() + static_cast<int64_t>(by_user.offsets[user]),
                   by_user.order.begin() + static_cast<int64_t>(by_user.offsets[user + 1]));
    std::sort(entries.begin(), entries.end(), [&](uint32_t a, uint32_t b) {
      if (log.items[a] != log.items[b]) return log.items[a] < log.items[b];
      if (!log.times.empty() && log.times[a] != log.times[b]) return log.times[a] < log.times[b];
      return a < b;
    });
    for (size_t i = 1, kept = 0; i < entries.size(); ++i) {
      const uint32_t first = entries[kept], entry = entries[i];
      if (log.items[first] != log.items[entry]) {
        kept = i;
        continue;
      }
      if (log.splits[first] != log.splits[entry])
        fail_split_conflict(schema, log.user_ids.ids()[user], log.item_ids.ids()[log.items[entry]]);
      log.splits[entry] = InteractionLog::kDropped;
      ++count;
    }
  }
  return count;
}

void drop_items(InteractionLog& log, const std::vector<uint8_t>& keep) {
  for (size_t i = 0; i < log.size(); ++i)
    if (!keep[log.items[i]]) log.splits[i] = InteractionLog::kDropped;
}

void keep_core(InteractionLog& log, int k) {
  InteractionLog::Counts counts = log.counts();
  for (bool changed = true; changed;) {
    changed = false;
    const InteractionLog::Counts before = counts;  // one round drops by the same counts: the result has no order
    for (size_t i = 0; i < log.size(); ++i) {
      if (log.dropped(i) || (before.users[log.users[i]] >= k && before.items[log.items[i]] >= k)) continue;
      log.splits[i] = InteractionLog::kDropped;
      --counts.users[log.users[i]], --counts.items[log.items[i]];
      changed = true;
    }
  }
}

}  // namespace genrec
