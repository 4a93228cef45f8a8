// What has locks and must be at rest when the process forks, so that the child, which has one
// thread and no others' work, can go on with it.
#pragma once

#include <functional>

namespace sluice {

// Between construction and destruction, forks of the process wait for `hold`, and call `release` in
// both processes when they have happened; nothing else is held meanwhile in another order.
class AtFork {
 public:
  AtFork(std::function<void()> hold, std::function<void(bool in_child)> release);
  AtFork(const AtFork&) = delete;
  AtFork& operator=(const AtFork&) = delete;
  ~AtFork();

 private:
  static void hold_all();
  static void release_all(bool in_child);
  static bool registered();

  const std::function<void()> hold_;
  const std::function<void(bool)> release_;
  AtFork* before_ = nullptr;
  AtFork* after_ = nullptr;
};

}  // namespace sluice
