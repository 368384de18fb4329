// The prepared data set: accessors, the folder form, the fingerprint, and folders that were damaged.
#include "genrec/data/dataset.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tensor/file.h"
#include "tests/catch.h"

using namespace genrec;
using tests::Contains;
using tensor::Tensor;
using tests::error_of;

namespace {

// Three users, four items; user "b" has no interaction at all.
Dataset sample() {
  Dataset d;
  d.user_ids = {"a", "b", "c\twith tab"};
  d.item_ids = {"x", "y", "back\\slash", "z"};
  d.titles = {"One", "Two\nlines", "", "\xc3\x84rger"};
  d.items = {0, 2, 1, 3, 3, 0};
  d.bounds = {0, 2, 3, 4, 4, 4, 4, 5, 5, 6};
  d.times = {1, 2, 3, 4, 1.5, 2.5};
  d.ordered = true;
  d.features["visual"] = {Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6, 0, 0}, {4, 2}), {1, 1, 1, 0}};
  d.words["textual"] = {{0, 1, 1, 3, 3}, {4, 0, 4}, 5};
  d.split_protocol = "given";
  d.sources = {"interactions.tsv"};
  return d;
}

template <class Range>
std::vector<int32_t> list(const Range& range) {
  return {range.begin(), range.end()};
}

using Items = std::vector<int32_t>;

}  // namespace

TEST_CASE("dataset: accessors", "[data]") {
  const Dataset d = sample();
  CHECK(list(d.train_items(0)) == Items{0, 2});
  CHECK(list(d.items_of(0, Split::valid)) == Items{1});
  CHECK(list(d.items_of(0, Split::test)) == Items{3});
  CHECK(list(d.items_of(0)) == Items{0, 2, 1, 3});
  CHECK(list(d.history(0, Split::valid)) == Items{0, 2});
  CHECK(list(d.history(0, Split::test)) == Items{0, 2, 1});
  CHECK(d.items_of(1).empty());
  CHECK(d.interactions(Split::train) == 3);
  CHECK(d.train_csr().offsets == std::vector<int64_t>{0, 2, 2, 3});
  CHECK(d.train_csr().items == Items{0, 2, 3});
  CHECK(d.train_counts() == Items{1, 0, 1, 1});
  CHECK(d.find_user("b") == 1);
  CHECK(d.find_item("nothing") == -1);
}

TEST_CASE("dataset: the folder form keeps everything", "[data]") {
  tests::TemporaryFolder folder;
  const Dataset d = sample();
  save_dataset(d, folder / "set");
  const Dataset e = load_dataset(folder / "set");
  CHECK(e.user_ids == d.user_ids);
  CHECK(e.item_ids == d.item_ids);
  CHECK(e.titles == d.titles);
  CHECK(e.texts.empty());
  CHECK(e.items == d.items);
  CHECK(e.bounds == d.bounds);
  CHECK(e.times == d.times);
  CHECK(e.ordered);
  CHECK(e.features.at("visual").values.to_vector<float>() == d.features.at("visual").values.to_vector<float>());
  CHECK(e.features.at("visual").present == d.features.at("visual").present);
  CHECK(e.words.at("textual").words == d.words.at("textual").words);
  CHECK(e.words.at("textual").vocabulary == 5);
  CHECK(e.split_protocol == "given");
  CHECK(e.sources == d.sources);
  CHECK(fingerprint(e) == fingerprint(d));
  const std::string before = tensor::read_file(folder / "set/interactions.safetensors");
  save_dataset(e, folder / "set");
  CHECK(tensor::read_file(folder / "set/interactions.safetensors") == before);
}

TEST_CASE("dataset: the fingerprint is stable and sees every change", "[data]") {
  const std::string base = fingerprint(sample());
  CHECK(base == "502f9ff67e004072");
  std::vector<std::string> seen = {base};
  const auto changed = [&](auto&& change) {
    Dataset d = sample();
    change(d);
    const std::string value = fingerprint(d);
    CHECK(std::find(seen.begin(), seen.end(), value) == seen.end());
    seen.push_back(value);
  };
  changed([](Dataset& d) { d.user_ids[0] = "A"; });
  changed([](Dataset& d) { d.item_ids[0] += "1"; });
  changed([](Dataset& d) { d.titles.clear(); });
  changed([](Dataset& d) { d.texts = {"", "", "", ""}; });
  changed([](Dataset& d) { std::swap(d.items[0], d.items[1]); });
  changed([](Dataset& d) { d.bounds[1] = 1; });
  changed([](Dataset& d) { d.times[0] = 0.5; });
  changed([](Dataset& d) { d.ordered = false; });
  changed([](Dataset& d) { d.features["visual"].values.data<float>()[7] = 1; });
  changed([](Dataset& d) { d.features["visual"].present[3] = 1; });
  changed([](Dataset& d) { d.words["textual"].words[0] = 3; });
  changed([](Dataset& d) { d.words["textual"].vocabulary = 6; });
  changed([](Dataset& d) { d.split_protocol = "ratio"; });
  changed([](Dataset& d) { d.split_seed = 1; });
  Dataset same = sample();
  same.sources.clear();
  CHECK(fingerprint(same) == base);
}

