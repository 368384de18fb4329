// The inference-time experiment: MMGRec's constrained beam search against an exhaustive inner-product scan that keeps the
// best k, as the number of items grows. Weights, vectors and histories are random: only time is measured.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "genrec/html.h"

namespace genrec {

struct InferenceBenchOptions {
  int64_t items_max = 1000000;
  int users = 200;   // timed one at a time
  int batch = 256;   // users ranked together
  int rounds = 5;    // the two methods take turns; each round has users / rounds single users and one batch
  int history = 20;  // items that the encoder reads
  int k = 10;        // list length and beam width
  uint64_t seed = 1;
};

struct Timing {  // milliseconds for one user
  double median = 0, mean = 0, p95 = 0;
};

struct InferenceBenchRow {
  int64_t items = 0;
  int codes = 0;         // in each of the three semantic levels
  int largest_group = 0; // items with the same semantic codes
  int vocabulary = 0;
  Timing scan_single, beam_single;  // one user at a time
  Timing scan_batch, beam_batch;    // of a batch
};

// The numbers of items: the paper's five, 1/16 to 1 of Kwai, then 2, 5, 10 .. x 10^5, and items_max as the last one.
std::vector<int64_t> bench_item_counts(int64_t items_max);

// Codes per semantic level: 128, doubled until the three levels have at least as many tuples as there are items, so that few
// items share one.
int bench_codes(int64_t items);

// Vectors are 64 wide. Memory: about 800 bytes per item of the largest count.
std::vector<InferenceBenchRow> bench_inference(const InferenceBenchOptions& options);

// Where the rising curve goes above the other for good, on straight lines in log-log scale; x[0] where it lies above
// everywhere, nothing where it ends below. x ascending, all values positive.
std::optional<double> crossing_point(std::span<const double> x, std::span<const double> rising,
                                     std::span<const double> other);

struct InferenceCrossings {
  std::optional<double> single, batch;  // items
};
InferenceCrossings inference_crossings(std::span<const InferenceBenchRow> rows);

std::vector<std::vector<std::string>> inference_table(std::span<const InferenceBenchRow> rows);  // the header first
std::string inference_chart(std::span<const InferenceBenchRow> rows);                            // SVG, of the medians

}  // namespace genrec
