// Samples are wall-clock time. The operands are the same numbers for every product, larger than the caches.
#include "tensor/bench.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "tensor/attention.h"
#include "tensor/error.h"
#include "tensor/gemm.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tensor/simd/simd.h"

namespace tensor {

namespace {

double seconds_of(const std::function<void()>& f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

struct Shape {
  const char* name;
  bool transpose_a, transpose_b;
  int64_t m, n, k;
};

// The products of the recommenders: projections, feed-forward layers, quantiser layers, weight gradients, attention.
constexpr Shape kShapes[] = {
    {"attention projections [20480x128][128x384]", false, false, 20480, 384, 128},
    {"feed-forward up [20000x64][64x256]", false, false, 20000, 256, 64},
    {"feed-forward down [20000x256][256x64]", false, false, 20000, 64, 256},
    {"quantiser encoder [1024x4096][4096x2048]", false, false, 1024, 2048, 4096},
    {"input gradient [20480x1024][128x1024]^T", false, true, 20480, 128, 1024},
    {"weight gradient [20000x64]^T[20000x256]", true, false, 64, 256, 20000},
    {"weight gradient [20480x128]^T[20480x1024]", true, false, 128, 1024, 20480},
    {"weight gradient [1024x4096]^T[1024x2048]", true, false, 4096, 2048, 1024},
};

std::vector<float> uniform(int64_t count, const char* stream) {
  std::vector<float> values(count);
  const Random random(1, stream);
  parallel_for(count, 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) values[i] = static_cast<float>(random.uniform(i) - 0.5);
  });
  return values;
}

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
      std::vector<float> scratch(2 * size + length * width), diagonals(2 * length + 2);
      float *p = scratch.data(), *db = p + size, *out = db + size;
      for (int64_t i = begin * heads; i < end * heads; ++i) {
        const int64_t first = i / heads * length * columns() + i % heads * width, part = heads * width;
        const auto rows = [&](int64_t of) { return Rows<const float>{x + first + of * part, columns()}; };
        const auto gradients = [&](int64_t of) { return Rows<float>{dx + first + of * part, columns()}; };
        const AttentionHead<float> head{.queries = length, .keys = length, .width = width, .q = rows(0), .k = rows(1),
                                        .v = rows(2), .scale = 1, .bias = {bias.data() + length, -1}};
        simd<float>().attend(head, p, {out, width});
        simd<float>().attend_backward(head, p, rows(0), gradients(0), gradients(1), gradients(2), db);
        simd<float>().add_diagonals(db, length, diagonals.data());
      }
    });
  }
};

constexpr Attention kAttentions[] = {
    {"attention with bias [512 x 21, 6 heads of 64]", 512, 21, 6, 64},
    {"attention with bias [128 x 81, 6 heads of 64]", 128, 81, 6, 64},
};

constexpr int64_t kPeakRepeats = 20000;  // about half a millisecond
constexpr int64_t kPeakTasks = 16;

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

struct Samples {
  std::string name;
  double work;
  const char* unit;
  std::function<void()> run;
  std::vector<double> seconds{}, shares{};
};

}  // namespace

std::vector<BenchRow> bench_cpu(int repeats, int64_t shrink) {
  require(repeats > 0, "bench: needs at least one repeat, got ", repeats, "; use 1 or more");
  std::vector<Shape> shapes(std::begin(kShapes), std::end(kShapes));
  for (Shape& x : shapes) {
    for (int64_t* side : {&x.m, &x.n, &x.k}) *side = *side >= 1024 ? std::max<int64_t>(1, *side / shrink) : *side;
  }
  std::vector<Samples> all;
  const int64_t triad = (int64_t{16} << 20) / shrink;  // 64 MiB an operand
  int64_t largest = triad;
  for (const Shape& x : shapes) largest = std::max({largest, x.m * x.k, x.k * x.n, x.m * x.n});
  std::vector<Attention> attentions(std::begin(kAttentions), std::end(kAttentions));
  for (Attention& x : attentions) {
    x.sequences = std::max<int64_t>(1, x.sequences / shrink);
    largest = std::max(largest, x.elements());
  }
  std::vector<float> a = uniform(largest, "bench a"), b = uniform(largest, "bench b"), c(largest);
  for (const Shape& x : shapes) {
    all.push_back({x.name, 2.0 * static_cast<double>(x.m * x.n * x.k), "flop", [&a, &b, &c, x] {
                     gemm(x.transpose_a, x.transpose_b, x.m, x.n, x.k, a.data(), x.transpose_a ? x.m : x.k, b.data(),
                          x.transpose_b ? x.k : x.n, c.data(), x.n);
                   }});
  }
  for (const Attention& x : attentions) {
    all.push_back({x.name, x.work(), "flop", [&a, &c, x] { x.run(a.data(), c.data()); }});
  }
  const double work = peak_work();
  std::vector<double> peaks, triads;
  for (Samples& x : all) x.run();  // memory and threads are there
  peak_seconds();
  for (int repeat = 0; repeat < repeats; ++repeat) {
    triads.push_back(seconds_of([&] {
      parallel_for(triad, 1 << 18, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) c[i] = a[i] + 0.5f * b[i];
      });
    }));
    for (Samples& x : all) {
      const double before = peak_seconds(), seconds = seconds_of(x.run), after = peak_seconds();
      peaks.insert(peaks.end(), {before, after});
      x.seconds.push_back(seconds);
      x.shares.push_back(x.work / seconds / (work / ((before + after) / 2)));
    }
  }
  std::vector<BenchRow> rows = {{"multiply-adds in registers", work, "flop", median(peaks), 1},
                                {"triad over memory", 12.0 * static_cast<double>(triad), "byte", median(triads), 1}};
  for (const Samples& x : all) rows.push_back({x.name, x.work, x.unit, median(x.seconds), median(x.shares)});
  return rows;
}

}  // namespace tensor
