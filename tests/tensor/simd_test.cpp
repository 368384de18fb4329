// Every entry of the table of every instruction set that this machine has, against plain loops in double.
#include "tensor/simd/simd.h"

#include <cmath>
#include <limits>
#include <vector>

#include "tensor/random.h"
#include "tests/catch.h"

namespace {

const int64_t kSizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 31, 33, 63, 64, 65, 127, 128, 200, 1003};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// n values in [low, high), beginning one element after an aligned address and followed by a guard.
template <class T>
class Row {
 public:
  Row(int64_t n, uint64_t seed, double low = -2, double high = 2) : values_(n + 2) {
    tensor::Generator random(seed, "simd test");
    for (T& value : values_) value = static_cast<T>(low + (high - low) * random.uniform());
    values_.back() = values_.front() = T{77};
  }
  T* data() { return values_.data() + 1; }
  const T* data() const { return values_.data() + 1; }
  T& operator[](int64_t i) { return values_[i + 1]; }
  const T& operator[](int64_t i) const { return values_[i + 1]; }
  int64_t size() const { return static_cast<int64_t>(values_.size()) - 2; }
  bool guarded() const { return values_.front() == T{77} && values_.back() == T{77}; }

 private:
  std::vector<T> values_;
};

template <class T>
constexpr double tolerance() {
  return sizeof(T) == 4 ? 1e-6 : 1e-14;
}

// f(table) for each instruction set.
template <class T, class F>
void on_every_set(F&& f) {
  for (tensor::Isa set : {tensor::Isa::generic, tensor::Isa::avx2, tensor::Isa::avx512}) {
    if (!tensor::has_isa(set)) continue;
    INFO("on " << tensor::name_of(set));
    f(tensor::simd_of<T>(set));
  }
}

template <class T, class F>
void for_sizes(F&& f) {
  on_every_set<T>([&](const tensor::Simd<T>& table) {
    for (int64_t n : kSizes) {
      INFO("n " << n);
      f(table, n);
    }
  });
}

// The largest |y[i] - expected(i)| / (1 + |expected(i)|), no number if one is none; infinity if the guards are gone.
template <class T, class F>
double error(const Row<T>& y, F&& expected) {
  if (!y.guarded()) return kInfinity;
  double worst = 0;
  for (int64_t i = 0; i < y.size(); ++i) {
    const double e = expected(i);
    worst = tests::larger(worst, std::abs(double{y[i]} - e) / (1 + std::abs(e)));
  }
  return worst;
}

}  // namespace

TEMPLATE_TEST_CASE("reductions", "[simd]", float, double) {
  using T = TestType;
  for_sizes<T>([](const tensor::Simd<T>& table, int64_t n) {
    const Row<T> x(n, 1), y(n, 2);
    double sum = 0, dot = 0, maximum = -kInfinity;
    int64_t least = 0;
    for (int64_t i = 0; i < n; ++i) {
      sum += x[i], dot += double{x[i]} * y[i], maximum = std::max<double>(maximum, x[i]);
      if (x[i] < x[least]) least = i;
    }
    CHECK(std::abs(table.sum(x.data(), n) - sum) <= tolerance<T>() * (1 + n));
    CHECK(std::abs(table.dot(x.data(), y.data(), n) - dot) <= tolerance<T>() * (1 + n));
    if (n == 0) return;
    CHECK(table.maximum(x.data(), n) == maximum);
    CHECK(table.argmin(x.data(), n) == least);
  });
}

TEMPLATE_TEST_CASE("argmin takes the lowest index on ties", "[simd]", float, double) {
  using T = TestType;
  on_every_set<T>([](const tensor::Simd<T>& table) {
    std::vector<T> x(100, T{1});
    CHECK(table.argmin(x.data(), 100) == 0);
    x[97] = x[40] = x[41] = -3;
    CHECK(table.argmin(x.data(), 100) == 40);
    CHECK(table.argmin(x.data() + 50, 50) == 47);
    CHECK(table.maximum(x.data() + 40, 2) == -3);  // negative only: lanes beyond the row must not count
  });
}

