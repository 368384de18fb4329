// What the training of MACRec's quantisers decides on the device in every step: LETTER's other codeword, the floor of lengths.
#include <cmath>

#include "autograd/op.h"
#include "autograd/ops/normalize_rows.h"
#include "genrec/macrec/letter_losses.h"
#include "genrec/macrec/quantizer_training.h"
#include "tensor/cuda/device.h"
#include "tests/catch.h"
#include "tests/cuda/device.h"
#include "tests/genrec/planted_items.h"

using autograd::Var;
using tensor::Device;
using tensor::DType;
using tensor::Tensor;
using tests::On;
using tests::have_device;

TEST_CASE("the diversity loss draws the same codewords on the device, without waiting for it", "[cuda][ids]") {
  if (!have_device()) return;
  constexpr int64_t kRows = 301, kCodes = 20;
  tensor::Generator rng(4, "letter test");
  const Tensor rows = autograd::random_tensor({kRows, 6}, rng).to(DType::f32);
  const Tensor codebook = autograd::random_tensor({kCodes, 6}, rng).to(DType::f32);
  Tensor codes({kRows}, DType::i32), clusters({kCodes}, DType::i32);
  for (int64_t i = 0; i < kRows; ++i) codes.data<int32_t>()[i] = static_cast<int32_t>(rng.below(kCodes));
  for (int64_t c = 0; c < kCodes; ++c) clusters.data<int32_t>()[c] = c == 7 ? 5 : static_cast<int32_t>(c % 4);  // 7 is alone
  int64_t waits = 0;
  const auto run = [&](Device device) {
    const Tensor on = codes.to(device), x = rows.to(device), e = codebook.to(device);
    const tensor::Random random(5, "diversity");
    waits = tensor::cuda::synchronizations();
    const Var loss = genrec::macrec::diversity_loss(x, on, e, clusters, random);
    waits = tensor::cuda::synchronizations() - waits;
    return loss.value().item();
  };
  const double want = run(Device::cpu), got = run(Device::cuda);
  CHECK(waits == 0);
  CHECK(got == Approx(want).epsilon(1e-6));
}

TEST_CASE("the typical length of rows is the CPU's, and a floor relative to it", "[cuda][ops]") {
  if (!have_device()) return;
  tensor::Generator rng(4, "length test");
  const Tensor x = autograd::random_tensor({70, 33}, rng).to(DType::f32);
  const double want = autograd::typical_length(x).item();
  CHECK(autograd::typical_length(x.to(Device::cuda)).item() == Approx(want).epsilon(1e-12));
  CHECK(autograd::typical_length(Tensor({0, 3}, DType::f32, Device::cuda)).item() == 0);
  const auto normalised = [&](Device device) {
    const Tensor there = x.to(device);
    return autograd::normalize_rows(there, {.share = 1, .length = autograd::typical_length(there)}).value().to_vector<float>();
  };
  const auto host = normalised(Device::cpu), device = normalised(Device::cuda);
  for (size_t i = 0; i < host.size(); ++i) REQUIRE(device[i] == Approx(host[i]).epsilon(1e-5).margin(1e-6));
  CHECK(host[0] != autograd::normalize_rows(x).value().to_vector<float>()[0]);
}

TEST_CASE("the training of quantisers does not wait in its steps", "[cuda][graph][ids]") {
  if (!have_device()) return;
  const genrec::Dataset items = tests::planted_items(60, 5);
  const auto waits = [&](int batch, bool letter) {
    const tests::TemporaryFolder folder;
    const On scope(Device::cuda);
    genrec::macrec::IdentifierOptions options = genrec::macrec::identifier_defaults("macrec");
    options.epochs = 2, options.batch = batch, options.levels = 2, options.codes = 8, options.latent = 4;
    options.adapter = 16, options.chain = {16}, options.con_level = 0, options.pseudo_restarts = 1;
    if (letter) options.diversity_weight = 0.1, options.diversity_clusters = 2;
    genrec::RunFolder run = genrec::RunFolder::create(folder / "run");
    const int64_t before = tensor::cuda::synchronizations();
    genrec::macrec::train_quantizers(options, {items, run, 1, "ids"});
    return tensor::cuda::synchronizations() - before;
  };
  // 20 steps against 4; the best weights may be written once more.
  for (const bool letter : {false, true}) CHECK(waits(6, letter) - waits(30, letter) < 8);
}
