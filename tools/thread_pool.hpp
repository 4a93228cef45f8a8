// Threads for `--threads`: a pool that calls hand their tasks to.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <sluice/parallel.hpp>

namespace sluice::tools {

// Of `threads` threads, the one that hands on tasks among them. One call at a time.
class ThreadPool {
 public:
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Refers to the pool.
  [[nodiscard]] Parallel parallel();

 private:
  void for_each(std::size_t count, TaskRef task);
  void work();
  void run_tasks(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable start_, done_;
  std::optional<TaskRef> task_;  // what is to be done, and how much of it
  std::size_t next_ = 0, count_ = 0, unfinished_ = 0;
  bool closing_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace sluice::tools
