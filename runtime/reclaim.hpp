// Deferred reclamation: readers without locks, writers who never wait for them.
//
// A reader announces itself in one of a few counters, reads shared pointers, and leaves. A writer
// unlinks an object and retires it; the object is destroyed once no reader is left who may have
// seen it. Epochs order this: a reader counts itself for the epoch it came in, of which two are
// distinguished; the epoch advances when nobody is left from the one before. What was unlinked in
// epoch e has no readers in e + 2. (After K. Fraser, Practical lock-freedom, 2004, 5.2.3, with
// counters in place of a flag a thread, so that a thread has nothing to register.)
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sluice {

class ReclaimDomain {
 public:
  using Count = std::atomic<std::uint64_t>;

  // A count of visitors who have not left, in the low bits, and one of the user's own above them,
  // which a visitor may add to when it leaves: one atomic operation does both.
  static constexpr unsigned kVisitBits = 24;

  // Begins a reader's visit; it ends when 1 is taken from the count, with release order.
  [[nodiscard]] Count& enter() const;

  using Garbage = std::vector<std::shared_ptr<const void>>;

  // All under the writers' lock. `make_room` takes the memory for the next `retire`, before
  // anything is unlinked; `retire` takes what has been; `collect` gives what nobody reads any more,
  // to be destroyed when the lock is released.
  void make_room();
  void retire(std::shared_ptr<const void> unlinked) noexcept;
  [[nodiscard]] Garbage collect();

  // In a forked process, where visits of other threads never end. Of those that share the calling
  // one's count none is forgotten, and what they might see is kept.
  void forget_other_threads() noexcept;

  // What visitors added above the visits.
  [[nodiscard]] std::uint64_t added() const;

 private:
  static constexpr std::size_t kShards = 32;

  // Threads share one by chance only.
  struct alignas(128) Shard {
    std::array<Count, 2> visits{};  // by the parity of the epoch
  };

  struct Retired {
    std::uint64_t epoch;
    std::shared_ptr<const void> object;
  };

  [[nodiscard]] Shard& shard() const;
  [[nodiscard]] bool try_advance();

  mutable std::array<Shard, kShards> shards_{};
  std::atomic<std::uint64_t> epoch_{2};
  std::vector<Retired> retired_;  // the longest ago first
};

}  // namespace sluice
