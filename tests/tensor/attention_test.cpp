// Attention of one head in bf16: every product against one in double of both sides rounded by hand, the softmax between them in
// double of what the kernel's own first product should give.
#include "tensor/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/tensor/products.h"

using tensor::AttentionHead;
using tensor::Precision;
using tensor::Rows;

namespace {

struct Shape {
  int64_t queries, keys, width;
  bool causal = false, bias = false, dropout = false;
};

std::vector<float> random_values(int64_t count, const char* stream) {
  tensor::Generator random(11, stream);
  std::vector<float> values(count + 96);  // some more may be read
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

double product_tolerance(int64_t k) { return 2e-6 * (4 + std::sqrt(static_cast<double>(k))); }

// A problem, and what the kernels made of it. Rows are 3 elements apart.
template <class T>
struct Solved {
  static constexpr double kScale = 0.3, kKeepScale = 1.25;
  Shape x;
  int64_t stride;
  std::vector<float> q, k, v, dout, bias;
  std::vector<uint16_t> words;
  std::vector<T> p, kept, out, db, dq, dk, dv;

  static std::vector<T> as(const std::vector<float>& from) { return {from.begin(), from.end()}; }

  Solved(const Shape& shape, Precision precision) : x(shape), stride(shape.width + 3) {
    const auto [m, n, width] = std::tuple{x.queries, x.keys, x.width};
    q = random_values(m * stride, "q"), k = random_values(n * stride, "k"), v = random_values(n * stride, "v");
    dout = random_values(m * stride, "dout"), bias = random_values(m * n, "bias");
    tensor::Generator random(5, "words");
    for (int64_t i = 0; i < m * n + 64; ++i) words.push_back(static_cast<uint16_t>(random.below(65536)));
    p.assign(m * n + 1, 7), kept = db = p;
    out.assign(m * stride + 1, 7), dq = out;
    dk.assign(n * stride + 1, 7), dv = dk;
    const std::vector<T> tq = as(q), tk = as(k), tv = as(v), tdout = as(dout), tbias = as(bias);
    const auto rows = [&](const std::vector<T>& from) { return Rows<const T>{from.data(), stride}; };
    const auto to = [&](std::vector<T>& into) { return Rows<T>{into.data(), stride}; };
    AttentionHead<T> head{.queries = m, .keys = n, .width = width, .q = rows(tq), .k = rows(tk), .v = rows(tv),
                          .scale = static_cast<T>(kScale), .causal = x.causal, .precision = precision};
    if (x.bias) head.bias = {tbias.data(), n};
    if (x.dropout) head.dropout = {kept.data(), static_cast<T>(kKeepScale), words.data(), 13107};
    const tensor::Attend<T> forward{head, p.data(), to(out)};
    tensor::attend<T>({&forward, 1});
    if (x.dropout) head.dropout = {kept.data(), static_cast<T>(kKeepScale)};
    head.bias = {};
    const tensor::AttendBackward<T> backward{head, p.data(), rows(tdout), to(dq), to(dk), to(dv), db.data()};
    tensor::attend_backward<T>({&backward, 1});
    if (!x.dropout) kept = p;
  }
  bool seen(int64_t i, int64_t j) const { return !x.causal || j <= i; }
};

double rounded(double value) { return tensor::round_bf16(static_cast<float>(value)); }

// sum over p < k of a(p) b(p), both rounded.
template <class A, class B>
double product(int64_t k, A a, B b) {
  double sum = 0;
  for (int64_t p = 0; p < k; ++p) sum += rounded(a(p)) * rounded(b(p));
  return sum;
}

// `got` [rows, width] is product(k, a(row, p), b(p, column)), and nothing is written between the rows.
template <class A, class B>
void check_rows(const char* name, const std::vector<float>& got, int64_t rows, int64_t width, int64_t stride, int64_t k, A a,
                B b) {
  double worst = 0;
  bool untouched = true;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < width; ++c) {
      const double want = product(k, [&](int64_t p) { return a(i, p); }, [&](int64_t p) { return b(p, c); });
      worst = tests::larger(worst, std::abs(got[i * stride + c] - want));
    }
    for (int64_t c = width; c < stride; ++c) untouched &= got[i * stride + c] == 7;
  }
  INFO(name);
  CHECK(worst < 3 * product_tolerance(k));
  CHECK(untouched);
}

void check_probabilities(const Solved<float>& s) {
  const auto& x = s.x;
  double worst = 0, worst_kept = 0, worst_gradient = 0;
  for (int64_t i = 0; i < x.queries; ++i) {
    std::vector<double> scores(x.keys), dp(x.keys);
    double total = 0, mean = 0;
    for (int64_t j = 0; j < x.keys; ++j) {
      scores[j] = product(x.width, [&](int64_t c) { return s.q[i * s.stride + c]; },
                          [&](int64_t c) { return s.k[j * s.stride + c]; });
      if (x.bias) scores[j] += s.bias[i * x.keys + j];
      scores[j] = s.seen(i, j) ? std::exp(s.kScale * scores[j]) : 0;
      total += scores[j];
    }
    for (int64_t j = 0; j < x.keys; ++j) {
      const bool dropped = x.dropout && s.words[i * x.keys + j] < 13107;
      const double want = scores[j] / total, keep = !x.dropout ? 1 : dropped ? 0 : s.kKeepScale;
      const float got = s.p[i * x.keys + j];
      worst = tests::larger(worst, std::abs(got - (dropped ? -want : want)));
      worst_kept = tests::larger(worst_kept, std::abs(s.kept[i * x.keys + j] - keep * std::abs(double{got})));
      dp[j] = keep * product(x.width, [&](int64_t c) { return s.dout[i * s.stride + c]; },
                             [&](int64_t c) { return s.v[j * s.stride + c]; });
      mean += want * dp[j];
    }
    for (int64_t j = 0; j < x.keys; ++j) {
      const double want = s.kScale * scores[j] / total * (dp[j] - mean);
      worst_gradient = tests::larger(worst_gradient, std::abs(s.db[i * x.keys + j] - want));
    }
  }
  CHECK(worst < 5e-6);
  CHECK(worst_kept < 1e-6);
  CHECK(worst_gradient < 3e-5);
}