TEMPLATE_TEST_CASE("elementwise entries", "[simd]", float, double) {
  using T = TestType;
  for_sizes<T>([](const tensor::Simd<T>& table, int64_t n) {
    const Row<T> x(n, 1), y(n, 2);
    const double a = 0.75;
    Row<T> z(n, 3);
    table.add(x.data(), y.data(), z.data(), n);
    CHECK(error(z, [&](int64_t i) { return double{x[i]} + y[i]; }) <= tolerance<T>());
    table.multiply(x.data(), y.data(), z.data(), n);
    CHECK(error(z, [&](int64_t i) { return double{x[i]} * y[i]; }) <= tolerance<T>());
    table.scale(a, x.data(), z.data(), n);
    CHECK(error(z, [&](int64_t i) { return a * x[i]; }) <= tolerance<T>());
    z = y;
    table.axpy(a, x.data(), z.data(), n);
    CHECK(error(z, [&](int64_t i) { return a * x[i] + y[i]; }) <= tolerance<T>());
    z = x;
    table.relu(z.data(), z.data(), n);  // in place
    CHECK(error(z, [&](int64_t i) { return std::max<double>(x[i], 0); }) == 0);
    table.relu_backward(T{2}, x.data(), y.data(), z.data(), n);
    CHECK(error(z, [&](int64_t i) { return x[i] > 0 ? 2 * double{y[i]} : 0; }) == 0);
  });
}

TEMPLATE_TEST_CASE("exp is within two units in the last place", "[simd]", float, double) {
  using T = TestType;
  const double low = sizeof(T) == 4 ? -87 : -708, high = sizeof(T) == 4 ? 88.7 : 709.7;
  on_every_set<T>([&](const tensor::Simd<T>& table) {
    const int64_t n = 20001;
    std::vector<T> x(n), y(n);
    for (int64_t i = 0; i < n; ++i) x[i] = static_cast<T>(i % 2 ? low + (high - low) * i / n : -2 + 4.0 * i / n);
    table.exp(x.data(), y.data(), n);
    double worst = 0;
    for (int64_t i = 0; i < n; ++i) {
      const long double exact = std::exp(static_cast<long double>(x[i]));
      worst = tests::larger(worst, static_cast<double>(std::abs((y[i] - exact) / exact)));
    }
    CHECK(worst <= (sizeof(T) == 4 ? 2 * 1.2e-7 : 2 * 2.3e-16));
  });
}

TEMPLATE_TEST_CASE("exp at the ends of its range", "[simd]", float, double) {
  using T = TestType;
  const T infinity = std::numeric_limits<T>::infinity();
  on_every_set<T>([&](const tensor::Simd<T>& table) {
    std::vector<T> x = {0, -infinity, -10000, infinity, 10000, static_cast<T>(NAN), std::numeric_limits<T>::lowest(),
                        std::numeric_limits<T>::max(), sizeof(T) == 4 ? T(-100) : T(-740)};
    std::vector<T> y(x.size());
    table.exp(x.data(), y.data(), static_cast<int64_t>(x.size()));
    CHECK(y[0] == 1);
    CHECK(y[1] == 0);
    CHECK(y[2] == 0);
    CHECK(y[3] == infinity);
    CHECK(y[4] == infinity);
    CHECK(std::isnan(y[5]));
    CHECK(y[6] == 0);
    CHECK(y[7] == infinity);
    CHECK(y[8] > 0);  // a denormal
    CHECK(y[8] == Approx(std::exp(x[8])).epsilon(0.05));
  });
}

TEMPLATE_TEST_CASE("softmax and exp_sum", "[simd]", float, double) {
  using T = TestType;
  for_sizes<T>([](const tensor::Simd<T>& table, int64_t n) {
    const Row<T> x(n, 1, -9, 9);
    Row<T> y(n, 2), z = x;
    double total = 0;
    for (int64_t i = 0; i < n; ++i) total += std::exp(double{x[i]} - 9);
    const double sum = table.exp_sum(x.data(), T{9}, y.data(), n);
    CHECK(std::abs(sum - total) <= 4 * tolerance<T>() * (1 + total));
    CHECK(error(y, [&](int64_t i) { return std::exp(double{x[i]} - 9); }) <= 2 * tolerance<T>());
    const double lse = table.softmax(z.data(), z.data(), n);  // in place
    CHECK(error(z, [&](int64_t i) { return std::exp(double{x[i]} - 9) / total; }) <= 2 * tolerance<T>());
    if (n == 0) return;
    CHECK(lse == Approx(9 + std::log(total)).epsilon(4 * tolerance<T>()));
    CHECK(table.log_sum_exp(x.data(), n) == Approx(lse).epsilon(4 * tolerance<T>()));
  });
}

