#include "thread_pool.hpp"

ThreadPool::ThreadPool(std::size_t threads) {
  for (std::size_t i = 1; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(lock_);
    stop_ = true;
  }
  begun_.notify_all();
  for (std::thread& each : threads_) each.join();
}

void ThreadPool::run_tasks() {
  for (std::size_t i = next_++; i < count_; i = next_++) (*task_)(i);
}

void ThreadPool::for_each(std::size_t count, sluice::TaskRef task) {
  {
    const std::lock_guard lock(lock_);
    task_ = &task;
    count_ = count;
    next_ = 0;
    busy_ = threads_.size();
    ++round_;
  }
  begun_.notify_all();
  run_tasks();
  std::unique_lock lock(lock_);
  ended_.wait(lock, [this] { return busy_ == 0; });
}

void ThreadPool::work() {
  std::size_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(lock_);
      begun_.wait(lock, [&] { return stop_ || round_ != seen; });
      if (stop_) return;
      seen = round_;
    }
    run_tasks();
    const std::lock_guard lock(lock_);
    if (--busy_ == 0) ended_.notify_one();
  }
}

sluice::Parallel ThreadPool::lend() {
  return {threads_.size() + 1,
          [this](std::size_t count, sluice::TaskRef task) { for_each(count, task); }};
}
