// genrec recommend: lists of items for a user, a history, or every line of standard input; external ids only.
#include <algorithm>
#include <iostream>
#include <unordered_map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/program.h"
#include "cli/runs.h"
#include "genrec/log.h"
#include "genrec/run.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace cli {

namespace {

using Json = nlohmann::ordered_json;
using tensor::Fault;
using tensor::require;

// Users and items by their external ids.
class Names {
 public:
  explicit Names(const genrec::Dataset& data) : data_(data) {
    for (const auto& id : data.user_ids) users_.emplace(id, static_cast<int32_t>(users_.size()));
    for (const auto& id : data.item_ids) items_.emplace(id, static_cast<int32_t>(items_.size()));
  }
  int32_t user(const std::string& id) const {
    const auto found = users_.find(id);
    require(found != users_.end(), "user '", id, "' is not in the data set; give a user of it, or a history");
    return found->second;
  }
  int32_t item(const std::string& id) const {
    const auto found = items_.find(id);
    require(found != items_.end(), "item '", id, "' is not in the data set; leave it out");
    return found->second;
  }
  std::vector<int32_t> items(const std::vector<std::string>& ids) const {
    std::vector<int32_t> numbers;
    for (const std::string& id : ids) numbers.push_back(item(id));
    return numbers;
  }

 private:
  const genrec::Dataset& data_;
  std::unordered_map<std::string, int32_t> users_, items_;
};

void sort_distinct(std::vector<int32_t>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

// One list that is asked for, with the storage its query points into.
struct Request {
  Json id;           // of a line of input; null if it has none
  std::string user;  // external id; "" of a bare history
  int32_t number = -1;
  std::vector<int32_t> history, excluded;
  std::vector<int32_t> sequence;  // oldest first
  std::string error;              // of a line that cannot be answered

  genrec::Query query() const { return {.user = number, .history = history, .excluded = excluded, .sequence = sequence}; }
};

class Recommend : public Command {
 public:
  Recommend() : Command("recommend", "List items for a user, for a history, or for every line of JSON on standard input") {
    options().add("run", run_, "Folder of a run").value_name("RUN").positional().required();
    options().add("user", user_, "A user of the data set; empty and no --history: standard input").value_name("ID");
    options().add("history", history_, "Items of someone else, oldest first, instead of a user").value_name("ID,...");
    options().add("k", k_, "Items in a list").range(1, 10000);
    options().add("exclude", exclude_, "File of item ids, one per line, that are never listed").value_name("FILE");
    options().add("explain", explain_, "Say why, where the model can: codes, probabilities, nearest items");
    options().add("data", data_, "Folder of the data set, if it is no longer where it was").value_name("DIR");
    options().add("set", changes_, "Options of the model to change for this once, as beam=50").value_name("NAME=VALUE,...");
    add_run_precision(options(), precision_);
    add_common(true);
  }

  int run() override {
    choose_device(common());
    require(user_.empty() || history_.empty(), "--history: not together with --user; give one of the two");
    const genrec::Run run(run_, changes_);
    const genrec::Dataset data = data_of(run, data_);
    const Names names(data);
    const std::unique_ptr<genrec::TrainedModel> model = run.load(data, run_precision(precision_));
    if (!exclude_.empty()) read_excluded(names);
    if (user_.empty() && history_.empty()) {
      answer_lines(*model, data, names);
      return 0;
    }
    const Request request = user_.empty() ? of_history(names, history_) : of_user(data, names, user_);
    const genrec::Query queries[] = {request.query()};
    const genrec::Ranking ranking = model->rank(queries, k_);
    const auto why = explain_ ? model->explain(queries[0], ranking) : std::vector<genrec::Explanation>{};
    if (explain_ && why.empty()) genrec::note(run.model_name() + ": this model has nothing to explain its lists by");
    print(common().json ? answer(request, data, ranking, 0, why).dump(2) + "\n" : text(data, ranking, why));
    return 0;
  }

 private:
  void read_excluded(const Names& names) {
    const std::string text = tensor::read_file(exclude_);
    int line = 0;
    for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
      end = std::min(text.find('\n', begin), text.size());
      std::string id = text.substr(begin, end - begin);
      if (id.ends_with('\r')) id.pop_back();
      ++line;
      if (id.empty()) continue;
      try {
        excluded_.push_back(names.item(id));
      } catch (const tensor::Error& error) {
        tensor::fail(Fault::bad_data, exclude_, ":", line, ": ", error.what());
      }
    }
  }

  // The model reads what it was trained on; nothing the user is known to have is listed.
  Request of_user(const genrec::Dataset& data, const Names& names, const std::string& user) const {
    Request request;
    request.user = user;
    request.number = names.user(user);
    const auto history = data.train_items(request.number), seen = data.items_of(request.number);
    request.history.assign(history.begin(), history.end());
    request.excluded.assign(seen.begin(), seen.end());
    request.sequence = request.excluded;
    return finished(std::move(request));
  }

  Request of_history(const Names& names, const std::vector<std::string>& ids) const {
    Request request;
    request.history = names.items(ids);
    request.excluded = request.sequence = request.history;
    return finished(std::move(request));
  }

  Request finished(Request request) const {
    request.excluded.insert(request.excluded.end(), excluded_.begin(), excluded_.end());
    sort_distinct(request.history);
    sort_distinct(request.excluded);
    return request;
  }

  Request of_line(const genrec::Dataset& data, const Names& names, const std::string& line) const {
    Request request;
    try {
      const Json object = Json::parse(line);
      require(object.is_object(), "the line is no JSON object; give {\"user\": ID} or {\"history\": [ID, ..]}");
      if (object.contains("id")) request.id = object["id"];
      for (const auto& [key, value] : object.items())
        require(key == "id" || key == "user" || key == "history" || key == "exclude", "unknown key '", key,
                "'; give id, user, history, exclude");
      require(object.contains("user") != object.contains("history"), "give either user or history");
      Request asked = object.contains("user") ? of_user(data, names, object["user"].get<std::string>())
                                              : of_history(names, object["history"].get<std::vector<std::string>>());
      if (object.contains("exclude")) {
        for (const int32_t item : names.items(object["exclude"].get<std::vector<std::string>>())) asked.excluded.push_back(item);
        sort_distinct(asked.excluded);
      }
      asked.id = request.id;
      return asked;
    } catch (const Json::exception& error) {
      request.error = error.what();
    } catch (const tensor::Error& error) {
      request.error = error.what();
    }
    return request;
  }

  // A line that cannot be answered gives an object with "error"; the order of the lines is kept.
  void answer_lines(const genrec::TrainedModel& model, const genrec::Dataset& data, const Names& names) const {
    constexpr size_t kAtOnce = 1024;
    const genrec::Stage stage("recommend");
    std::vector<Request> requests;
    const auto flush = [&] {
      std::vector<genrec::Query> queries;
      for (const Request& request : requests)
        if (request.error.empty()) queries.push_back(request.query());
      const genrec::Ranking ranking = queries.empty() ? genrec::Ranking() : model.rank(queries, k_);
      std::string lines;
      size_t row = 0;
      for (const Request& request : requests) {
        if (!request.error.empty()) {
          Json object = Json::object();
          if (!request.id.is_null()) object["id"] = request.id;
          object["error"] = request.error;
          lines += object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
          continue;
        }
        const genrec::Query query[] = {request.query()};
        const auto why = explain_ ? model.explain(query[0], row_of(ranking, row)) : std::vector<genrec::Explanation>{};
        lines += answer(request, data, ranking, row++, why).dump() + "\n";
      }
      print(lines);
      requests.clear();
    };
    for (std::string line; std::getline(std::cin, line);) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      requests.push_back(of_line(data, names, line));
      if (requests.size() == kAtOnce) flush();
    }
    if (!requests.empty()) flush();
  }

