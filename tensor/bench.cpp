// Samples are wall-clock time. The operands are the same numbers for every product, larger than the caches.
#include "tensor/bench.h"

#include <algorithm>
#include <memory>

#include "tensor/attention.h"
#include "tensor/bench_samples.h"
#include "tensor/error.h"
#include "tensor/feed_forward.h"
#include "tensor/gemm.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tensor/simd/simd.h"

namespace tensor {

namespace {

// Self-attention with a relative position bias, forward and backward: `sequences` of one length in heads of one width.
struct Attention {
  const char* name;
  int64_t sequences, length, heads, width;

  int64_t columns() const { return 3 * heads * width; }                   // queries, keys, values of all heads
  int64_t elements() const { return sequences * length * columns(); }     // of them, and of their gradients
  double work() const { return 12.0 * static_cast<double>(sequences * heads * length * length * width); }

  // x [sequences*length, columns]; dx likewise. The gradient of the output is the queries, that of the bias is dropped.
  void run(const float* x, float* dx) const {
    const std::vector<float> bias(2 * length, 0.1f);
    parallel_for(sequences, 8, [&](int64_t begin, int64_t end) {
      const int64_t size = length * length;
      std::vector<float> scratch(heads * (2 * size + length * width)), diagonals(2 * length + 2);
      float *p = scratch.data(), *db = p + heads * size, *out = db + heads * size;
      std::vector<Attend<float>> forward;
      std::vector<AttendBackward<float>> backward;
      for (int64_t s = begin; s < end; ++s) {
        forward.clear(), backward.clear();
        for (int64_t h = 0; h < heads; ++h) {
          const int64_t first = s * length * columns() + h * width, part = heads * width;
          const auto rows = [&](int64_t of) { return Rows<const float>{x + first + of * part, columns()}; };
          const auto gradients = [&](int64_t of) { return Rows<float>{dx + first + of * part, columns()}; };
          const AttentionHead<float> head{.queries = length, .keys = length, .width = width, .q = rows(0), .k = rows(1),
                                          .v = rows(2), .scale = 1, .bias = {bias.data() + length, -1}, .precision = precision()};
          forward.push_back({head, p + h * size, {out + h * length * width, width}});
          backward.push_back({head, p + h * size, rows(0), gradients(0), gradients(1), gradients(2), db + h * size});
        }
        attend<float>(forward);
        attend_backward<float>(backward);
        for (int64_t h = 0; h < heads; ++h) simd<float>().add_diagonals(db + h * size, length, diagonals.data());
      }
    });
  }
};

// relu(x w1) w2; one operation where bf16 has it.
class FeedForwardBench {
 public:
  explicit FeedForwardBench(int64_t rows)
      : x_(values({rows, kWidth})), y_({rows, kWidth}), h_({rows, kHidden}),
        block_{values({kWidth, kHidden}), {}, values({kHidden, kWidth}), {}} {}
  double work() const { return 4.0 * static_cast<double>(h_.size() * kWidth); }
  void run() {
    if (has_feed_forward(kWidth, kHidden, kWidth)) return feed_forward(block_, x_, Random(1, "bench dropout"), y_, nullptr);
    const int64_t rows = x_.rows();
    gemm(false, false, rows, kHidden, kWidth, x_.data<float>(), kWidth, block_.w1.data<float>(), kHidden, h_.data<float>(), kHidden,
         {.relu = true}, precision());
    gemm(false, false, rows, kWidth, kHidden, h_.data<float>(), kHidden, block_.w2.data<float>(), kWidth, y_.data<float>(), kWidth, {},
         precision());
  }

 private:
  static constexpr int64_t kWidth = 128, kHidden = 1024;
  static Tensor values(Shape shape) { return Tensor::from(uniform_values(shape.size(), "bench feed-forward"), shape); }
  Tensor x_, y_, h_;
  FeedForward block_;
};

constexpr Attention kAttentions[] = {
    {"attention with bias [512 x 21, 6 heads of 64]", 512, 21, 6, 64},
    {"attention with bias [128 x 81, 6 heads of 64]", 128, 81, 6, 64},
};

constexpr int64_t kPeakRepeats = 20000;  // about half a millisecond
constexpr int64_t kPeakTasks = 16;
constexpr int64_t kTilePeakRepeats = 2000;

// Of products of tiles, where the set has them.
double tile_peak_seconds() {
  return seconds_of([] {
    parallel_for(kPeakTasks, 1, [](int64_t, int64_t) {
      float sink[1] = {};
      tiles()->peak(kTilePeakRepeats, sink);
      check(sink[0] == 0, "bench: products of zeros gave something");
    });
  });
}
double tile_peak_work() {
  float sink[1] = {};
  return static_cast<double>(tiles()->peak(kTilePeakRepeats, sink)) * kPeakTasks;
}

double peak_seconds() {
  return seconds_of([] {
    parallel_for(kPeakTasks, 1, [](int64_t, int64_t) {
      float sink[3] = {1.0f, 0.5f, 0.25f};
      simd<float>().peak(kPeakRepeats, sink);
      check(sink[0] > 0, "bench: the peak loop gave nothing");
    });
  });
}
double peak_work() {
  float sink[3] = {1.0f, 0.5f, 0.25f};
  return static_cast<double>(simd<float>().peak(kPeakRepeats, sink)) * kPeakTasks;
}

// z = x + y, again and again over the same memory of each thread.
class Sums {
 public:
  Sums(int64_t elements, int64_t repeats) : elements_(elements), repeats_(repeats), memory_(3 * elements * threads(), 1.0f) {}
  double work() const { return 12.0 * static_cast<double>(elements_ * repeats_ * threads()); }
  void run() {
    parallel_for(threads(), 1, [&](int64_t thread, int64_t) {
      float* x = memory_.data() + 3 * elements_ * thread;
      for (int64_t i = 0; i < repeats_; ++i) simd<float>().add(x, x + elements_, x + 2 * elements_, elements_);
    });
  }

