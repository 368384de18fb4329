// New items for a trained run: what is there stays, what is new is unique and is what training would have encoded.
#include "genrec/macrec/add_items.h"

#include <cmath>

#include "genrec/macrec/identifier_stage.h"
#include "genrec/macrec/quantizer_training.h"
#include "tensor/file.h"
#include "tensor/npy.h"
#include "tests/catch.h"
#include "tests/genrec/planted_items.h"

using namespace genrec;
using tensor::Tensor;
using Integers = std::vector<int32_t>;

namespace {

constexpr int64_t kOld = 300, kNew = 40, kFew = 8;

// The first items of the planted ones, and the others as files.
struct Parted {
  Dataset all = tests::planted_items(kOld + kNew, 20), old;
  macrec::NewItems items;

  Parted() {
    all.user_ids = {"user"}, all.items = {0, 1, 2}, all.bounds = {0, 1, 2, 3}, all.split_protocol = "given";
    old = all;
    old.item_ids.resize(kOld);
    items.ids.assign(all.item_ids.begin() + kOld, all.item_ids.end());
    for (auto& [name, modality] : old.features) {
      modality.values = modality.values.row_range(0, kOld).clone();
      modality.present.resize(kOld);
      items.features[name] = all.features.at(name).values.row_range(kOld, kOld + kNew).clone();
    }
  }
};

macrec::IdentifierOptions small_options(const std::string& collisions) {
  macrec::IdentifierOptions o;
  o.chain = {32}, o.adapter = 0, o.latent = 8, o.levels = 3, o.codes = 16;
  o.epochs = 4, o.batch = 64, o.pseudo_restarts = 1, o.pseudo_labels = 12;
  o.collisions = collisions;
  return o;
}

}  // namespace

TEST_CASE("new items get free identifiers from the frozen quantiser, old ones keep theirs", "[ids]") {
  const Parted split;
  for (const std::string collisions : {"reassign", "index"}) {
    const tests::TemporaryFolder folder;
    RunFolder run = RunFolder::create(folder / "run");
    macrec::run_identifier_stage(small_options(collisions), {split.old, run, 1, "ids"});
    const macrec::FrozenQuantizer quantizer(run / macrec::quantizer_file("visual"));
    const ItemIdentifiers old = read_identifiers(run / macrec::identifier_file("visual"), split.old.item_ids);
    // The last of the "new" ones repeats an item that is there: its codes are taken.
    Tensor features = split.items.features.at("visual").clone();
    features.row_range(kNew - 1, kNew).copy_from(split.old.features.at("visual").values.row_range(5, 6));
    quant::Conflicts conflicts;
    if (collisions == "index") {  // a level has as many numbers as the largest group needed
      CHECK_THAT(tests::error_of([&] { macrec::extend_identifiers(old, quantizer, features, conflicts); }),
                 tests::Contains("codes, the model knows"));
      features = features.row_range(0, kFew);
    }
    const int64_t count = features.rows();
    const ItemIdentifiers all = macrec::extend_identifiers(old, quantizer, features, conflicts);
    CHECK(all.items() == kOld + count);
    CHECK(Integers(all.codes.begin(), all.codes.begin() + old.codes.size()) == old.codes);
    CHECK(unique(all));
    CHECK(all.sizes == old.sizes);
    CHECK(conflicts.items == count);
    CHECK(conflicts.rate_after() == 0);
    const Tensor greedy = quantizer.quantizer().encode(quantizer.latents(features));
    int same = 0;
    for (int64_t i = 0; i < count; ++i) {
      same += std::equal(greedy.data<int32_t>() + 3 * i, greedy.data<int32_t>() + 3 * i + 3, all[kOld + i].begin());
    }
    if (collisions == "index") CHECK(same == kFew);
    else CHECK((same > kNew / 2 && same < kNew && same == kNew - conflicts.moved));
  }
}

TEST_CASE("a data set with new items keeps the numbers of the old ones", "[ids]") {
  const Parted split;
  const Dataset all = macrec::with_items(split.old, split.items);
  validate(all, "test");
  CHECK(all.item_ids == split.all.item_ids);
  CHECK(fingerprint(all) == fingerprint(split.all));
}

TEST_CASE("reading new items refuses what does not fit", "[ids]") {
  const Parted split;
  const tests::TemporaryFolder folder;
  tensor::write_npy(folder / "t.npy", split.items.features.at("textual"));
  tensor::write_npy(folder / "v.npy", split.items.features.at("visual"));
  std::string ids;
  for (const std::string& id : split.items.ids) ids += id + "\n";
  tensor::write_file_atomically(folder / "ids.txt", ids);
  const std::vector<std::string> both = {"textual=" + folder / "t.npy", "visual=" + folder / "v.npy"};
  const macrec::NewItems read = macrec::read_new_items(both, folder / "ids.txt", split.old);
  CHECK(read.ids == split.items.ids);
  CHECK(read.features.at("visual").to_vector<float>() == split.items.features.at("visual").to_vector<float>());

  const auto error = [&](const std::vector<std::string>& features, const std::string& text) {
    tensor::write_file_atomically(folder / "bad.txt", text);
    return tests::error_of([&] { macrec::read_new_items(features, folder / "bad.txt", split.old); });
  };
  CHECK_THAT(error(both, ids + "item7\n"), tests::Contains("bad.txt:41: item 'item7' is in the data set already; leave it out"));
  CHECK_THAT(error(both, "a\na\n"), tests::Contains("bad.txt:2: item 'a' stands twice"));
  CHECK_THAT(error(both, "a\n\n"), tests::Contains("bad.txt:2: is empty; write one item id per line"));
  CHECK_THAT(error(both, ""), tests::Contains("bad.txt: holds no item ids"));
  CHECK_THAT(error(both, "a\n"), tests::Contains("t.npy: holds f32 [40,64], expected f32 [1,64]: a row for each id"));
  Tensor broken = split.items.features.at("textual").clone();
  broken.data<float>()[2 * broken.columns() + 5] = NAN;
  tensor::write_npy(folder / "nan.npy", broken);
  CHECK_THAT(error({"textual=" + folder / "nan.npy", both[1]}, ids),
             tests::Contains("nan.npy: textual features: row 2, column 5 (item '" + split.items.ids[2] + "') is nan"));
  CHECK_THAT(error({both[0]}, ids), tests::Contains("--features: the new items lack visual features; give visual=FILE"));
  CHECK_THAT(error({"x.npy"}, ids), tests::Contains("--features: 'x.npy' is not MODALITY=FILE"));
  CHECK_THAT(error({"acoustic=x.npy"}, ids), tests::Contains("the data set has no acoustic features"));
}
