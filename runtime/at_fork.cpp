#include "runtime/at_fork.hpp"

#include <mutex>
#include <utility>

#include <pthread.h>

namespace sluice {
namespace {

// The process's: a fork is, too. Both may be used before and after other statics.
constinit std::mutex lock;
constinit AtFork* first = nullptr;

}  // namespace

bool AtFork::registered() {
  return ::pthread_atfork(
             hold_all, [] { release_all(false); }, [] { release_all(true); }) == 0;
}

// Where there is no memory to be told of forks, a child is on its own, as with any other library.
AtFork::AtFork(std::function<void()> hold, std::function<void(bool)> release)
    : hold_(std::move(hold)), release_(std::move(release)) {
  [[maybe_unused]] static const bool told = registered();
  const std::lock_guard guard(lock);
  after_ = first;
  if (first != nullptr) first->before_ = this;
  first = this;
}

AtFork::~AtFork() {
  const std::lock_guard guard(lock);
  (before_ == nullptr ? first : before_->after_) = after_;
  if (after_ != nullptr) after_->before_ = before_;
}

void AtFork::hold_all() {
  lock.lock();
  for (const AtFork* each = first; each != nullptr; each = each->after_) each->hold_();
}

void AtFork::release_all(bool in_child) {
  for (const AtFork* each = first; each != nullptr; each = each->after_) each->release_(in_child);
  lock.unlock();
}

}  // namespace sluice
