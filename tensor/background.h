// One task beside the calling thread: what the next step needs, while this one computes. Not for arithmetic: see parallel.h.
#pragma once

#include <functional>
#include <memory>

namespace tensor {

class Background {
 public:
  Background();
  ~Background();  // waits
  Background& operator=(Background&&) noexcept;

  void start(std::function<void()> task);  // after the one before
  void wait();  // for the task, if there is one; passes its exception on

 private:
  struct Running;
  std::unique_ptr<Running> running_;
};

}  // namespace tensor
