// Calls on OpenMP's threads: kernel.call(tensors, {}, sluice::openmp_threads()).
//
// In CMake the target sluice::openmp. A process that forks after its first parallel region has no
// such region in the child where OpenMP is GCC's, whose threads do not come along.
#pragma once

#ifndef _OPENMP
#error "sluice/openmp.hpp needs OpenMP: link to sluice::openmp, or compile with -fopenmp"
#endif

#include <cstddef>

#include <omp.h>

#include <sluice/parallel.hpp>

namespace sluice {

// As many as OpenMP would take at this moment, if no number is given.
[[nodiscard]] inline Parallel openmp_threads(std::size_t threads = 0) {
  const int number = threads != 0 ? static_cast<int>(threads) : omp_get_max_threads();
  return {static_cast<std::size_t>(number), [number](std::size_t count, TaskRef task) {
#pragma omp parallel for num_threads(number) schedule(dynamic, 1)
            for (std::size_t i = 0; i < count; ++i) task(i);
          }};
}

}  // namespace sluice
