// Measurements of one thread form a stack; finished ones go under one lock into the profile.
#include "tensor/profile.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <sstream>

#include "tensor/error.h"

namespace tensor {

namespace {

using Clock = std::chrono::steady_clock;

struct Open {
  std::string name;
  Measured::Kind kind;
  Clock::time_point begin;
  double inside = 0;  // seconds of the measurements within
  double operations = 0, bytes = 0;
};
thread_local std::vector<Open> open_measurements;

struct Recorder {
  std::mutex mutex;
  Clock::time_point start;
  Profile profile;
  std::map<std::string, int32_t> numbers;  // of profile.names
  std::map<std::string, Profile::Row> rows;
  int32_t threads = 0;

  int32_t number_of(const std::string& name) {
    const auto [place, is_new] = numbers.emplace(name, static_cast<int32_t>(profile.names.size()));
    if (is_new) profile.names.push_back(name);
    return place->second;
  }
};
Recorder& recorder() {
  static Recorder all;
  return all;
}

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

int32_t thread_number(Recorder& all) {
  thread_local int32_t number = all.threads++;
  return number;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result + "\"";
}

}  // namespace

void Measured::begin(std::string name, Kind kind) {
  open_measurements.push_back({.name = std::move(name), .kind = kind, .begin = Clock::now()});
  open_ = true;
}

void Measured::end() {
  const Clock::time_point now = Clock::now();
  const Open done = std::move(open_measurements.back());
  open_measurements.pop_back();
  const double seconds = seconds_between(done.begin, now);
  const bool counts = done.kind == Kind::operation;
  if (!open_measurements.empty()) open_measurements.back().inside += counts ? seconds : done.inside;
  if (!profiling()) return;
  Recorder& all = recorder();
  std::lock_guard lock(all.mutex);
  if (counts) {
    Profile::Row& row = all.rows[done.name];
    ++row.calls, row.seconds += seconds - done.inside, row.operations += done.operations, row.bytes += done.bytes;
  }
  if (static_cast<int64_t>(all.profile.events.size()) >= Profile::kMostEvents) {
    ++all.profile.dropped_events;
    return;
  }
  all.profile.events.push_back({all.number_of(done.name), all.number_of(Scope::path()), thread_number(all),
                                seconds_between(all.start, done.begin), seconds});
}

void count_work(double operations, double bytes) {
  if (open_measurements.empty()) return;
  open_measurements.back().operations += operations;
  open_measurements.back().bytes += bytes;
}

double Profile::inside() const {
  double sum = 0;
  for (const Row& row : rows) sum += row.seconds;
  return sum;
}

std::string Profile::chrome_trace() const {
  std::ostringstream out;
  out << "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
  out.precision(15);
  const char* separator = "\n";
  for (const Event& e : events) {
    out << separator << "{\"name\":" << quoted(names[e.name]) << ",\"ph\":\"X\",\"pid\":1,\"tid\":" << e.thread
        << ",\"ts\":" << e.begin * 1e6 << ",\"dur\":" << e.seconds * 1e6;
    if (!names[e.module].empty()) out << ",\"args\":{\"module\":" << quoted(names[e.module]) << "}";
    out << "}";
    separator = ",\n";
  }
  out << "\n]}\n";
  return out.str();
}

void start_profile() {
  Recorder& all = recorder();
  std::lock_guard lock(all.mutex);
  all.profile = {}, all.numbers.clear(), all.rows.clear();
  all.start = Clock::now();
  detail::profiling = true;
}

Profile stop_profile() {
  detail::profiling = false;
  Recorder& all = recorder();
  std::lock_guard lock(all.mutex);
  all.profile.seconds = seconds_between(all.start, Clock::now());
  for (auto& [name, row] : all.rows) {
    row.name = name;
    all.profile.rows.push_back(row);
  }
  std::sort(all.profile.rows.begin(), all.profile.rows.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return std::move(all.profile);
}

}  // namespace tensor
