#include "genrec/data/describe.h"

namespace genrec {

namespace {

constexpr double kOpen = 1e18;  // no upper limit

template <class E>
std::pair<std::string, E> named(E value) {
  return {name_of(value), value};
}

void describe_synth(OptionTable& table, SynthOptions& o) {
  table.add("users", o.users, "Number of users").range(1, kOpen);
  table.add("items", o.items, "Number of items").range(1, kOpen);
  table.add("ordered", o.ordered, "With times and a leave-one-out split, where the next item depends on the last; else without "
                                  "order, split 80/10/10");
  table.group("Structure");
  table.add("clusters", o.clusters, "Clusters of items").range(1, kOpen);
  table.add("subclusters", o.subclusters, "Subclusters in each cluster").range(1, kOpen);
  table.add("user-subclusters", o.user_subclusters, "Subclusters that a user prefers, at most").range(1, kOpen);
  table.add("min-interactions", o.min_interactions, "Fewest interactions of a user").range(1, kOpen);
  table.add("max-interactions", o.max_interactions, "Most interactions of a user").range(1, kOpen);
  table.add("zipf", o.zipf, "Popularity of the r-th item of a subcluster is r to the power of minus this").range(0, 10);
  table.add("stray", o.stray, "Probability of an interaction outside of a user's preferences").range(0, 1);
  table.add("follow", o.follow, "With --ordered: probability that the last item decides the next subcluster").range(0, 1);
  table.group("Views");
  table.add("visual-dim", o.visual_dim, "Width of the visual features; 0: none").range(0, 65536);
  table.add("acoustic-dim", o.acoustic_dim, "Width of the acoustic features; 0: none").range(0, 65536);
  table.add("textual-dim", o.textual_dim, "Width of the textual features; 0: none").range(0, 65536);
  table.add("noise", o.noise, "Standard deviation of the noise of the views; the clusters have 1").range(0, 1000);
  table.add("shared-noise", o.shared_noise, "Part of the noise's variance that all views of an item have in common").range(0, 1);
  table.add("words", o.words, "The textual view as lists of words instead of features");
}

}  // namespace

void describe(OptionTable& table, ImportOptions& o) {
  table.group("Input");
  table.add("interactions", o.interactions, "Who interacted with what: csv, tsv, jsonl, .inter, .inter.json or MovieLens, plain or .gz")
      .value_name("FILE")
      .required();
  table.add("format", o.format, "Format of that file",
            {named(TableFormat::automatic), named(TableFormat::csv), named(TableFormat::tsv), named(TableFormat::jsonl),
             named(TableFormat::recbole), named(TableFormat::mmrec), named(TableFormat::movielens_100k),
             named(TableFormat::movielens_1m), named(TableFormat::movielens_csv), named(TableFormat::lcrec)});
  table.add("user-map", o.user_map, "Of .inter.json: raw id, tab, number of every user; empty: the numbers are the ids")
      .value_name("FILE");
  table.add("item-map", o.item_map, "Of .inter.json: raw id, tab, number of every item; empty: the numbers are the ids")
      .value_name("FILE");
  table.add("columns", o.columns, "Which column is what, where the names do not say it: user=, item=, rating=, time=, split=; "
                                  "order=line: the lines are in order of time")
      .value_name("ROLE=COLUMN,...");
  table.add("features", o.features, "Features of the items: .npy, or a table with an id column").value_name("MODALITY=FILE,...");
  table.add("feature-ids", o.feature_ids,
            "Item ids of the rows of an .npy, one per line; `rows`: row k belongs to item k of --interactions")
      .value_name("MODALITY=FILE|FILE|rows,...");
  table.add("items", o.items, "Table with titles and other text of the items").value_name("FILE");
  table.add("item-columns", o.item_columns, "As --columns, for the table of items: item=, title=, text=")
      .value_name("ROLE=COLUMN,...");
  table.group("Filters and split");
  table.add("split", o.split, "How interactions are divided into training, validation and test",
            {named(SplitProtocol::automatic), named(SplitProtocol::given), named(SplitProtocol::ratio),
             named(SplitProtocol::leave_one_out), named(SplitProtocol::global_time)});
  table.add("k-core", o.k_core, "Drop users and items with fewer interactions, until none is left; 0: keep all").range(0, kOpen);
  table.add("min-rating", o.min_rating, "Leave out interactions rated lower; 0: keep all").range(0, kOpen);
  table.add("missing", o.missing, "What to do with an item that lacks a feature",
            {{"refuse", MissingPolicy::refuse},
             {"drop", MissingPolicy::drop},
             {"mean", MissingPolicy::mean},
             {"zero", MissingPolicy::zero}});
}

void describe(OptionTable& table, SynthOptions& options, std::string& preset) {
  OptionTable tiny, small;
  SynthOptions tiny_options = synth_preset("tiny"), small_options = synth_preset("small");
  describe_synth(tiny, tiny_options);
  describe_synth(small, small_options);
  table.group("Size");
  table.add("preset", preset, "Sizes to begin with; each of the options below can still be set")
      .bundle("tiny", {})
      .bundle("small", differences(tiny, small));
  describe_synth(table, options);
}

}  // namespace genrec
