#include "runtime/cache.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice {

struct Cache::Entry {
  Entry(std::shared_ptr<const ResolvedSpec> key, Kernel made, std::size_t counted,
        std::uint64_t now)
      : spec(std::move(key)), kernel(std::move(made)), bytes(counted), stamp(now) {}

  std::shared_ptr<const ResolvedSpec> spec;
  Kernel kernel;
  std::size_t bytes;
  mutable std::atomic<std::uint64_t> stamp;
};

// Open addressing with linear probing. A slot goes from null to an entry to kRemoved and never
// back; a table that is half used is replaced.
struct Cache::Table {
  explicit Table(std::size_t capacity) : slots(capacity) {}
  std::vector<std::atomic<const Entry*>> slots;
  std::size_t used = 0;  // slots that are not null
};

// One compilation that several threads may wait for. They wait for a number and nothing that has to
// be told when they are gone: a forked process has none of them.
struct Cache::Flight {
  std::atomic<int> landed{0};
  std::optional<Result<Kernel>> result;  // from then on
};

namespace {

constexpr std::size_t kFirstCapacity = 64;

// Its address, which is no entry's, stands in removed slots.
const char kRemovedMark = 0;

bool same_key(const ResolvedSpec& a, const ResolvedSpec& b) {
  return &a == &b || (a.hash == b.hash && a.words == b.words);
}

// What waits for a compilation must hear of its end, and a lock be left: memory that could not be
// had becomes the error that it is. Its message is short enough to need none.
template <typename Body>
std::invoke_result_t<Body> without_throwing(Body&& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{Status::out_of_memory, "out of memory"};
  }
}

}  // namespace

std::size_t Cache::ByWords::operator()(const std::shared_ptr<const ResolvedSpec>& spec) const {
  return static_cast<std::size_t>(spec->hash);
}
bool Cache::ByWords::operator()(const std::shared_ptr<const ResolvedSpec>& a,
                                const std::shared_ptr<const ResolvedSpec>& b) const {
  return same_key(*a, *b);
}

Cache::Cache(std::size_t bound_bytes)
    : bound_bytes_(bound_bytes), owned_table_(std::make_shared<Table>(kFirstCapacity)) {
  table_.store(owned_table_.get(), std::memory_order_release);
}

Cache::~Cache() = default;

const Kernel* Cache::find(const ResolvedSpec& spec) const {
  const Table& table = *table_.load(std::memory_order_acquire);
  const std::size_t mask = table.slots.size() - 1;
  for (std::size_t i = spec.hash & mask;; i = (i + 1) & mask) {
    const Entry* entry = table.slots[i].load(std::memory_order_acquire);
    if (entry == nullptr) return nullptr;
    if (entry == reinterpret_cast<const Entry*>(&kRemovedMark) || !same_key(*entry->spec, spec))
      continue;
    const std::uint64_t now = clock_.load(std::memory_order_relaxed);
    if (entry->stamp.load(std::memory_order_relaxed) != now)
      entry->stamp.store(now, std::memory_order_relaxed);
    return &entry->kernel;
  }
}

Result<Kernel> Cache::make(const std::shared_ptr<const ResolvedSpec>& spec, const Build& build) {
  auto flight = std::make_shared<Flight>();
  bool first = false;
  {
    const std::lock_guard lock(lock_);
    // Within the lock nothing is unlinked, so that this is a visit as well.
    if (const Kernel* known = find(*spec)) return *known;
    const auto place = flights_.try_emplace(spec, flight).first;
    first = place->second == flight;
    flight = place->second;
  }
  if (!first) {
    flight->landed.wait(0, std::memory_order_acquire);
    return *flight->result;
  }
  const auto start = std::chrono::steady_clock::now();
  Result<Kernel> result = without_throwing([&] { return build(spec); });
  const auto elapsed = std::chrono::steady_clock::now() - start;

  ReclaimDomain::Garbage garbage;  // destroyed after the lock is released
  {
    const std::lock_guard lock(lock_);
    if (!result.ok() || KernelState::of(*result).compiled) {
      ++counters_.compiles;
      counters_.compile_nanoseconds += static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
    }
    if (!result.ok()) ++counters_.failures;
    if (result.ok() && KernelState::of(*result).lowered()) ++counters_.lowered;
    // A kernel that there is no memory to keep is returned all the same.
    (void)without_throwing([&]() -> Outcome {
      if (result.ok()) insert(*result, spec);
      garbage = domain_.collect();
      return Unit{};
    });
    flight->result = without_throwing([&] { return result; });
    flights_.erase(spec);
  }
  flight->landed.store(1, std::memory_order_release);
  flight->landed.notify_all();
  return result;
}

