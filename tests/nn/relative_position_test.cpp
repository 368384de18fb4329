#include "nn/relative_position.h"

#include "tests/catch.h"

TEST_CASE("distances fall into the golden buckets", "[nn][t5]") {
  const std::vector<std::pair<int, int>> encoder = {
      {-200, 15}, {-127, 15}, {-64, 14}, {-40, 12}, {-20, 10}, {-16, 10}, {-15, 9}, {-11, 8},  {-8, 8},   {-7, 7},
      {-1, 1},    {0, 0},     {1, 17},   {7, 23},   {8, 24},   {11, 24},  {16, 26}, {40, 28}, {64, 30}, {127, 31}};
  for (const auto& [distance, bucket] : encoder) {
    INFO(distance);
    CHECK(nn::bidirectional_bucket(distance) == bucket);
  }
  const std::vector<std::pair<int, int>> decoder = {{0, 0},    {-1, 1},   {-15, 15}, {-16, 16},  {-17, 16},  {-20, 17},
                                                    {-30, 20}, {-64, 26}, {-100, 30}, {-127, 31}, {-300, 31}, {3, 0}};
  for (const auto& [distance, bucket] : decoder) {
    INFO(distance);
    CHECK(nn::causal_bucket(distance) == bucket);
  }
}

TEST_CASE("the bias knows the bucket of every distance", "[nn][t5]") {
  for (const bool causal : {false, true}) {
    nn::Parameters parameters;
    const nn::RelativePosition position(parameters, "p", 3, causal, 1);
    CHECK(parameters.find("p.table")->var.shape() == tensor::Shape{32, 3});
    CHECK_FALSE(parameters.find("p.table")->options.decay);
    const tensor::Tensor buckets = position.bias().buckets;
    const int64_t reach = buckets.size() / 2;
    for (int64_t d = -300; d <= 300; ++d) {
      const int32_t known = buckets.data<int32_t>()[reach + std::clamp(d, -reach, reach)];
      CHECK(known == (causal ? nn::causal_bucket(d) : nn::bidirectional_bucket(d)));
    }
  }
}
