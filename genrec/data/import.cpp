#include "genrec/data/import.h"

#include <algorithm>
#include <numeric>

#include "genrec/data/interaction_log.h"
#include "genrec/data/lcrec.h"
#include "genrec/data/views.h"
#include "genrec/log.h"
#include "tensor/error.h"

namespace genrec {

using tensor::Fault;
using tensor::require;

namespace {

bool all_digits(const std::string& text) { return text.find_first_not_of("0123456789") == std::string::npos; }

// Numbers by value and before other texts, so that neither the order of the lines nor padding decides.
bool id_less(const std::string& a, const std::string& b) {
  const bool a_number = all_digits(a), b_number = all_digits(b);
  if (a_number != b_number) return a_number;
  if (a_number) {
    const size_t a_digits = a.size() - std::min(a.find_first_not_of('0'), a.size());
    const size_t b_digits = b.size() - std::min(b.find_first_not_of('0'), b.size());
    if (a_digits != b_digits) return a_digits < b_digits;
    const int order = a.compare(a.size() - a_digits, a_digits, b, b.size() - b_digits, b_digits);
    if (order != 0) return order < 0;
  }
  return a < b;
}

// The ids that have interactions left, sorted, by what their file calls them if it has numbers: their numbers in the IdMap.
std::vector<uint32_t> kept_numbers(const IdMap& ids, const std::vector<int32_t>& counts, const std::vector<int64_t>& names) {
  std::vector<uint32_t> numbers;
  for (uint32_t number = 0; number < ids.size(); ++number)
    if (counts[number] > 0) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end(), [&](uint32_t a, uint32_t b) {
    return names.empty() ? id_less(ids.ids()[a], ids.ids()[b]) : names[a] < names[b];
  });
  return numbers;
}

SplitProtocol decide_protocol(const ImportOptions& options, const Schema& schema) {
  const bool has_split = schema.find(Role::split) >= 0;
  const bool has_order = schema.find(Role::time) >= 0 || schema.find(Role::order) >= 0 || schema.line_order;
  const SplitProtocol wanted = options.split;
  if (wanted == SplitProtocol::automatic && schema.format == TableFormat::lcrec) return SplitProtocol::leave_one_out;
  if (wanted == SplitProtocol::automatic) return has_split ? SplitProtocol::given : SplitProtocol::ratio;
  require(Fault::usage, wanted != SplitProtocol::given || has_split, schema.path,
      ":1: no column is the split; say which with "
          "split=COLUMN, or choose another --split");
  require(Fault::usage, wanted != SplitProtocol::leave_one_out || has_order, schema.path, ":1: no column is the time or the "
          "order, which --split leave-one-out needs; say which with --columns time=COLUMN, or order=line if the lines are "
          "in order");
  require(Fault::usage, wanted != SplitProtocol::global_time || (has_order && !schema.line_order), schema.path,
          ":1: no column is the time, which --split global-time needs; say which with --columns time=COLUMN");
  return wanted;
}

void add_step(ImportReport& report, const std::string& name, const InteractionLog& log) {
  const InteractionLog::Counts counts = log.counts();
  report.steps.push_back({name, counts.interactions, counts.user_count(), counts.item_count()});
  std::string path;
  for (const ImportStep& step : report.steps)
    path += tensor::join(path.empty() ? "" : ", ", step.name, ": ", step.interactions);
  require(Fault::bad_data, counts.interactions > 0, "import: no interactions are left after the filters (", path,
          "); loosen the filter that took the last ones");
}

// Applies the policy to items without some feature, by numbers of the log.
void handle_missing(InteractionLog& log, const std::vector<View>& views, MissingPolicy policy, ImportReport& report) {
  const InteractionLog::Counts counts = log.counts();
  std::vector<uint8_t> keep(log.item_ids.size(), 1);
  for (const View& view : views) {
    if (view.is_words()) continue;
    int64_t missing = 0;
    uint32_t first = 0;
    for (uint32_t item = 0; item < log.item_ids.size(); ++item) {
      if (counts.items[item] == 0 || view.row_of[item] >= 0) continue;
      if (missing++ == 0) first = item;
      keep[item] = 0;
    }
    require(Fault::bad_data, missing == 0 || policy != MissingPolicy::refuse, view.path, ": ", missing, " of ",
            counts.item_count(), " items have no ", view.modality, " feature, the first is '", log.item_ids.ids()[first],
            "'; choose --missing drop, mean or zero");
  }
  if (policy != MissingPolicy::drop || std::find(keep.begin(), keep.end(), 0) == keep.end()) return;
  drop_items(log, keep);
  add_step(report, "items with every feature", log);
}

// Puts the kept entries of every user in order, splits them and stores them by split. Takes the log apart on the way, so that a
// large one does not lie in memory beside the whole data set.
class Arranger {
 public:
  Arranger(InteractionLog& log, ByUser& by_user, SplitProtocol protocol, uint64_t seed)
      : log_(log), by_user_(by_user), protocol_(protocol), seed_(seed) {
    if (protocol != SplitProtocol::global_time) return;
    std::vector<double> times;
    for (size_t i = 0; i < log.size(); ++i)
      if (!log.dropped(i)) times.push_back(log.times[i]);
    limits_ = time_limits(std::move(times));
  }

