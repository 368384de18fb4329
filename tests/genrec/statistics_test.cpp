// Tests and intervals against closed forms and table values.
#include "genrec/statistics.h"

#include <cmath>

#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/catch.h"

using namespace genrec;

TEST_CASE("moments", "[statistics]") {
  CHECK(mean(std::vector<double>{1, 2, 6}) == 3);
  CHECK(deviation(std::vector<double>{1, 2, 6}) == Approx(std::sqrt(7.0)));
  CHECK(mean({}) == 0);
  CHECK(deviation(std::vector<double>{4}) == 0);
}

TEST_CASE("incomplete beta has its closed forms", "[statistics]") {
  for (double x : {0.0, 0.01, 0.3, 0.5, 0.77, 0.999, 1.0}) {
    CHECK(incomplete_beta(1, 4, x) == Approx(1 - std::pow(1 - x, 4)).margin(1e-14));
    CHECK(incomplete_beta(3.5, 1, x) == Approx(std::pow(x, 3.5)).margin(1e-14));
    CHECK(incomplete_beta(0.5, 0.5, x) == Approx(2 / M_PI * std::asin(std::sqrt(x))).margin(1e-13));
    CHECK(incomplete_beta(2, 3, x) == Approx(x * x * (6 - 8 * x + 3 * x * x)).margin(1e-14));
  }
}

TEST_CASE("Student's t", "[statistics]") {
  CHECK(student_p(1, 1) == Approx(0.5));
  CHECK(student_p(3, 2) == Approx(1 - 3 / std::sqrt(11.0)));
  CHECK(student_p(2.228138852, 10) == Approx(0.05).epsilon(1e-8));   // table value
  CHECK(student_p(-2.750, 30) == Approx(0.01).epsilon(2e-3));        // table value, three digits
  CHECK(student_p(1.959963985, 1e8) == Approx(0.05).epsilon(1e-6));  // the normal limit
  CHECK(normal_p(1.959963985) == Approx(0.05).epsilon(1e-8));
  CHECK(student_p(0, 5) == Approx(1));
}

TEST_CASE("paired t-test", "[statistics]") {
  // Differences 1, 2, 3: mean 2, deviation 1, t = 2 sqrt 3, two degrees of freedom: p = 1 - t / sqrt(2 + t^2).
  const Test test = paired_t_test(std::vector<double>{2, 4, 6}, std::vector<double>{1, 2, 3});
  CHECK(test.statistic == Approx(2 * std::sqrt(3.0)));
  CHECK(test.p == Approx(1 - 2 * std::sqrt(3.0) / std::sqrt(14.0)));
  const std::vector<double> a = {1, 2, 3};
  CHECK(paired_t_test(a, a).p == 1);
  CHECK(paired_t_test(std::vector<double>{2, 3, 4}, a).p == 0);
  CHECK(paired_t_test(std::vector<double>{2}, std::vector<double>{1}).p == 1);
  CHECK(t_test(std::vector<double>{2, 4, 6}, 4).p == 1);
}

TEST_CASE("Welch's t-test", "[statistics]") {
  // Equal sizes and variances: the ordinary two-sample test. t = -1 / sqrt(2/3), four degrees of freedom.
  const Test test = welch_t_test(std::vector<double>{1, 2, 3}, std::vector<double>{2, 3, 4});
  CHECK(test.statistic == Approx(-1 / std::sqrt(2.0 / 3.0)));
  CHECK(test.p == Approx(student_p(1 / std::sqrt(2.0 / 3.0), 4)));
  CHECK(welch_t_test(std::vector<double>{1}, std::vector<double>{2, 3}).p == 1);
}

TEST_CASE("Wilcoxon signed ranks with ties and zeros", "[statistics]") {
  // Differences 0, 1, -1, 2, 3, 3: ranks 1.5+, 1.5-, 3+, 4.5+, 4.5+; W+ = 13.5, mean 7.5,
  // variance 55/4 - (6 + 6)/48 = 13.5.
  const std::vector<double> a = {0, 1, 0, 2, 3, 3}, b = {0, 0, 1, 0, 0, 0};
  const Test test = wilcoxon_test(a, b);
  CHECK(test.statistic == Approx(6 / std::sqrt(13.5)));
  CHECK(test.p == Approx(std::erfc(6 / std::sqrt(13.5) / std::sqrt(2.0))));
  CHECK(wilcoxon_test(b, a).statistic == Approx(-test.statistic));
  CHECK(wilcoxon_test(a, a).p == 1);
}

TEST_CASE("Holm's correction", "[statistics]") {
  const std::vector<double> adjusted = holm(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  CHECK(adjusted[3] == Approx(0.02));
  CHECK(adjusted[0] == Approx(0.03));
  CHECK(adjusted[2] == Approx(0.06));
  CHECK(adjusted[1] == Approx(0.06));  // monotone: not below the one before it
  CHECK(holm(std::vector<double>{0.7, 0.9}) == std::vector<double>{1, 1});
  CHECK(holm({}).empty());
}

TEST_CASE("bootstrap interval of the mean", "[statistics]") {
  const tensor::Random random(5, "test.bootstrap");
  std::vector<double> x(400);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 3 + random.normal(i);
  tensor::set_threads(1);
  const Interval interval = bootstrap_mean(x, 0.95, 1000, 42);
  tensor::set_threads(7);
  const Interval again = bootstrap_mean(x, 0.95, 1000, 42);
  tensor::set_threads(0);
  CHECK(interval.low == again.low);
  CHECK(interval.high == again.high);
  // The normal interval is mean +- 1.96 s / sqrt n; the bootstrap comes within a fifth of its half width.
  const double half = 1.96 * deviation(x) / 20;
  CHECK(std::abs(interval.low - (mean(x) - half)) < 0.2 * half);
  CHECK(std::abs(interval.high - (mean(x) + half)) < 0.2 * half);
  CHECK(bootstrap_mean(x, 0.95, 1000, 43).low != interval.low);
  const Interval constant = bootstrap_mean(std::vector<double>{2, 2, 2}, 0.9, 10, 1);
  CHECK(constant.low == 2);
  CHECK(constant.high == 2);
}
