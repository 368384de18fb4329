// genrec recommend: lists of items for a user, a history, or every line of standard input; external ids only.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include <poll.h>
#include <unistd.h>

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

constexpr const char* kLooksLike =
    R"(a request looks like {"user": "u7"} or {"history": ["i3", "i9"]}; "id" and "exclude": ["i4"] may be added)";

// Standard input, line by line, and whether more of it has arrived: an answer must not wait for the next request.
class InputLines {
 public:
  // Takes the next line if all of it has been read; the last line of the input needs no line break.
  bool take(std::string& line) {
    const size_t end = text_.find('\n', begin_);
    if (end == std::string::npos && (!ended_ || begin_ == text_.size())) return false;
    line = text_.substr(begin_, end - begin_);
    begin_ = end == std::string::npos ? text_.size() : end + 1;
    return true;
  }
  bool more_has_arrived() const {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    return !ended_ && poll(&input, 1, 0) > 0;
  }
  // Waits for more; false if the input had ended before.
  bool read() {
    if (ended_) return false;
    text_.erase(0, begin_), begin_ = 0;
    char some[1 << 16];
    ssize_t count;
    do {
      pollfd input{STDIN_FILENO, POLLIN, 0};
      poll(&input, 1, -1);
      count = ::read(STDIN_FILENO, some, sizeof some);
    } while (count < 0 && (errno == EINTR || errno == EAGAIN));
    require(Fault::io, count >= 0, "stdin: ", std::strerror(errno), "; give --user or --history, or send requests");
    text_.append(some, count);
    ended_ = count == 0;
    return true;
  }

 private:
  std::string text_;  // what was read; taken up to begin_
  size_t begin_ = 0;
  bool ended_ = false;
};

// One list that is asked for, with the storage its query points into.
struct Request {
  Json id;           // of a line of input; null if it has none
  std::string user;  // external id; "" of a bare history
  int32_t number = -1;
  std::vector<int32_t> history, excluded, unwanted;
  std::vector<int32_t> sequence;  // oldest first
  std::string error;              // of a line that cannot be answered

  void leave_out(const std::vector<int32_t>& items) {
    unwanted.insert(unwanted.end(), items.begin(), items.end());
    excluded.insert(excluded.end(), items.begin(), items.end());
    genrec::sort_distinct(unwanted), genrec::sort_distinct(excluded);
  }
  genrec::Query query() const {
    return {.user = number, .history = history, .excluded = excluded, .unwanted = unwanted, .sequence = sequence};
  }
};

class Recommend : public Command {
 public:
  Recommend() : Command("recommend", "List items for a user, for a history, or for every line of JSON on standard input") {
    options().add("run", run_, "Folder of a run").value_name("RUN").positional().required();
    options().add("user", user_, "A user of the data set; empty and no --history: standard input").value_name("ID");
    options().add("history", history_, "Items of someone else, oldest first, instead of a user").value_name("ID,...");
    options().add("k", k_, "Items in a list; of mmgrec also the beams, so that another K may list others").range(1, 10000);
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
    if (!exclude_.empty()) read_unwanted(names);
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
  void read_unwanted(const Names& names) {
    const std::string text = tensor::read_file(exclude_);
    int line = 0;
    for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
      end = std::min(text.find('\n', begin), text.size());
      std::string id = text.substr(begin, end - begin);
      if (id.ends_with('\r')) id.pop_back();
      ++line;
      if (id.empty()) continue;
      try {
        unwanted_.push_back(names.item(id));
      } catch (const tensor::Error& error) {
        tensor::fail(Fault::bad_data, exclude_, ":", line, ": ", error.what());
      }
    }
  }

  // The model reads what it was trained on; what the user is known to have is excluded.
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
    genrec::sort_distinct(request.history);
    request.leave_out(unwanted_);
    return request;
  }

  static std::string id_of(const Json& value, const std::string& key) {
    require(value.is_string(), "\"", key, "\" holds a ", value.type_name(), " where an id in quotes belongs; ", kLooksLike);
    return value.get<std::string>();
  }

  static std::vector<std::string> ids_of(const Json& list, const std::string& key) {
    require(list.is_array(), "\"", key, "\" is a ", list.type_name(), ", no list of ids; ", kLooksLike);
    std::vector<std::string> ids;
    for (const Json& value : list) ids.push_back(id_of(value, key));
    return ids;
  }

  Request of_line(const genrec::Dataset& data, const Names& names, const std::string& line) const {
    Request request;
    try {
      const Json object = Json::parse(line);
      require(object.is_object(), "the line is no JSON object; ", kLooksLike);
      if (object.contains("id")) request.id = object["id"];
      for (const auto& [key, value] : object.items())
        require(key == "id" || key == "user" || key == "history" || key == "exclude", "unknown key '", key, "'; ", kLooksLike);
      require(object.contains("user") != object.contains("history"), "give either \"user\" or \"history\"; ", kLooksLike);
      Request asked = object.contains("user") ? of_user(data, names, id_of(object["user"], "user"))
                                              : of_history(names, ids_of(object["history"], "history"));
      if (object.contains("exclude")) asked.leave_out(names.items(ids_of(object["exclude"], "exclude")));
      asked.id = request.id;
      return asked;
    } catch (const Json::parse_error& error) {
      request.error = tensor::join("the line is not JSON, see its character ", error.byte, "; ", kLooksLike);
    } catch (const Json::exception&) {
      request.error = tensor::join("the line holds a number that is too large; ", kLooksLike);
    } catch (const tensor::Error& error) {
      request.error = error.what();
    }
    return request;
  }

  // A line that cannot be answered gives an object with "error"; the order of the lines is kept. Lines that have arrived
  // together are answered together.
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
    InputLines input;
    do {
      for (std::string line; input.take(line);) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        requests.push_back(of_line(data, names, line));
        if (requests.size() == kAtOnce) flush();
      }
      if (!requests.empty() && !input.more_has_arrived()) flush();
    } while (input.read());
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
  std::vector<int32_t> unwanted_;  // of --exclude
  int k_ = 10;
  bool explain_ = false;
};

}  // namespace

std::unique_ptr<Command> recommend() { return std::make_unique<Recommend>(); }

}  // namespace cli
