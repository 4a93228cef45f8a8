#include "tools/thread_pool.hpp"

namespace sluice::tools {

ThreadPool::ThreadPool(std::size_t threads) {
  for (std::size_t i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  start_.notify_all();
  for (std::thread& each : workers_) each.join();
}

Parallel ThreadPool::parallel() {
  return {workers_.size() + 1, [this](std::size_t count, TaskRef task) { for_each(count, task); }};
}

void ThreadPool::for_each(std::size_t count, TaskRef task) {
  std::unique_lock lock(mutex_);
  task_ = task;
  next_ = 0;
  count_ = unfinished_ = count;
  start_.notify_all();
  run_tasks(lock);
  done_.wait(lock, [this] { return unfinished_ == 0; });
  task_.reset();
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    start_.wait(lock, [this] { return closing_ || (task_ && next_ < count_); });
    if (closing_) return;
    run_tasks(lock);
  }
}

// As many as are left to begin.
void ThreadPool::run_tasks(std::unique_lock<std::mutex>& lock) {
  while (next_ < count_) {
    const std::size_t index = next_++;
    const TaskRef task = *task_;
    lock.unlock();
    task(index);
    lock.lock();
    if (--unfinished_ == 0) done_.notify_one();
  }
}

}  // namespace sluice::tools
