// Files that tools read, and who opens them.
#include "compiler/object/process_file.hpp"

#include <new>
#include <thread>

#include <unistd.h>

namespace sluice::object {
namespace {

// Below the process's number: the descriptor above these, or one of them.
enum : std::uint32_t { kNothing, kOpening, kFailed, kOpen };

constexpr std::uint64_t state_of(pid_t process, std::uint32_t what) {
  return std::uint64_t{static_cast<std::uint32_t>(process)} << 32 | what;
}

}  // namespace

int ProcessFile::descriptor() {
  const pid_t self = getpid();
  std::uint64_t seen = state_.load(std::memory_order_acquire);
  while (true) {
    const auto what = static_cast<std::uint32_t>(seen);
    const bool own = seen == state_of(self, what);
    if (own && what >= kOpen) return static_cast<int>(what - kOpen);
    if (own && what == kFailed) return -1;
    if (own && what == kOpening) {
      std::this_thread::yield();
      seen = state_.load(std::memory_order_acquire);
    } else if (state_.compare_exchange_weak(seen, state_of(self, kOpening),
                                            std::memory_order_acquire)) {
      // A parent's file stays the parent's.
      if (what >= kOpen) close(static_cast<int>(what - kOpen));
      const int file = opened(self);
      state_.store(state_of(self, file < 0 ? kFailed : kOpen + static_cast<std::uint32_t>(file)),
                   std::memory_order_release);
      return file;
    }
  }
}

// Others wait for what comes of this, so nothing may be thrown here.
int ProcessFile::opened(pid_t process) noexcept {
  try {
    return open_(process);
  } catch (const std::bad_alloc&) {
    return -1;
  }
}

void ProcessFile::append(std::span<const std::uint8_t> record) {
  const int file = descriptor();
  if (file < 0) return;
  // What is cut short, as by a full disk, can't be taken back.
  static_cast<void>(!write(file, record.data(), record.size()));
}

}  // namespace sluice::object
