#include "runtime/disk_store.hpp"

#include <string>
#include <utility>
#include <vector>

#include "support/bytes.hpp"

namespace sluice {
namespace {

void count(std::atomic<std::uint64_t>& counter, std::uint64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace

std::optional<KernelImage> DiskStore::load(Words key) {
  const std::string name = entry_name(key);
  const auto bytes = folder_.read(name);
  if (!bytes.ok()) {
    count(bytes.error().status == Status::unavailable ? misses_ : rejects_);
    return std::nullopt;
  }
  const DiskEntry entry = read_entry(name, *bytes);
  KernelImage image;
  // The name is a digest of the key; the key itself decides.
  const bool same = std::equal(key.begin(), key.end(), entry.key.begin(), entry.key.end());
  if (entry.standing != Standing::sound || !same || !from_bytes(entry.payload, image)) {
    count(rejects_);
    return std::nullopt;
  }
  folder_.touch(name);
  count(hits_);
  return image;
}

void DiskStore::save(Words key, const KernelImage& image) {
  const std::vector<std::uint8_t> entry = to_entry(key, to_bytes(image));
  if (folder_.write(entry_name(key), entry).ok()) count(bytes_, entry.size());
}

DiskStore::Counts DiskStore::counts() const {
  return {hits_.load(std::memory_order_relaxed), misses_.load(std::memory_order_relaxed),
          rejects_.load(std::memory_order_relaxed), bytes_.load(std::memory_order_relaxed)};
}

}  // namespace sluice