TEMPLATE_TEST_CASE("softmax of large, masked and broken rows", "[simd]", float, double) {
  using T = TestType;
  const T infinity = std::numeric_limits<T>::infinity();
  on_every_set<T>([&](const tensor::Simd<T>& table) {
    std::vector<T> x = {30000, 29999, -infinity}, y(3);
    CHECK(table.softmax(x.data(), y.data(), 3) == Approx(30000.31326169));
    CHECK(y[0] == Approx(0.731058579));
    CHECK(y[2] == 0);
    x = {-infinity, -infinity, -infinity};
    CHECK(table.softmax(x.data(), y.data(), 3) == -infinity);
    CHECK(y == std::vector<T>(3, T{0}));
    CHECK(table.log_sum_exp(x.data(), 3) == -infinity);
    CHECK(table.softmax(x.data(), y.data(), 0) == -infinity);
    x = {1, static_cast<T>(NAN), 2};
    CHECK(std::isnan(table.softmax(x.data(), y.data(), 3)));
    CHECK(std::isnan(y[0]));
    CHECK(std::isnan(table.log_sum_exp(x.data(), 3)));
  });
}

TEMPLATE_TEST_CASE("layer norm and its gradient", "[simd]", float, double) {
  using T = TestType;
  for_sizes<T>([](const tensor::Simd<T>& table, int64_t n) {
    if (n == 0) return;
    const Row<T> x(n, 1, 1, 5), gamma(n, 2), beta(n, 3), dy(n, 4), before(n, 5);
    Row<T> y(n, 6), dx(n, 7), dgamma = before, dbeta = before;
    double average = 0, variance = 0;
    for (int64_t i = 0; i < n; ++i) average += x[i] / double(n);
    for (int64_t i = 0; i < n; ++i) variance += (x[i] - average) * (x[i] - average) / n;
    const double scale = 1 / std::sqrt(variance + 1e-3);
    const auto normal = [&](int64_t i) { return (x[i] - average) * scale; };
    T mean, rstd;
    table.layer_norm(x.data(), gamma.data(), beta.data(), T(1e-3), y.data(), &mean, &rstd, n);
    const double close = 200 * tolerance<T>();  // for one element the variance is all rounding
    CHECK(mean == Approx(average).epsilon(close));
    CHECK(rstd == Approx(scale).epsilon(close));
    CHECK(error(y, [&](int64_t i) { return normal(i) * gamma[i] + beta[i]; }) <= close);
    table.layer_norm_backward(x.data(), gamma.data(), dy.data(), mean, rstd, dx.data(), dgamma.data(), dbeta.data(), n);
    double a = 0, b = 0;
    for (int64_t i = 0; i < n; ++i) a += double{gamma[i]} * dy[i] / n, b += double{gamma[i]} * dy[i] * normal(i) / n;
    CHECK(error(dx, [&](int64_t i) { return scale * (double{gamma[i]} * dy[i] - a - normal(i) * b); }) <= close);
    CHECK(error(dgamma, [&](int64_t i) { return before[i] + dy[i] * normal(i); }) <= close);
    CHECK(error(dbeta, [&](int64_t i) { return double{before[i]} + dy[i]; }) <= close);
  });
}