 private:
  int64_t elements_, repeats_;
  std::vector<float> memory_;
};

struct CacheLevel {
  const char* name;
  int64_t elements, repeats;  // of one operand of one thread
};
constexpr CacheLevel kLevels[] = {
    {"z = x + y in 18 KiB a thread", 1536, 20000},
    {"z = x + y in 384 KiB a thread", 1 << 15, 500},
    {"z = x + y in 6 MiB a thread", 1 << 19, 10},
    {"z = x + y in 192 MiB a thread", 1 << 24, 1},
};

struct Samples {
  std::vector<double> seconds, shares;
};

}  // namespace

Peaks measure_peaks() {
  Sums sums(kLevels[3].elements, 1);
  std::vector<double> peaks, tile_peaks, memory;
  peak_seconds();
  for (int i = 0; i < 5; ++i) {
    peaks.push_back(peak_seconds());
    if (tiles()) tile_peaks.push_back(tile_peak_seconds());
    memory.push_back(seconds_of([&] { sums.run(); }));
  }
  return {.operations = peak_work() / quantile(peaks, 0.5),
          .tiles = tiles() ? tile_peak_work() / quantile(tile_peaks, 0.5) : 0,
          .bytes = sums.work() / quantile(memory, 0.5)};
}

std::vector<Workload> kernel_workloads(int64_t shrink) {
  const std::vector<GemmShape> shapes = gemm_shapes(shrink);
  int64_t largest = 0;
  for (const GemmShape& x : shapes) largest = std::max({largest, x.m * x.k, x.k * x.n, x.m * x.n});
  std::vector<Attention> attentions(std::begin(kAttentions), std::end(kAttentions));
  for (Attention& x : attentions) {
    x.sequences = std::max<int64_t>(1, x.sequences / shrink);
    largest = std::max(largest, x.elements());
  }
  struct Operands {
    Tensor a, b, c;
  };
  const auto all = std::make_shared<Operands>(Operands{Tensor::from(uniform_values(largest, "bench a")),
                                                       Tensor::from(uniform_values(largest, "bench b")), Tensor({largest})});
  std::vector<Workload> result;
  for (const GemmShape& x : shapes) {
    result.push_back({x.name, "flop", x.work(), [all, x] {
                        gemm(x.transpose_a, x.transpose_b, x.m, x.n, x.k, all->a.data<float>(), x.lda(), all->b.data<float>(), x.ldb(),
                             all->c.data<float>(), x.n, {}, precision());
                      }});
  }
  for (const Attention& x : attentions) {
    result.push_back({x.name, "flop", x.work(), [all, x] { x.run(all->a.data<float>(), all->c.data<float>()); }});
  }
  const auto block = std::make_shared<FeedForwardBench>(std::max<int64_t>(32, 20480 / shrink));
  result.push_back({"feed-forward block [20480x128][128x1024][1024x128]", "flop", block->work(), [block] { block->run(); }});
  return result;
}

std::vector<BenchRow> bench(const std::vector<Workload>& workloads, int repeats, int64_t shrink) {
  require(repeats > 0, "bench: needs at least one repeat, got ", repeats, "; use 1 or more");
  std::vector<double> peaks;
  std::vector<BenchRow> rows(1);
  for (const CacheLevel& level : kLevels) {
    Sums sums(std::max<int64_t>(16, level.elements / shrink), level.repeats);
    std::vector<double> seconds;
    sums.run();
    for (int repeat = 0; repeat < repeats; ++repeat) seconds.push_back(seconds_of([&] { sums.run(); }));
    rows.push_back({level.name, "byte", Precision::fp32, sums.work(), quantile(seconds, 0.5), 1, 1, 1});
  }
  const double work = peak_work(), tile_work = tiles() ? tile_peak_work() : 0, memory = rows.back().rate();
  std::vector<double> tile_peaks;
  std::vector<Samples> samples(workloads.size());
  for (const Workload& x : workloads) x.run();  // memory and threads are there
  for (int i = 0; i < 5; ++i) peaks.push_back(peak_seconds());
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (size_t i = 0; i < workloads.size(); ++i) {
      const Workload& x = workloads[i];
      const bool on_tiles = tiles() && x.precision == Precision::bf16;
      const auto peak = on_tiles ? tile_peak_seconds : peak_seconds;
      const double before = peak(), seconds = seconds_of(x.run), after = peak();
      std::vector<double>& all = on_tiles ? tile_peaks : peaks;
      all.insert(all.end(), {before, after});
      const bool counts = x.unit == std::string_view("flop");
      samples[i].seconds.push_back(seconds);
      samples[i].shares.push_back(x.work / seconds / (counts ? (on_tiles ? tile_work : work) / ((before + after) / 2) : memory));
    }
  }
  rows[0] = {"multiply-adds in registers", "flop", Precision::fp32, work, quantile(peaks, 0.5), 1, 1, 1};
  if (tiles()) {
    for (int i = 0; i < 5; ++i) tile_peaks.push_back(tile_peak_seconds());
    rows.push_back({"products of bf16 tiles in registers", "flop", Precision::bf16, tile_work, quantile(tile_peaks, 0.5), 1, 1, 1});
  }
  for (size_t i = 0; i < workloads.size(); ++i) {
    const auto& [seconds, shares] = samples[i];
    const Workload& x = workloads[i];
    rows.push_back({x.name, x.unit, x.precision, x.work, quantile(seconds, 0.5), quantile(shares, 0.5), quantile(shares, 0.25),
                    quantile(shares, 0.75)});
  }
  return rows;
}

}  // namespace tensor