void Cache::insert(const Kernel& kernel, const std::shared_ptr<const ResolvedSpec>& spec) {
  const std::size_t bytes = kernel.bytes() + sizeof(Entry);
  if (bytes > bound_bytes_) return;
  while (counters_.bytes + bytes > bound_bytes_) evict_least_recent();
  reserve_slot();

  const std::uint64_t now = clock_.load(std::memory_order_relaxed);
  // Nothing is seen before all memory is had.
  const auto held = by_stamp_.emplace(now, std::make_shared<Entry>(spec, kernel, bytes, now));
  Table& table = *owned_table_;
  const std::size_t mask = table.slots.size() - 1;
  std::size_t i = spec->hash & mask;
  while (table.slots[i].load(std::memory_order_relaxed) != nullptr) i = (i + 1) & mask;
  table.slots[i].store(held->second.get(), std::memory_order_release);
  ++table.used;
  clock_.store(now + 1, std::memory_order_relaxed);
  counters_.bytes += bytes;
  ++counters_.entries;
}

// The entry with the least stamp is found by looking at those that had it: who was hit since goes
// back with its new one.
void Cache::evict_least_recent() {
  for (;;) {
    const auto oldest = by_stamp_.begin();
    const std::uint64_t stamp = oldest->second->stamp.load(std::memory_order_relaxed);
    if (stamp == oldest->first) {
      drop(oldest);
      ++counters_.evictions;
      return;
    }
    auto used_since = by_stamp_.extract(oldest);
    used_since.key() = stamp;
    by_stamp_.insert(std::move(used_since));
  }
}

void Cache::drop(ByStamp::iterator place) {
  domain_.make_room();
  unlink(*place->second);
  domain_.retire(std::move(place->second));
  by_stamp_.erase(place);
}

void Cache::unlink(const Entry& entry) {
  const std::size_t mask = owned_table_->slots.size() - 1;
  std::size_t i = entry.spec->hash & mask;
  while (owned_table_->slots[i].load(std::memory_order_relaxed) != &entry) i = (i + 1) & mask;
  owned_table_->slots[i].store(reinterpret_cast<const Entry*>(&kRemovedMark),
                               std::memory_order_release);
  counters_.bytes -= entry.bytes;
  --counters_.entries;
}

void Cache::reserve_slot() {
  if ((owned_table_->used + 1) * 2 <= owned_table_->slots.size()) return;
  std::size_t capacity = kFirstCapacity;
  while (capacity < (by_stamp_.size() + 1) * 4) capacity *= 2;
  auto table = std::make_shared<Table>(capacity);
  for (const auto& [stamp, entry] : by_stamp_) {
    std::size_t i = entry->spec->hash & (capacity - 1);
    while (table->slots[i].load(std::memory_order_relaxed) != nullptr) i = (i + 1) & (capacity - 1);
    table->slots[i].store(entry.get(), std::memory_order_relaxed);
    ++table->used;
  }
  domain_.make_room();
  table_.store(table.get(), std::memory_order_release);
  domain_.retire(std::exchange(owned_table_, std::move(table)));
}

Counters Cache::counters() const {
  const std::lock_guard lock(lock_);
  Counters counters = counters_;
  counters.hits = domain_.added();
  counters.misses = misses_.load(std::memory_order_relaxed);
  const std::uint64_t cached = counters.bytes - counters.entries * sizeof(Entry);
  counters.held_bytes = live_bytes_->load(std::memory_order_relaxed) - cached;
  return counters;
}

void Cache::clear() {
  ReclaimDomain::Garbage garbage;
  const std::lock_guard lock(lock_);
  while (!by_stamp_.empty()) drop(by_stamp_.begin());
  garbage = domain_.collect();
}

void Cache::release(bool in_child) {
  if (in_child) {
    flights_.clear();
    domain_.forget_other_threads();
  }
  lock_.unlock();
}

void Cache::retire(std::shared_ptr<const void> object, const std::function<void()>& unlink) {
  ReclaimDomain::Garbage garbage;
  const std::lock_guard lock(lock_);
  domain_.make_room();
  unlink();
  domain_.retire(std::move(object));
  garbage = domain_.collect();
}

}  // namespace sluice
