// k-means: k-means++ seeding (Arthur and Vassilvitskii 2007), Lloyd's iterations, restarts. Same bits for any thread count.
// Runs where the data lives; what a GPU leaves to the host is said in docs/cuda.md.
#pragma once

#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace quant {

using tensor::Tensor;

struct KMeansProgress {
  int restart, restarts, iteration, iterations;
  double inertia;
};

struct KMeansOptions {
  int64_t clusters = 0;
  int iterations = 100;     // at most
  int restarts = 1;         // the run of the lowest inertia is kept
  bool balanced = false;    // sizes of clusters differ by one at most, see balanced.h; labels are then not the nearest centers
  double tolerance = 1e-5;  // stop when an iteration lowers the inertia by less than this part of it
  uint64_t seed = 0;
  uint64_t step = 0;  // of the random stream "kmeans"; restart r uses step + r
  std::function<void(const KMeansProgress&)> progress = nullptr;  // after every iteration
};

struct KMeans {
  Tensor centers;                // f32 [clusters, d], where x lives
  Tensor labels;                 // i32 [n] on the CPU, of the nearest center
  double inertia = 0;            // sum of squared distances to the nearest center
  std::vector<double> history;   // inertia after the seeding and after each iteration; never rises but for rounding
};

// x is f32 [n, d], n >= 1. An empty cluster moves to the point farthest from its center. With fewer distinct points than
// clusters the surplus centers are points with a little noise, so that no two centers are equal.
KMeans kmeans(const Tensor& x, const KMeansOptions& options);

}  // namespace quant
