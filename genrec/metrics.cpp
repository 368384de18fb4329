#include "genrec/metrics.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/safetensors.h"

namespace genrec {

using tensor::Fault;

namespace {
const char* const kFormat = "genrec per-user metrics 1";
}  // namespace

ListMetrics measure_list(std::span<const int32_t> ranked, std::span<const int32_t> held_out, int k) {
  tensor::check(!held_out.empty() && k >= 1, "metrics of ", held_out.size(), " held-out items at cutoff ", k);
  double gain = 0, ideal = 0, hits = 0, reciprocal = 0;
  for (size_t rank = 1; rank <= std::min(ranked.size(), static_cast<size_t>(k)); ++rank) {
    if (!std::binary_search(held_out.begin(), held_out.end(), ranked[rank - 1])) continue;
    gain += 1.0 / std::log2(rank + 1.0);
    if (hits == 0) reciprocal = 1.0 / static_cast<double>(rank);
    ++hits;
  }
  for (size_t rank = 1; rank <= std::min(held_out.size(), static_cast<size_t>(k)); ++rank)
    ideal += 1.0 / std::log2(rank + 1.0);
  return {hits / static_cast<double>(held_out.size()), gain / ideal, hits > 0 ? 1.0 : 0.0, reciprocal};
}

size_t MetricTable::column(std::string_view name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return found - names.begin();
  std::string known;
  for (const std::string& each : names) known += (known.empty() ? "" : ", ") + each;
  tensor::fail(Fault::usage, "metrics: there is no ", name, "; choose one of ", known);
}

std::vector<double> MetricTable::values_of(std::string_view name) const {
  const size_t c = column(name);
  std::vector<double> result(users.size());
  for (size_t row = 0; row < users.size(); ++row) result[row] = values[row * names.size() + c];
  return result;
}

double MetricTable::mean(std::string_view name) const {
  double sum = 0;
  for (double value : values_of(name)) sum += value;
  return users.empty() ? 0 : sum / static_cast<double>(users.size());
}

void MetricTable::save(const std::string& path) const {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ",") + name;
  const auto rows = static_cast<int64_t>(users.size()), width = static_cast<int64_t>(names.size());
  std::map<std::string, std::string> metadata{{"format", kFormat}, {"metrics", joined}};
  metadata.insert(conditions.begin(), conditions.end());
  tensor::write_safetensors(
      path, {{"users", tensor::Tensor::from(users, {rows})}, {"values", tensor::Tensor::from(values, {rows, width})}}, metadata);
}

MetricTable MetricTable::load(const std::string& path) {
  const tensor::Safetensors file = tensor::read_safetensors(path);
  tensor::require(Fault::bad_data, file.metadata.count("format") && file.metadata.at("format") == kFormat, path,
                  ": these are no per-user metrics; give a file that `genrec evaluate` wrote");
  MetricTable table;
  std::istringstream joined(file.metadata_at("metrics"));
  for (std::string name; std::getline(joined, name, ',');) table.names.push_back(name);
  const tensor::Tensor &users = file.at("users"), &values = file.at("values");
  const auto width = static_cast<int64_t>(table.names.size());
  tensor::require(Fault::bad_data,
                  users.dtype() == tensor::DType::i32 && values.dtype() == tensor::DType::f32 && users.shape().rank() == 1 &&
                      values.shape() == tensor::Shape{users.size(), width},
                  path, ": expected users i32 [n] and values f32 [n,", width, "], found users ", users.shape(),
                  " and values ", values.shape(), "; evaluate again");
  table.users = users.to_vector<int32_t>();
  table.values = values.to_vector<float>();
  if (!file.metadata.contains("data")) return table;
  for (const char* what : {"data", "split", "seen", "targets", "k"}) table.conditions[what] = file.metadata_at(what);
  return table;
}

namespace {

void check_list(std::span<const int32_t> ranked, int32_t user) {
  std::vector<int32_t> sorted(ranked.begin(), ranked.end());
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  tensor::check(twice == sorted.end(), "the list of user ", user, " holds item ", twice == sorted.end() ? -1 : *twice,
                " twice");
}

}  // namespace

MetricTable measure(const Ranking& ranking, std::span<const int32_t> users, const ItemsOf& held_out,
                    std::span<const int> cutoffs) {
  tensor::check(static_cast<int64_t>(users.size()) == ranking.users, users.size(), " users but ", ranking.users, " lists");
  tensor::require(!cutoffs.empty(), "metrics: no cutoff given; give at least one, for example 10");
  MetricTable table;
  for (int cutoff : cutoffs) {
    tensor::require(cutoff >= 1, "metrics: cutoff ", cutoff, " makes no sense; use 1 or more");
    tensor::require(cutoff <= ranking.k, "metrics: Recall@", cutoff, " needs lists of ", cutoff, " items, these hold ",
                    ranking.k, "; rank with a larger k");
    for (const char* measure : {"Recall", "NDCG", "HR", "MRR"}) table.names.push_back(tensor::join(measure, "@", cutoff));
  }
  std::vector<int64_t> rows;  // of the ranking
  for (int64_t row = 0; row < ranking.users; ++row) {
    if (held_out(users[row]).empty()) continue;
    rows.push_back(row);
    table.users.push_back(users[row]);
  }
  const int64_t width = static_cast<int64_t>(table.names.size());
  table.values.resize(rows.size() * width);
  tensor::parallel_for(static_cast<int64_t>(rows.size()), 256, [&](int64_t begin, int64_t end) {
    std::vector<int32_t> buffer;
    for (int64_t r = begin; r < end; ++r) {
      const auto ranked = ranking.of(rows[r]);
      const auto wanted = ascending(held_out(table.users[r]), buffer);
      check_list(ranked, table.users[r]);
      float* out = table.values.data() + r * width;
      for (int cutoff : cutoffs) {
        const ListMetrics m = measure_list(ranked, wanted, cutoff);
        for (double value : {m.recall, m.ndcg, m.hit_rate, m.reciprocal_rank}) *out++ = static_cast<float>(value);
      }
    }
  });
  return table;
}

}  // namespace genrec
