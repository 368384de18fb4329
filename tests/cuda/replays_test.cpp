// Work that is launched again and again, on the emulated device: with other inputs, in memory of its own, and done anew each time
// where that cannot be.
#include "tensor/cuda/replays.h"

#include <algorithm>

#include "autograd/ops/dropout.h"
#include "autograd/ops/gather_rows.h"
#include "autograd/ops/scale.h"
#include "tensor/cuda/graph.h"
#include "tests/catch.h"
#include "tests/cuda/device.h"

using tensor::Device;
using tensor::DType;
using tensor::Tensor;
using tensor::cuda::Replays;
using tests::have_device;

namespace {

Tensor row_of(const Tensor& table, const Tensor& ids) {
  return autograd::scale(autograd::gather_rows(table, ids), 2).value();
}

const Tensor& table() {
  static const Tensor rows = Tensor::from<float>({0, 1, 2, 3, 4, 5, 6, 7}, {8, 1});
  return rows;
}

struct Counts {
  tensor::cuda::GraphCounts graphs = tensor::cuda::graph_counts();
  // Graphs launched since `start`, and those of them that had been there.
  std::pair<int64_t, int64_t> since(const Counts& start) const {
    const int64_t launches = graphs.launches - start.graphs.launches;
    return {launches, launches - (graphs.instantiations - start.graphs.instantiations)};
  }
};

}  // namespace

TEST_CASE("work is recorded once for every key and size, and launched with other inputs", "[cuda][graph]") {
  if (!have_device()) return;
  const tests::On device(Device::cuda);
  const Tensor rows = table().to(Device::cuda);
  Replays replays;
  const Counts start;
  for (int32_t i = 0; i < 6; ++i) {
    for (const int64_t factor : {1, 3}) {
      for (const size_t size : {1, 4}) {
        const std::vector<int32_t> numbers(size, i);
        const Tensor ids = Tensor::from(numbers);
        const Tensor made = replays.run({factor}, std::vector<Tensor>{ids}, [&](std::span<const Tensor> copies) {
          CHECK(copies[0].device() == Device::cuda);
          return autograd::scale(row_of(rows, ids), static_cast<double>(factor)).value();
        });
        CHECK(made.to_vector<float>() == std::vector<float>(size, static_cast<float>(2 * i * factor)));
      }
    }
  }
  CHECK(Counts().since(start) == std::pair<int64_t, int64_t>(20, 16));  // the first is plain, the second recorded
}

TEST_CASE("work that reads from the device or sends it something else is done anew each time", "[cuda][graph]") {
  if (!have_device()) return;
  const tests::On device(Device::cuda);
  const Tensor rows = table().to(Device::cuda);
  for (const bool reads : {true, false}) {
    Replays replays;
    const Counts start;
    for (int32_t i = 0; i < 7; ++i) {
      const Tensor ids = Tensor::from<int32_t>({i});
      const Tensor made = replays.run({}, std::vector<Tensor>{ids}, [&](auto) {
        const Tensor row = row_of(rows, ids);
        if (reads) return Tensor::full({1}, row.to_vector<float>()[0] + 1, DType::f32, Device::cuda);
        return row_of(rows, Tensor::from<int32_t>({static_cast<int32_t>(row.rows()) + i}));
      });
      CHECK(made.to_vector<float>()[0] == static_cast<float>(reads ? 2 * i + 1 : 2 * (i + 1)));
    }
    CHECK(Counts().since(start) == std::pair<int64_t, int64_t>(4, 0));  // it tries no more often
  }
}

