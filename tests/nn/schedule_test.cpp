// Learning-rate schedules against the golden values; early stopping.
#include "nn/schedule.h"

#include <cmath>

#include "nn/early_stopping.h"
#include "tests/catch.h"

using nn::Schedule;
using nn::ScheduleShape;

TEST_CASE("the cosine schedule reaches the golden values", "[nn][golden]") {
  const Schedule cosine{ScheduleShape::cosine, 172, 17200};
  const std::pair<int64_t, double> golden[] = {{0, 0},          {1, .005814},   {86, .5},     {172, 1},
                                               {1000, .994177}, {8686, .5},     {17199, 0},   {17200, 0}};
  for (auto [step, value] : golden) {
    INFO(step);
    CHECK(cosine.multiplier(step) == Approx(value).margin(6e-7).epsilon(0));
  }
  CHECK(cosine.multiplier(20000) == 0);
}

TEST_CASE("constant and linear schedules warm up too", "[nn]") {
  CHECK(Schedule{}.multiplier(0) == 1);
  CHECK(Schedule{}.multiplier(1000000) == 1);
  const Schedule constant{ScheduleShape::constant, 4};
  CHECK(constant.multiplier(0) == 0);
  CHECK(constant.multiplier(1) == 0.25);
  CHECK(constant.multiplier(4) == 1);
  CHECK(constant.multiplier(400) == 1);
  const Schedule linear{ScheduleShape::linear, 4, 14};
  CHECK(linear.multiplier(2) == 0.5);
  CHECK(linear.multiplier(4) == 1);
  CHECK(linear.multiplier(9) == 0.5);
  CHECK(linear.multiplier(14) == 0);
  CHECK(linear.multiplier(15) == 0);
  const Schedule all_warmup{ScheduleShape::cosine, 4, 4};
  CHECK(all_warmup.multiplier(4) == 1);
  CHECK(all_warmup.multiplier(5) == Approx(0).margin(1e-15));
}

TEST_CASE("schedules are known by name", "[nn]") {
  CHECK(nn::schedule_shape("cosine") == ScheduleShape::cosine);
  CHECK(nn::schedule_shape("linear") == ScheduleShape::linear);
  CHECK(nn::schedule_shape("constant") == ScheduleShape::constant);
  CHECK(tests::error_of([] { nn::schedule_shape("cos"); }) == "schedule: 'cos' is none; use constant, cosine or linear");
}

TEST_CASE("early stopping waits for its patience", "[nn]") {
  nn::EarlyStopping stopping(2);
  CHECK_FALSE(stopping.seen());
  CHECK(stopping.best_index() == -1);
  CHECK(stopping.update(0.1));
  CHECK(stopping.update(0.2));
  CHECK_FALSE(stopping.update(0.2));  // not higher
  CHECK_FALSE(stopping.should_stop());
  nn::EarlyStopping resumed(2);
  resumed.load_state(stopping.state());
  for (nn::EarlyStopping* s : {&stopping, &resumed}) {
    CHECK_FALSE(s->update(NAN));
    CHECK(s->should_stop());
    CHECK(s->best() == 0.2);
    CHECK(s->best_index() == 1);
    CHECK(s->waited() == 2);
    CHECK(s->update(0.3));
    CHECK_FALSE(s->should_stop());
    CHECK(s->best_index() == 4);
  }
}

TEST_CASE("early stopping with patience 0 never stops, and refuses foreign state", "[nn]") {
  nn::EarlyStopping stopping(0);
  for (int i = 0; i < 50; ++i) stopping.update(-i);
  CHECK_FALSE(stopping.should_stop());
  CHECK(stopping.best() == 0);
  CHECK(tests::error_of([&] { stopping.load_state(tensor::Tensor::zeros({3})); }) ==
        "early stopping: the saved state is f32 [3], expected f64 [4]; was the file edited?");
}
