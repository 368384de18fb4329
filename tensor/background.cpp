#include "tensor/background.h"

#include <future>

namespace tensor {

struct Background::Running {
  std::future<void> done;  // its destructor waits
};

Background::Background() = default;
Background::~Background() = default;
Background& Background::operator=(Background&&) noexcept = default;

void Background::start(std::function<void()> task) {
  wait();
  running_ = std::make_unique<Running>(std::async(std::launch::async, std::move(task)));
}

void Background::wait() {
  if (const auto finished = std::move(running_)) finished->done.get();
}

}  // namespace tensor
