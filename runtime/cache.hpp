// The cache of kernels: found without a lock, compiled once however many ask, bounded in bytes.
//
// Readers walk a table of pointers within a visit to the ReclaimDomain. Writers hold one lock: they
// insert into the table or replace it, and retire what they unlink. Order of use is kept coarsely:
// a clock ticks with each insertion, and a hit stamps its entry with it unless it bears that stamp
// already, so that hits of many threads write nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include <sluice/kernel.hpp>
#include <sluice/runtime.hpp>

#include "runtime/kernel_state.hpp"
#include "runtime/reclaim.hpp"
#include "runtime/resolved_spec.hpp"

namespace sluice {

class Cache {
 public:
  explicit Cache(std::size_t bound_bytes);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  [[nodiscard]] ReclaimDomain& domain() { return domain_; }

  // Within a reader's visit; null where there is none. Neither hits nor misses are counted here.
  [[nodiscard]] const Kernel* find(const ResolvedSpec& spec) const;
  void count_miss() const { misses_.fetch_add(1, std::memory_order_relaxed); }

  // The kernel of a spec that was not found: made by `build`, by this thread or by another one that
  // is at it. The kernel is kept if it fits; an error is given to all who waited, and forgotten.
  using Build = std::function<Result<Kernel>(std::shared_ptr<const ResolvedSpec>)>;
  [[nodiscard]] Result<Kernel> make(const std::shared_ptr<const ResolvedSpec>& spec,
                                    const Build& build);

  [[nodiscard]] Counters counters() const;
  void clear();

  // Around a fork. In the child nothing is being compiled, and nobody else looks anything up.
  void hold() { lock_.lock(); }
  void release(bool in_child);

  [[nodiscard]] const LiveBytes& live_bytes() const { return live_bytes_; }

  // Retires something that only the runtime's readers see, e.g. a program that is replaced, by
  // `unlink`, which is called when nothing can fail any more.
  void retire(std::shared_ptr<const void> object, const std::function<void()>& unlink);

 private:
  struct Entry;
  struct Table;
  struct Flight;
  struct ByWords {
    std::size_t operator()(const std::shared_ptr<const ResolvedSpec>& spec) const;
    bool operator()(const std::shared_ptr<const ResolvedSpec>& a,
                    const std::shared_ptr<const ResolvedSpec>& b) const;
  };

  using ByStamp = std::multimap<std::uint64_t, std::shared_ptr<Entry>>;

  // All under the lock. Where memory can't be had they throw, and all is as it was.
  void insert(const Kernel& kernel, const std::shared_ptr<const ResolvedSpec>& spec);
  void evict_least_recent();
  void drop(ByStamp::iterator place);
  void unlink(const Entry& entry);
  void reserve_slot();

  const std::size_t bound_bytes_;
  const LiveBytes live_bytes_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  ReclaimDomain domain_;
  std::atomic<Table*> table_;
  std::atomic<std::uint64_t> clock_{1};
  mutable std::atomic<std::uint64_t> misses_{0};

  mutable std::mutex lock_;
  std::shared_ptr<Table> owned_table_;
  // Entries by the stamp they bore when last looked at, which is never later than the one they
  // bear.
  ByStamp by_stamp_;
  std::unordered_map<std::shared_ptr<const ResolvedSpec>, std::shared_ptr<Flight>, ByWords, ByWords>
      flights_;
  Counters counters_;  // but hits and misses, and those of the disk store
};

}  // namespace sluice