  void run(Dataset& d, const std::vector<uint32_t>& users, const std::vector<uint32_t>& item_of) {
    log_.users = std::vector<uint32_t>();  // `{}` would keep the memory
    std::vector<uint32_t> arranged;  // entries by user, split and time
    arranged.reserve(by_user_.order.size());
    d.bounds.reserve(3 * users.size() + 1);
    for (size_t rank = 0; rank < users.size(); ++rank) {
      collect(users[rank], item_of);
      assign(rank);
      for (Split split : kSplits) {
        for (size_t i = 0; i < entries_.size(); ++i)
          if (splits_[i] == split) arranged.push_back(entries_[i]);
        d.bounds.push_back(static_cast<int64_t>(arranged.size()));
      }
    }
    by_user_ = ByUser(), log_.splits = std::vector<uint8_t>();
    d.items.reserve(arranged.size());
    for (uint32_t entry : arranged) d.items.push_back(static_cast<int32_t>(item_of[log_.items[entry]]));
    log_.items = std::vector<uint32_t>();
    if (log_.times.empty()) return;
    d.times.reserve(arranged.size());
    for (uint32_t entry : arranged) d.times.push_back(log_.times[entry]);
  }

 private:
  void collect(uint32_t user, const std::vector<uint32_t>& item_of) {
    entries_.clear();
    for (uint64_t at = by_user_.offsets[user]; at < by_user_.offsets[user + 1]; ++at)
      if (!log_.dropped(by_user_.order[at])) entries_.push_back(by_user_.order[at]);
    // By item first: a random split then depends on the ids alone, not on the order of the lines.
    if (!log_.ordered() || protocol_ == SplitProtocol::ratio)
      std::sort(entries_.begin(), entries_.end(),
                [&](uint32_t a, uint32_t b) { return item_of[log_.items[a]] < item_of[log_.items[b]]; });
    else
      sort_by_time();
  }
  void sort_by_time() {
    std::vector<size_t> order(entries_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t i, size_t j) {
      const uint32_t a = entries_[i], b = entries_[j];
      if (!log_.times.empty() && log_.times[a] != log_.times[b]) return log_.times[a] < log_.times[b];
      return a < b;
    });
    std::vector<uint32_t> entries(entries_);
    std::vector<Split> splits(splits_);
    for (size_t i = 0; i < order.size(); ++i) {
      entries_[i] = entries[order[i]];
      if (splits.size() == order.size()) splits_[i] = splits[order[i]];
    }
  }
  void assign(size_t rank) {
    splits_.assign(entries_.size(), Split::train);
    switch (protocol_) {
      case SplitProtocol::ratio:
        split_by_ratio(splits_, seed_, rank);
        if (log_.ordered()) sort_by_time();
        break;
      case SplitProtocol::leave_one_out: split_last_out(splits_); break;
      case SplitProtocol::global_time:
        for (size_t i = 0; i < entries_.size(); ++i) splits_[i] = limits_.split_of(log_.times[entries_[i]]);
        break;
      default:
        for (size_t i = 0; i < entries_.size(); ++i) splits_[i] = static_cast<Split>(log_.splits[entries_[i]]);
    }
  }

  InteractionLog& log_;
  ByUser& by_user_;
  SplitProtocol protocol_;
  uint64_t seed_;
  TimeLimits limits_{};
  std::vector<uint32_t> entries_;
  std::vector<Split> splits_;
};

std::vector<std::string> chosen(std::vector<std::string> ids, const std::vector<uint32_t>& numbers) {
  std::vector<std::string> kept;
  kept.reserve(numbers.size());
  for (uint32_t number : numbers) kept.push_back(std::move(ids[number]));
  return kept;
}

void attach_views(Dataset& d, const std::vector<View>& views, const std::vector<uint32_t>& numbers, const IdMap& items,
                  MissingPolicy policy, ImportReport& report) {
  for (const View& view : views) {
    FeatureReport row{view.modality, view.is_words() ? "words" : "dense", 0, view.rows, 0, 0};
    int64_t matched = 0;
    for (uint32_t number : numbers) matched += view.row_of[number] >= 0;
    row.unused = view.rows - matched;
    if (view.is_words()) {
      const WordLists& lists = d.words[view.modality] = gather_words(view, numbers);
      row.dim = lists.vocabulary;
      for (size_t i = 0; i < numbers.size(); ++i) row.missing += lists.offsets[i] == lists.offsets[i + 1];
    } else {
      d.features[view.modality] = gather_features(view, numbers, items, policy == MissingPolicy::mean);
      row.dim = view.values.columns();
      row.missing = static_cast<int64_t>(numbers.size()) - matched;
    }
    report.features.push_back(row);
    report.warnings.insert(report.warnings.end(), view.warnings.begin(), view.warnings.end());
  }
}

