// Calls on oneTBB's threads: kernel.call(tensors, {}, sluice::tbb_threads()).
//
// In CMake the target sluice::tbb. The threads are those of the task arena that the call is made
// in.
#pragma once

#include <cstddef>

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <sluice/parallel.hpp>

namespace sluice {

// As many as the arena has, if no number is given.
[[nodiscard]] inline Parallel tbb_threads(std::size_t threads = 0) {
  const auto number = static_cast<std::size_t>(tbb::this_task_arena::max_concurrency());
  return {threads != 0 ? threads : number, [](std::size_t count, TaskRef task) {
            tbb::parallel_for(
                std::size_t{0}, count, [task](std::size_t i) { task(i); },
                tbb::simple_partitioner{});
          }};
}

}  // namespace sluice
