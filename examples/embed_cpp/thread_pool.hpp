// The engine's threads. Kernels run on them by Parallel::for_each; the library starts none.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include <sluice/parallel.hpp>

class ThreadPool {
 public:
  // The calling thread works too, so `threads` - 1 are started.
  explicit ThreadPool(std::size_t threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  // Runs task(i) for every i below `count`, and returns when all are done.
  void for_each(std::size_t count, sluice::TaskRef task);

  // What a kernel's call takes.
  [[nodiscard]] sluice::Parallel lend();

 private:
  void work();
  void run_tasks();

  std::mutex lock_;
  std::condition_variable begun_, ended_;
  std::size_t round_ = 0;  // of for_each
  std::size_t busy_ = 0;   // threads that have not ended this round
  bool stop_ = false;

  const sluice::TaskRef* task_ = nullptr;
  std::size_t count_ = 0;
  std::atomic<std::size_t> next_{0};
  std::vector<std::thread> threads_;
};
