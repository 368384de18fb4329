// What comparing runs needs: moments, paired and unpaired tests, bootstrap intervals, correction for many tests. All
// p-values are two-sided.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace genrec {

double mean(std::span<const double> x);       // 0 when empty
double deviation(std::span<const double> x);  // sample standard deviation (n - 1); 0 for fewer than two values

// Regularised incomplete beta function I_x(a, b), by its continued fraction.
double incomplete_beta(double a, double b, double x);
double student_p(double t, double freedom);  // P(|T| >= |t|)
double normal_p(double z);                   // P(|Z| >= |z|)

struct Test {
  double statistic = 0;
  double p = 1;  // 1 also where there are too few values to say anything
};

Test t_test(std::span<const double> x, double expected);                   // one sample: is the mean of x `expected`?
Test paired_t_test(std::span<const double> a, std::span<const double> b);  // statistic > 0: a is larger
Test welch_t_test(std::span<const double> a, std::span<const double> b);   // two samples of unequal variance
// Signed ranks of a - b: zero differences dropped, tied ranks averaged, normal approximation with tie correction and without
// continuity correction. The statistic is z; > 0: a is larger.
Test wilcoxon_test(std::span<const double> a, std::span<const double> b);

struct Interval {
  double low = 0, high = 0;
};
// Percentile interval of the mean over resamples with replacement.
Interval bootstrap_mean(std::span<const double> x, double confidence, int resamples, uint64_t seed);

std::vector<double> holm(std::span<const double> p);  // adjusted p-values, in the given order

}  // namespace genrec