TEST_CASE("dataset: what does not fit together is refused", "[data]") {
  const auto refusal = [](auto&& change) {
    Dataset d = sample();
    change(d);
    return error_of([&] { validate(d, "set"); });
  };
  CHECK(refusal([](Dataset&) {}).empty());
  CHECK_THAT(refusal([](Dataset& d) { d.user_ids.clear(); }), Contains("set: has no users"));
  CHECK_THAT(refusal([](Dataset& d) { d.item_ids[1] = "x"; }), Contains("item id 'x' occurs twice"));
  CHECK_THAT(refusal([](Dataset& d) { d.bounds.pop_back(); }), Contains("bounds has 9 entries, expected 3 x 3 users + 1"));
  CHECK_THAT(refusal([](Dataset& d) { std::swap(d.bounds[1], d.bounds[3]); }), Contains("bounds do not rise from 0 to 6"));
  CHECK_THAT(refusal([](Dataset& d) { d.bounds.back() = 7; }), Contains("bounds do not rise from 0 to 6"));
  CHECK_THAT(refusal([](Dataset& d) { d.items[0] = 4; }), Contains("names item number 4 of 4"));
  CHECK_THAT(refusal([](Dataset& d) { d.items[0] = -1; }), Contains("names item number -1 of 4"));
  CHECK_THAT(refusal([](Dataset& d) { d.times.pop_back(); }), Contains("has 5 times for 6 interactions"));
  CHECK_THAT(refusal([](Dataset& d) { d.titles.pop_back(); }), Contains("has 3 titles or texts for 4 items"));
  CHECK_THAT(refusal([](Dataset& d) { d.features["visual"].present.pop_back(); }),
      Contains("visual features do not have one row"));
  CHECK_THAT(refusal([](Dataset& d) { d.words["textual"].words[0] = 5; }), Contains("textual words: names word 5 of 5"));
  CHECK_THAT(refusal([](Dataset& d) { d.words["textual"].offsets[1] = 9; }), Contains("textual words: offsets do not rise"));
}

TEST_CASE("dataset: damaged folders", "[data]") {
  tests::TemporaryFolder folder;
  const std::string set = folder / "set";
  const auto error = [&] { return error_of([&] { load_dataset(set); }); };
  CHECK_THAT(error(), Contains("no such folder; make one with `genrec import`"));
  std::filesystem::create_directory(set);
  CHECK_THAT(error(), Contains("dataset.json: no such file, so the folder is not a prepared data set"));
  const auto rewrite = [&](const std::string& name, const std::string& from, const std::string& to) {
    save_dataset(sample(), set);
    std::string text = tensor::read_file(set + "/" + name);
    const size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    std::ofstream(set + "/" + name, std::ios::binary | std::ios::trunc) << text;
  };
  rewrite("dataset.json", "{", "{{");
  CHECK_THAT(error(), Contains("dataset.json: is damaged"));
  rewrite("dataset.json", "\"version\": 1", "\"version\": 2");
  CHECK_THAT(error(), Contains("has format version 2, this program reads 1"));
  rewrite("dataset.json", "genrec-dataset", "something");
  CHECK_THAT(error(), Contains("is not a genrec data set"));
  rewrite("dataset.json", "\"visual\"", "\"acoustic\"");
  CHECK_THAT(error(), Contains("features.safetensors: holds no tensor 'features.acoustic'"));
  rewrite("items.tsv", "One", "Uno");
  CHECK_THAT(error(), Contains("fingerprint is") && Contains("changed or damaged after the import"));
  rewrite("items.tsv", "One", "On\\e");
  CHECK_THAT(error(), Contains("items.tsv:2: holds an unknown escape"));
  rewrite("items.tsv", "x\t", "x\t\t");
  CHECK_THAT(error(), Contains("items.tsv:2: has 3 fields, expected 2"));
  rewrite("users.tsv", "id\n", "name\n");
  CHECK_THAT(error(), Contains("users.tsv:1: expected the one column id"));
  save_dataset(sample(), set);
  std::filesystem::resize_file(set + "/interactions.safetensors", 100);
  CHECK_THAT(error(), Contains("interactions.safetensors"));
  std::filesystem::remove(set + "/interactions.safetensors");
  CHECK_THAT(error(), Contains("interactions.safetensors: no such file"));
}