TEST_CASE("after an exception work is done anew, and without a GPU it is just done", "[cuda][graph]") {
  Replays replays;
  const std::vector<Tensor> ids{Tensor::from<int32_t>({3})};
  const auto run = [&](const Tensor& rows, bool good) {
    return replays.run({}, ids, [&](auto) {
      const Tensor row = row_of(rows, ids[0]);
      tensor::require(good, "no");
      return row;
    });
  };
  for (int i = 0; i < 3; ++i) CHECK(run(table(), true).to_vector<float>() == std::vector<float>{6});
  if (!have_device()) return;
  const tests::On device(Device::cuda);
  const Tensor rows = table().to(Device::cuda);
  CHECK(run(rows, true).item() == 6);
  CHECK(tests::error_of([&] { run(rows, false); }) == "no");
  for (int i = 0; i < 3; ++i) CHECK(run(rows, true).item() == 6);
}

TEST_CASE("host work within a body is done before each launch", "[cuda][graph]") {
  if (!have_device()) return;
  const tests::On device(Device::cuda);
  const Tensor rows = table().to(Device::cuda);
  Replays replays;
  const Counts start;
  int32_t offset = 0;  // a number of the host that changes
  for (int32_t i = 0; i < 6; ++i) {
    const Tensor ids = Tensor::from<int32_t>({i, 2});
    offset = i % 2;
    const Tensor made = replays.run({}, std::vector<Tensor>{ids}, [&](auto) {
      Tensor moved({2}, DType::i32), reversed({2}, DType::i32);
      tensor::cuda::every_run({moved}, [=, &offset]() mutable {
        for (int64_t k = 0; k < 2; ++k) moved.data<int32_t>()[k] = ids.data<int32_t>()[k] + offset;
      });
      tensor::cuda::every_run({reversed}, [=]() mutable {  // reads what other host work makes
        std::reverse_copy(moved.data<int32_t>(), moved.data<int32_t>() + 2, reversed.data<int32_t>());
      });
      return row_of(rows, reversed);
    });
    CHECK(made.to_vector<float>() == std::vector<float>{2.f * static_cast<float>(2 + offset), 2.f * static_cast<float>(i + offset)});
  }
  CHECK(Counts().since(start) == std::pair<int64_t, int64_t>(5, 4));
}

TEST_CASE("random numbers of work that is launched again are those of its step", "[cuda][graph]") {
  if (!have_device()) return;
  const Tensor ones = Tensor::full({300}, 1);
  const auto dropped = [&](const Tensor& x, uint64_t step, const int32_t* on_device) {
    return autograd::dropout(x, 0.3, tensor::Random(5, "test", step, on_device)).value();
  };
  Replays replays;
  for (uint64_t step = 0; step < (uint64_t{1} << 40); step = 3 * step + 1) {
    const std::vector<float> want = dropped(ones, step, nullptr).to_vector<float>();
    const tests::On device(Device::cuda);
    const Tensor x = ones.to(Device::cuda);
    const std::vector<Tensor> word{Tensor::from<int32_t>({tensor::Random::step_word(step)})};
    static const Tensor there = x;  // the same memory for all launches
    const Tensor made = replays.run({}, word, [&](auto copies) { return dropped(there, step, copies[0].template data<int32_t>()); });
    REQUIRE(made.to_vector<float>() == want);
  }
}

TEST_CASE("a work sends more than was expected of it once it is recorded anew", "[cuda][graph]") {
  if (!have_device()) return;
  const tests::On device(Device::cuda);
  constexpr int64_t kMany = 1 << 17;
  const Tensor rows = table().to(Device::cuda);
  Replays replays;
  const Counts start;
  for (int32_t i = 0; i < 6; ++i) {
    const Tensor ids = Tensor::from<int32_t>({i});
    const Tensor made = replays.run({}, std::vector<Tensor>{ids}, [&](auto) {
      Tensor many({kMany}, DType::i32);
      tensor::cuda::every_run({many}, [=]() mutable { std::fill_n(many.data<int32_t>(), kMany, *ids.data<int32_t>()); });
      return row_of(rows, many);
    });
    CHECK(made.row_range(kMany - 1, kMany).to_vector<float>() == std::vector<float>{2.f * static_cast<float>(i)});
  }
  CHECK(Counts().since(start) == std::pair<int64_t, int64_t>(5, 3));
}
