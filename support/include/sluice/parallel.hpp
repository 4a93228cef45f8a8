// Threads that a caller lends to a call.
//
// The library starts no threads: a call hands its tasks to the caller's own pool. For OpenMP and
// oneTBB there are <sluice/openmp.hpp> and <sluice/tbb.hpp>; any other pool is a function:
//
//   sluice::Parallel parallel{pool.size(), [&](std::size_t count, sluice::TaskRef task) {
//                               pool.for_each(count, [task](std::size_t i) { task(i); });
//                             }};
#pragma once

#include <cstddef>
#include <functional>
#include <type_traits>

namespace sluice {

// What a thread is to do for each index. Cheap to copy; not to be kept beyond for_each().
class TaskRef {
 public:
  template <typename Task>
  requires(!std::is_same_v<std::remove_cvref_t<Task>, TaskRef>) TaskRef(const Task& task)
      : context_(&task), call_([](const void* context, std::size_t index) {
          (*static_cast<const Task*>(context))(index);
        }) {}
  void operator()(std::size_t index) const { call_(context_, index); }

 private:
  const void* context_;
  void (*call_)(const void* context, std::size_t index);
};

struct Parallel {
  // Tasks that may run at once: a call makes at most as many of its work. 1 is the serial call.
  std::size_t threads = 1;
  // Calls task(i) for every i below `count`, from any threads in any order, and returns when all
  // are done; called more than once in a call, one after the other.
  std::function<void(std::size_t count, TaskRef task)> for_each = {};

  [[nodiscard]] bool serial() const { return threads <= 1 || !for_each; }
};

}  // namespace sluice