TEMPLATE_TEST_CASE("rms norm and its gradient", "[simd]", float, double) {
  using T = TestType;
  for_sizes<T>([](const tensor::Simd<T>& table, int64_t n) {
    if (n == 0) return;
    const Row<T> x(n, 1), w(n, 2), dy(n, 4), before(n, 5);
    Row<T> y(n, 6), dx(n, 7), dw = before;
    double squares = 0, mean = 0;
    for (int64_t i = 0; i < n; ++i) squares += double{x[i]} * x[i] / n;
    const double scale = 1 / std::sqrt(squares + 1e-3);
    for (int64_t i = 0; i < n; ++i) mean += double{w[i]} * dy[i] * x[i] * scale / n;
    T rrms;
    table.rms_norm(x.data(), w.data(), T(1e-3), y.data(), &rrms, n);
    const double close = 20 * tolerance<T>();
    CHECK(rrms == Approx(scale).epsilon(close));
    CHECK(error(y, [&](int64_t i) { return x[i] * scale * w[i]; }) <= close);
    table.rms_norm_backward(x.data(), w.data(), dy.data(), rrms, dx.data(), dw.data(), n);
    CHECK(error(dx, [&](int64_t i) { return scale * (double{w[i]} * dy[i] - x[i] * scale * mean); }) <= close);
    CHECK(error(dw, [&](int64_t i) { return before[i] + dy[i] * x[i] * scale; }) <= close);
  });
}

TEMPLATE_TEST_CASE("sums along diagonals", "[simd]", float, double) {
  using T = TestType;
  on_every_set<T>([](const tensor::Simd<T>& table) {
    for (int64_t n : {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 81}) {
      INFO("n " << n);
      const Row<T> x(n * n, 1), before(2 * n + 2, 2);
      Row<T> y = before;
      table.add_diagonals(x.data(), n, y.data());
      CHECK(error(y, [&](int64_t k) {
              double sum = before[k];
              for (int64_t i = 0; i < n; ++i) {
                const int64_t j = i + k - (n + 1);
                if (j >= 0 && j < n) sum += x[i * n + j];
              }
              return sum;
            }) <= 100 * tolerance<T>());
    }
  });
}

TEMPLATE_TEST_CASE("adam and sgd", "[simd]", float, double) {
  using T = TestType;
  for_sizes<T>([](const tensor::Simd<T>& table, int64_t n) {
    const tensor::AdamStep<T> s{T(0.01), T(0.9), T(0.99), T(1e-6), T(5), T(50), T(0.1), T(0.2), T(0.5)};
    const Row<T> w0(n, 1), g0(n, 2), m0(n, 3), v0(n, 4, 0, 1);
    Row<T> w = w0, m = m0, v = v0;
    table.adam(s, w.data(), g0.data(), m.data(), v.data(), n);
    const auto gradient = [&](int64_t i) { return 0.5 * g0[i] + 0.1 * w0[i]; };
    const auto first = [&](int64_t i) { return 0.9 * m0[i] + 0.1 * gradient(i); };
    const auto second = [&](int64_t i) { return 0.99 * v0[i] + 0.01 * gradient(i) * gradient(i); };
    const double close = 10 * (sizeof(T) == 4 ? 1e-6 : 1e-14);
    CHECK(error(m, first) <= close);
    CHECK(error(v, second) <= close);
    CHECK(error(w, [&](int64_t i) {
            return w0[i] - 0.01 * (0.2 * w0[i] + 5 * first(i) / (std::sqrt(50 * second(i)) + 1e-6));
          }) <= close);
    w = w0, v = v0;
    table.sgd(T(0.1), T(0.9), T(0.01), T(0.5), w.data(), g0.data(), v.data(), n);
    const auto velocity = [&](int64_t i) { return 0.9 * v0[i] + 0.5 * g0[i] + 0.01 * w0[i]; };
    CHECK(error(v, velocity) <= close);
    CHECK(error(w, [&](int64_t i) { return w0[i] - 0.1 * velocity(i); }) <= close);
  });
}

TEMPLATE_TEST_CASE("gather_sum", "[simd]", float, double) {
  using T = TestType;
  for_sizes<T>([](const tensor::Simd<T>& table, int64_t columns) {
    const int64_t rows = 30;
    const Row<T> x(rows * columns, 1), weight(20, 2);
    tensor::Generator random(3, "edges");
    std::vector<int32_t> index(20);
    for (int32_t& i : index) i = static_cast<int32_t>(random.below(rows));
    index[4] = index[3];
    for (int64_t count : {0, 1, 3, 20}) {
      for (bool weighted : {false, true}) {
        Row<T> y(columns, 4);
        table.gather_sum(index.data(), weighted ? weight.data() : nullptr, count, x.data(), columns, y.data());
        CHECK(error(y, [&](int64_t j) {
                double sum = 0;
                for (int64_t e = 0; e < count; ++e) sum += (weighted ? double{weight[e]} : 1) * x[index[e] * columns + j];
                return sum;
              }) <= 20 * tolerance<T>());
      }
    }
  });
}