void check_solved(const Shape& x) {
  INFO(x.queries << " queries, " << x.keys << " keys, width " << x.width << (x.causal ? ", causal" : "")
                 << (x.bias ? ", bias" : "") << (x.dropout ? ", dropout" : "") << " on " << tensor::name_of(tensor::isa()));
  const Solved<float> s(x, Precision::bf16);
  const int64_t n = x.keys, stride = s.stride;
  if (n > 0) check_probabilities(s);
  const auto of = [&](const std::vector<float>& values) {
    return [&, stride](int64_t r, int64_t c) { return values[r * stride + c]; };
  };
  const auto scores = [&](const std::vector<float>& values) { return [&, n](int64_t i, int64_t j) { return values[i * n + j]; }; };
  const auto turned = [&](const std::vector<float>& values) { return [&, n](int64_t j, int64_t i) { return values[i * n + j]; }; };
  check_rows("out", s.out, x.queries, x.width, stride, n, scores(s.kept), of(s.v));
  check_rows("dq", s.dq, x.queries, x.width, stride, n, scores(s.db), of(s.k));
  check_rows("dk", s.dk, n, x.width, stride, x.queries, turned(s.db), of(s.q));
  check_rows("dv", s.dv, n, x.width, stride, x.queries, turned(s.kept), of(s.dout));
}

}  // namespace

TEST_CASE("attention in bf16 is that of rounded sides, for every size and form", "[bf16][attention]") {
  const int64_t sizes[] = {0, 1, 2, 3, 5, 11, 12, 13, 16, 17, 31, 33, 50, 81};
  tests::on_every_bf16_set([&] {
    tensor::Generator random(2, "attention in bf16");
    const auto any_size = [&] { return sizes[random.below(std::size(sizes))]; };
    for (int repeat = 0; repeat < 60; ++repeat) {
      const uint64_t choice = random.below(8);
      const int64_t queries = any_size(), keys = any_size(), widths[] = {1, 5, 16, 24, 64, 70};
      const bool causal = (choice & 1) != 0;
      check_solved({queries, causal ? queries : keys, widths[random.below(std::size(widths))], causal, (choice & 2) != 0,
                    (choice & 4) != 0});
    }
    check_solved({20, 81, 64, false, true, true});
    check_solved({120, 120, 32, true, true, true});  // more keys than fit into registers
    check_solved({1, 1, 64});
    check_solved({0, 5, 8});
    check_solved({5, 0, 8});
  });
}

TEST_CASE("problems of attention solved together are solved as each alone", "[bf16][attention]") {
  const int64_t width = 24, longest = 81, count = 37;  // more products than are packed at a time
  const int64_t sizes[] = {0, 1, 5, 12, 20, 33, longest};
  const std::vector<float> x = random_values(longest * width + count, "together");
  // Of problem i, moved by i elements: p, out, dq, dk, dv, db.
  struct Results {
    std::vector<float> p, out, dq, dk, dv, db;
    explicit Results(int64_t problems) {
      p.assign(problems * longest * longest, 7), db = p, out.assign(problems * longest * width, 7), dq = dk = dv = out;
    }
    bool operator==(const Results&) const = default;
  };
  const auto solve = [&](Results& to, bool together) {
    std::vector<tensor::Attend<float>> forward;
    std::vector<tensor::AttendBackward<float>> backward;
    for (int64_t i = 0; i < count; ++i) {
      const auto rows = [&](int64_t move) { return Rows<const float>{x.data() + (i + move) % count, width}; };
      const auto result = [&](std::vector<float>& of) { return Rows<float>{of.data() + i * longest * width, width}; };
      const AttentionHead<float> head{.queries = sizes[i % 7], .keys = sizes[i / 5 % 7], .width = width, .q = rows(0), .k = rows(1),
                                      .v = rows(2), .scale = 0.2f, .precision = Precision::bf16};
      forward.push_back({head, to.p.data() + i * longest * longest, result(to.out)});
      backward.push_back({head, forward.back().p, rows(3), result(to.dq), result(to.dk), result(to.dv),
                          to.db.data() + i * longest * longest});
    }
    if (together) {
      tensor::attend<float>(forward);
      tensor::attend_backward<float>(backward);
    }
    for (int64_t i = 0; !together && i < count; ++i) {
      tensor::attend<float>({&forward[i], 1});
      tensor::attend_backward<float>({&backward[i], 1});
    }
  };
  tests::on_every_bf16_set([&] {
    Results together(count), alone(count);
    solve(together, true), solve(alone, false);
    CHECK(together == alone);
  });
}

TEST_CASE("attention in bf16 is not that of the inputs, and one in double does not round", "[bf16][attention]") {
  tests::on_every_bf16_set([] {
    for (const int64_t length : {3, 40}) {
      const Shape x{length, length, 16, false, true, true};
      const Solved<float> rounded(x, Precision::bf16), exact(x, Precision::fp32);
      CHECK(rounded.p != exact.p);
      CHECK(rounded.out != exact.out);
      CHECK(rounded.dq != exact.dq);
      const Solved<double> both[] = {{x, Precision::bf16}, {x, Precision::fp32}};
      CHECK(both[0].out == both[1].out);
      CHECK(both[0].dk == both[1].dk);
    }
  });
}
