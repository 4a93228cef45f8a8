#include "runtime/reclaim.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace sluice {
namespace {

constexpr std::uint64_t kVisitMask = (std::uint64_t{1} << ReclaimDomain::kVisitBits) - 1;

}  // namespace

// A thread's own variables lie where no other thread's do, which spares a registry of threads.
ReclaimDomain::Shard& ReclaimDomain::shard() const {
  static thread_local const char kHere = 0;
  const auto address = static_cast<std::uint64_t>(std::bit_cast<std::uintptr_t>(&kHere));
  // Stacks and thread-local blocks are whole pages apart.
  return shards_[((address >> 12) * 0x9e3779b97f4a7c15u >> 32) % kShards];
}

// The second look at the epoch makes the announcement certain: whoever advances the epoch later
// sees it, since all four accesses are sequentially consistent.
ReclaimDomain::Count& ReclaimDomain::enter() const {
  Shard& here = shard();
  for (;;) {
    const std::uint64_t epoch = epoch_.load(std::memory_order_seq_cst);
    Count& visits = here.visits[epoch & 1u];
    visits.fetch_add(1, std::memory_order_seq_cst);
    if (epoch_.load(std::memory_order_seq_cst) == epoch) return visits;
    visits.fetch_sub(1, std::memory_order_release);
  }
}

void ReclaimDomain::make_room() {
  if (retired_.size() == retired_.capacity()) retired_.reserve(retired_.size() * 2 + 8);
}

void ReclaimDomain::retire(std::shared_ptr<const void> unlinked) noexcept {
  retired_.push_back({epoch_.load(std::memory_order_relaxed), std::move(unlinked)});
}

// From epoch e to e + 1, when nobody is left from e - 1, whose counters e + 1 will use.
bool ReclaimDomain::try_advance() {
  const std::uint64_t epoch = epoch_.load(std::memory_order_relaxed);
  for (const Shard& each : shards_)
    if ((each.visits[(epoch + 1) & 1u].load(std::memory_order_seq_cst) & kVisitMask) != 0)
      return false;
  epoch_.store(epoch + 1, std::memory_order_seq_cst);
  return true;
}

ReclaimDomain::Garbage ReclaimDomain::collect() {
  const auto is_read = [this](const Retired& each) {
    return each.epoch + 2 > epoch_.load(std::memory_order_relaxed);
  };
  while (!retired_.empty() && is_read(retired_.back()))
    if (!try_advance()) break;
  const auto first_read = std::find_if(retired_.begin(), retired_.end(), is_read);
  Garbage garbage;
  garbage.reserve(static_cast<std::size_t>(first_read - retired_.begin()));
  for (auto each = retired_.begin(); each != first_read; ++each)
    garbage.push_back(std::move(each->object));
  retired_.erase(retired_.begin(), first_read);
  return garbage;
}

void ReclaimDomain::forget_other_threads() noexcept {
  const Shard& own = shard();
  for (Shard& each : shards_)
    if (&each != &own)
      for (Count& visits : each.visits) visits.fetch_and(~kVisitMask, std::memory_order_seq_cst);
}

std::uint64_t ReclaimDomain::added() const {
  std::uint64_t sum = 0;
  for (const Shard& each : shards_)
    for (const Count& visits : each.visits)
      sum += visits.load(std::memory_order_relaxed) >> kVisitBits;
  return sum;
}

}  // namespace sluice