TEMPLATE_TEST_CASE("dropout keeps what the words of philox say", "[simd][random]", float, double) {
  using T = TestType;
  const tensor::PhiloxKey key = tensor::Random(5, "dropout", 9).key();
  for_sizes<T>([&](const tensor::Simd<T>& table, int64_t n) {
    for (uint64_t first : {uint64_t{0}, uint64_t{8}, uint64_t{800}, (uint64_t{1} << 35) - 16}) {  // across 2^32 blocks
      for (uint32_t threshold : {0u, 6554u, 40000u, 65536u}) {
        const Row<T> x(n, 1);
        Row<T> y(n, 2);
        table.dropout(key, first, threshold, T{2}, x.data(), y.data(), n);
        CHECK(error(y, [&](int64_t i) {
                const uint64_t at = first + static_cast<uint64_t>(i);
                const uint32_t word = tensor::philox(key, at / 8)[at % 8 / 2] >> (at % 2 * 16) & 0xffff;
                return word >= threshold ? 2.0 * x[i] : 0.0;
              }) == 0);
      }
    }
  });
}

TEST_CASE("the words of dropout are those of philox", "[simd][random]") {
  const tensor::PhiloxKey key = tensor::Random(5, "dropout", 9).key();
  for_sizes<float>([&](const tensor::Simd<float>& table, int64_t n) {
    std::vector<uint16_t> words(n + 64);
    table.dropout_words(key, 800, words.data(), n);
    for (int64_t i = 0; i < n; ++i) {
      const uint64_t at = 800 + static_cast<uint64_t>(i);
      if (words[i] != (tensor::philox(key, at / 8)[at % 8 / 2] >> (at % 2 * 16) & 0xffff)) FAIL("word " << i);
    }
  });
}

TEST_CASE("dropout keeps the share that was asked for", "[simd][random]") {
  const int64_t n = 1 << 18;
  std::vector<float> x(n, 1.0f), y(n);
  for (double p : {0.1, 0.5, 0.9}) {
    const auto threshold = static_cast<uint32_t>(65536 * p + 0.5);
    tensor::simd<float>().dropout(tensor::Random(1, "share").key(), 0, threshold, 1.0f, x.data(), y.data(), n);
    const double kept = tensor::simd<double>().sum(std::vector<double>(y.begin(), y.end()).data(), n) / n;
    CHECK(kept == Approx(1 - p).margin(5 * std::sqrt(p * (1 - p) / n)));
  }
}

TEST_CASE("the instruction set can be chosen by name", "[simd]") {
  for (tensor::Isa set : {tensor::Isa::generic, tensor::Isa::avx2, tensor::Isa::avx512}) {
    if (!tensor::has_isa(set)) {
      const std::string error = tests::error_of([&] { tensor::set_isa(tensor::name_of(set)); });
      CHECK(error.find("this processor has no") != std::string::npos);
      continue;
    }
    tensor::set_isa(tensor::name_of(set));
    CHECK(tensor::isa() == set);
    CHECK(&tensor::simd<float>() == &tensor::simd_of<float>(set));
  }
  tensor::set_isa("auto");
  CHECK(tests::error_of([] { tensor::set_isa("sse9"); }) ==
        "isa: unknown instruction set 'sse9'; use auto, generic, avx2, avx512 or amx");
}