void warn_about_splits(const Dataset& d, const Schema& schema, ImportReport& report) {
  require(Fault::bad_data, d.interactions(Split::train) > 0, schema.path,
          ": no interactions are left for training; choose another --split or check the split column");
  for (Split split : {Split::valid, Split::test})
    if (d.interactions(split) == 0)
      report.warnings.push_back(tensor::join(schema.path, ": no interactions are in ", name_of(split),
                                             "; results on it will not exist"));
  if (d.split_protocol == name_of(SplitProtocol::leave_one_out))
    report.warnings.push_back(
        "leave-one-out: one user's last item may be older than another's first, so training knows the future of others; "
        "global-time avoids this");
}

Schema interactions_schema(const ImportOptions& options) {
  Schema schema = sniff(options.interactions, TableKind::interactions, options.format, options.columns);
  for (const auto& [map, what] : {std::pair(&options.user_map, "user"), std::pair(&options.item_map, "item")}) {
    if (map->empty()) continue;
    require(Fault::usage, schema.format == TableFormat::lcrec, "--", what, "-map: ", schema.path, " is ",
            name_of(schema.format), ", whose ids need no map; leave the option out");
    schema.notes.push_back(tensor::join("ids of the ", what, "s: ", *map));
  }
  return schema;
}

}  // namespace

std::vector<Schema> import_schemas(const ImportOptions& options) {
  std::vector<Schema> schemas = {interactions_schema(options)};
  for (const ViewSource& source : view_sources(options.features, options.feature_ids))
    if (!source.array) schemas.push_back(source.schema);
  if (!options.items.empty()) {
    schemas.push_back(sniff(options.items, TableKind::items, TableFormat::automatic, options.item_columns));
  }
  return schemas;
}

ImportResult import_dataset(const ImportOptions& options) {
  const Schema schema = interactions_schema(options);
  const SplitProtocol protocol = decide_protocol(options, schema);
  require(Fault::usage, options.min_rating == 0 || schema.find(Role::rating) >= 0, schema.path,
      ":1: no column is the rating, "
          "which --min-rating needs; say which with --columns rating=COLUMN");
  std::vector<std::string> feature_ids = options.feature_ids;
  if (feature_ids.empty() && schema.format == TableFormat::lcrec) feature_ids = {"rows"};
  const std::vector<ViewSource> sources = view_sources(options.features, feature_ids);

  ImportResult result;
  Dataset& d = result.dataset;
  ImportReport& report = result.report;
  InteractionLog log = schema.format == TableFormat::lcrec
                           ? read_lcrec_interactions(schema, options.user_map, options.item_map, report.warnings)
                           : read_interactions(schema, options.min_rating, protocol == SplitProtocol::given);
  add_step(report, options.min_rating == 0 ? "read" : tensor::join("rated ", options.min_rating, " or more"), log);
  ByUser by_user = group_by_user(log);
  report.duplicates = drop_duplicates(log, by_user, schema);
  if (report.duplicates > 0) add_step(report, "each pair once", log);

  std::vector<View> views;
  for (const ViewSource& source : sources) views.push_back(read_view(source, log, schema.path));
  handle_missing(log, views, options.missing, report);
  if (options.k_core > 1) {
    keep_core(log, options.k_core);
    add_step(report, tensor::join(options.k_core, "-core"), log);
  }

  const InteractionLog::Counts counts = log.counts();
  const std::vector<uint32_t> users = kept_numbers(log.user_ids, counts.users, log.user_numbers);
  const std::vector<uint32_t> items = kept_numbers(log.item_ids, counts.items, log.item_numbers);
  std::vector<uint32_t> item_of(log.item_ids.size());
  for (size_t i = 0; i < items.size(); ++i) item_of[items[i]] = static_cast<uint32_t>(i);
  d.user_ids = chosen(log.user_ids.release(), users);
  d.item_ids = chosen(log.item_ids.ids(), items);
  for (uint32_t item : items)
    if (!log.item_numbers.empty()) d.item_numbers.push_back(static_cast<int32_t>(log.item_numbers[item]));
  d.ordered = log.ordered();
  d.split_protocol = name_of(protocol);
  d.split_seed = protocol == SplitProtocol::ratio ? options.seed : 0;
  Arranger(log, by_user, protocol, options.seed).run(d, users, item_of);
  warn_about_splits(d, schema, report);

  attach_views(d, views, items, log.item_ids, options.missing, report);
  if (!options.items.empty()) {
    const Schema texts = sniff(options.items, TableKind::items, TableFormat::automatic, options.item_columns);
    ItemTexts read = texts.format == TableFormat::lcrec ? read_lcrec_texts(texts, items, log)
                                                        : read_item_texts(texts, items, log.item_ids);
    d.titles = std::move(read.titles), d.texts = std::move(read.texts);
    report.untitled = std::count(d.titles.begin(), d.titles.end(), std::string());
  }
  for (const Schema& each : import_schemas(options))
    for (const std::string& line : describe(each)) d.sources.push_back(line);
  for (const ViewSource& source : sources)
    if (source.array) d.sources.push_back(source.path + ": " + source.modality + " features, ids " + source.ids);
  validate(d, "import");
  return result;
}

}  // namespace genrec