  static genrec::Ranking row_of(const genrec::Ranking& ranking, size_t row) {
    genrec::Ranking one(1, ranking.k);
    std::copy_n(ranking.items.begin() + row * ranking.k, ranking.k, one.items.begin());
    std::copy_n(ranking.scores.begin() + row * ranking.k, ranking.k, one.scores.begin());
    return one;
  }

  static std::string title_of(const genrec::Dataset& data, int32_t item) {
    return data.titles.empty() ? "" : data.titles[item];
  }

  Json answer(const Request& request, const genrec::Dataset& data, const genrec::Ranking& ranking, size_t row,
              const std::vector<genrec::Explanation>& why) const {
    Json items = Json::array();
    const auto listed = ranking.of(static_cast<int64_t>(row));
    for (size_t i = 0; i < listed.size(); ++i) {
      Json entry{{"item", data.item_ids[listed[i]]}, {"score", ranking.scores[row * ranking.k + i]}};
      if (const std::string title = title_of(data, listed[i]); !title.empty()) entry["title"] = title;
      if (i < why.size()) {
        entry["why"] = Json::array();
        for (const auto& [label, told] : why[i].lines) entry["why"].push_back({{"what", label}, {"told", told}});
      }
      items.push_back(entry);
    }
    Json object = Json::object();
    if (!request.id.is_null()) object["id"] = request.id;
    if (!request.user.empty()) object["user"] = request.user;
    object["items"] = items;
    return object;
  }

  static std::string text(const genrec::Dataset& data, const genrec::Ranking& ranking,
                          const std::vector<genrec::Explanation>& why) {
    std::string result;
    const auto listed = ranking.of(0);
    for (size_t i = 0; i < listed.size(); ++i) {
      const std::string title = title_of(data, listed[i]);
      result += fmt::format("{:3}  {}  {:.4f}{}{}\n", i + 1, data.item_ids[listed[i]], ranking.scores[i], title.empty() ? "" : "  ",
                            title);
      if (i < why.size())
        for (const auto& [label, told] : why[i].lines) result += fmt::format("       {}: {}\n", label, told);
    }
    return result;
  }

  std::string run_, user_, exclude_, data_, precision_ = "run";
  std::vector<std::string> history_, changes_;
  std::vector<int32_t> excluded_;
  int k_ = 10;
  bool explain_ = false;
};

}  // namespace

std::unique_ptr<Command> recommend() { return std::make_unique<Recommend>(); }

}  // namespace cli