TEMPLATE_TEST_CASE("attention of one row over keys that stand anywhere", "[simd]", float, double) {
  using T = TestType;
  const auto [heads, width] = GENERATE(table<int64_t, int64_t>({{1, 1}, {3, 5}, {2, 16}, {2, 20}, {1, 64}, {19, 4}}));
  const int64_t count = GENERATE(1, 2, 5, 16, 17, 40, 130), columns = heads * width;
  const Row<T> q(columns, 1, -1, 1), memory(count * 2 * columns, 2, -1, 1), bias(heads * count, 3);
  std::vector<const T*> keys;
  for (int64_t j = 0; j < count; ++j) keys.push_back(memory.data() + (j * 7 + 3) % count * 2 * columns);
  on_every_set<T>([&](const tensor::Simd<T>& table) {
    for (const bool biased : {false, true}) {
      Row<T> p(16 * count, 4), out(columns, 5);
      table.attend_row(heads, width, count, q.data(), keys.data(), T{0.5}, biased ? bias.data() : nullptr, p.data(), out.data());
      CHECK(p.guarded());
      CHECK(error(out, [&](int64_t i) {
              const int64_t h = i / width;
              double total = 0, sum = 0;
              for (int64_t j = 0; j < count; ++j) {
                double score = biased ? double{bias[j * heads + h]} : 0;
                for (int64_t c = h * width; c < (h + 1) * width; ++c) score += double{q[c]} * keys[j][c];
                total += std::exp(0.5 * score);
                sum += std::exp(0.5 * score) * keys[j][columns + i];
              }
              return sum / total;
            }) <= 8 * tolerance<T>());
    }
  });
}

TEMPLATE_TEST_CASE("softmax of attention, of any number of rows, and its gradient", "[simd]", float, double) {
  using T = TestType;
  const auto [queries, keys, causal] = GENERATE(table<int64_t, int64_t, bool>(
      {{1, 1, false}, {9, 3, false}, {7, 20, false}, {5, 33, false}, {4, 81, false}, {3, 100, false}, {6, 6, true}, {21, 21, true},
       {3, 0, false}}));
  const bool dropped = GENERATE(false, true);
  const int64_t n = queries * keys;
  const auto sees = [&, keys = keys, causal = causal](int64_t e) { return !causal || e % keys <= e / keys; };
  const Row<T> scores(n, 1), given(n, 2), bias(n, 3);
  std::vector<uint16_t> words(n + 32);
  for (int64_t e = 0; e < n; ++e) words[e] = static_cast<uint16_t>(e * 40503);
  constexpr uint32_t kThreshold = 20000;
  const double keep_scale = dropped ? 1.25 : 1;
  const auto kept = [&](int64_t e) { return sees(e) && (!dropped || words[e] >= kThreshold); };
  std::vector<double> p(n), gradient(n);
  for (int64_t i = 0; i < queries && keys > 0; ++i) {
    double total = 0, mean = 0;
    for (int64_t e = i * keys; e < (i + 1) * keys; ++e) total += p[e] = sees(e) ? std::exp(0.5 * (double{scores[e]} + bias[e])) : 0;
    for (int64_t e = i * keys; e < (i + 1) * keys; ++e) {
      p[e] /= total, gradient[e] = kept(e) ? given[e] * keep_scale : 0;
      mean += p[e] * gradient[e];
    }
    for (int64_t e = i * keys; e < (i + 1) * keys; ++e) gradient[e] = 0.5 * p[e] * (gradient[e] - mean);
  }
  on_every_set<T>([&, queries = queries, keys = keys, causal = causal](const tensor::Simd<T>& table) {
    Row<T> y(n, 4), db(n, 5), keeps(n, 6);
    for (int64_t e = 0; e < n; ++e) y[e] = sees(e) ? scores[e] : static_cast<T>(NAN), db[e] = sees(e) ? given[e] : static_cast<T>(NAN);
    tensor::AttentionHead<T> head{.queries = queries, .keys = keys, .width = 1, .q = {}, .k = {}, .v = {}, .scale = T{0.5},
                                  .causal = causal, .bias = {bias.data(), keys}};
    if (dropped) head.dropout = {keeps.data(), static_cast<T>(keep_scale), words.data(), kThreshold};
    table.attention_softmax(head, y.data());
    CHECK(error(y, [&](int64_t e) { return kept(e) ? p[e] : -p[e]; }) <= 4 * tolerance<T>());
    const auto expected = [&](int64_t e) { return kept(e) ? p[e] * keep_scale : 0; };
    if (dropped) CHECK(error(keeps, expected) <= 4 * tolerance<T>());
    std::fill_n(keeps.data(), n, T{9});
    table.attention_softmax_backward(head, y.data(), db.data());
    CHECK(error(db, [&](int64_t e) { return gradient[e]; }) <= 8 * tolerance<T>());
    if (dropped) CHECK(error(keeps, expected) <= 4 * tolerance<T>());
  });
}
