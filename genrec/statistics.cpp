#include "genrec/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace genrec {

double mean(std::span<const double> x) {
  return x.empty() ? 0 : std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double deviation(std::span<const double> x) {
  if (x.size() < 2) return 0;
  const double m = mean(x);
  double squares = 0;
  for (double value : x) squares += (value - m) * (value - m);
  return std::sqrt(squares / static_cast<double>(x.size() - 1));
}

namespace {

// Lentz's method for the continued fraction of I_x(a, b); converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto guard = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / guard(1 - (a + b) * x / (a + 1)), fraction = d;
  for (int m = 1; m <= 1000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d), c = guard(1 + even / c), fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d), c = guard(1 + odd / c), fraction *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return fraction;
}

Test t_of(double difference, double standard_error, double freedom) {
  if (standard_error > 0) {
    const double t = difference / standard_error;
    return {t, student_p(t, freedom)};
  }
  if (difference == 0) return {0, 1};
  return {std::copysign(std::numeric_limits<double>::infinity(), difference), 0};
}

std::vector<double> differences(std::span<const double> a, std::span<const double> b) {
  tensor::check(a.size() == b.size(), "paired test of ", a.size(), " and ", b.size(), " values");
  std::vector<double> result(a.size());
  for (size_t i = 0; i < a.size(); ++i) result[i] = a[i] - b[i];
  return result;
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_p(double t, double freedom) { return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)); }

double normal_p(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

Test t_test(std::span<const double> x, double expected) {
  if (x.size() < 2) return {};
  const double n = static_cast<double>(x.size());
  return t_of(mean(x) - expected, deviation(x) / std::sqrt(n), n - 1);
}

Test paired_t_test(std::span<const double> a, std::span<const double> b) { return t_test(differences(a, b), 0); }

Test welch_t_test(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 2 || b.size() < 2) return {};
  const double na = static_cast<double>(a.size()), nb = static_cast<double>(b.size());
  const double va = deviation(a) * deviation(a) / na, vb = deviation(b) * deviation(b) / nb;
  const double freedom = va + vb > 0 ? (va + vb) * (va + vb) / (va * va / (na - 1) + vb * vb / (nb - 1)) : 1;
  return t_of(mean(a) - mean(b), std::sqrt(va + vb), freedom);
}

Test wilcoxon_test(std::span<const double> a, std::span<const double> b) {
  std::vector<double> d = differences(a, b);
  std::erase(d, 0.0);
  if (d.size() < 2) return {};
  std::sort(d.begin(), d.end(), [](double x, double y) { return std::abs(x) < std::abs(y); });
  const double n = static_cast<double>(d.size());
  double positive = 0, ties = 0;
  for (size_t begin = 0, end; begin < d.size(); begin = end) {
    for (end = begin + 1; end < d.size() && std::abs(d[end]) == std::abs(d[begin]);) ++end;
    const double rank = 0.5 * static_cast<double>(begin + 1 + end), equal = static_cast<double>(end - begin);
    ties += equal * equal * equal - equal;
    positive +=
        rank * static_cast<double>(std::count_if(d.begin() + begin, d.begin() + end, [](double x) { return x > 0; }));
  }
  const double variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
  const double z = (positive - n * (n + 1) / 4) / std::sqrt(variance);
  return {z, normal_p(z)};
}

Interval bootstrap_mean(std::span<const double> x, double confidence, int resamples, uint64_t seed) {
  tensor::check(confidence > 0 && confidence < 1 && resamples >= 1, "bootstrap: confidence ", confidence, ", ", resamples,
                " resamples");
  if (x.empty()) return {};
  const tensor::Random random(seed, "statistics.bootstrap");
  const uint64_t n = x.size();
  std::vector<double> means(resamples);
  tensor::parallel_for(resamples, 8, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      double sum = 0;
      for (uint64_t i = 0; i < n; ++i) sum += x[random.below(r * n + i, n)];
      means[r] = sum / static_cast<double>(n);
    }
  });
  std::sort(means.begin(), means.end());
  const auto quantile = [&](double q) {
    const double position = q * (resamples - 1);
    const size_t below = static_cast<size_t>(position), above = std::min<size_t>(below + 1, resamples - 1);
    return means[below] + (position - static_cast<double>(below)) * (means[above] - means[below]);
  };
  return {quantile((1 - confidence) / 2), quantile((1 + confidence) / 2)};
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t j) { return p[i] < p[j]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, static_cast<double>(p.size() - i) * p[order[i]]);
    adjusted[order[i]] = std::min(1.0, largest);
  }
  return adjusted;
}

}  // namespace genrec
