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

const char* text(Standing standing) {
  switch (standing) {
    case Standing::sound: return "it is sound";
    case Standing::damaged: return "it is damaged";
    case Standing::other_build: return "another build of the library wrote it";
    case Standing::other_key: return "it is another kernel's";
  }
  return "";
}

}  // namespace

std::optional<KernelImage> DiskStore::load(Words key) {
  const std::string name = entry_name(key);
  const auto bytes = folder_.read(name);
  if (!bytes.ok()) {
    if (bytes.error().status == Status::unavailable)
      count(misses_);
    else
      reject(name, bytes.error().message);
    return std::nullopt;
  }
  const DiskEntry entry = read_entry(name, *bytes);
  KernelImage image;
  // The name is a digest of the key; the key itself decides.
  const bool same = std::equal(key.begin(), key.end(), entry.key.begin(), entry.key.end());
  if (entry.standing != Standing::sound) {
    reject(name, text(entry.standing));
    return std::nullopt;
  }
  if (!same || !from_bytes(entry.payload, image)) {
    reject(name, same ? "its content is no kernel" : text(Standing::other_key));
    return std::nullopt;
  }
  folder_.touch(name);
  count(hits_);
  return image;
}

void DiskStore::reject(const std::string& name, const std::string& reason) {
  count(rejects_);
  hooks_->say(LogLevel::warning, [&] {
    return "the disk store's entry " + name + " is not used, and compiled anew: " + reason;
  });
}

void DiskStore::save(Words key, const KernelImage& image) {
  const std::vector<std::uint8_t> entry = to_entry(key, to_bytes(image));
  const Outcome written = folder_.write(entry_name(key), entry);
  if (written.ok())
    count(bytes_, entry.size());
  else
    hooks_->say(LogLevel::warning,
                [&] { return "a kernel is not kept on disk: " + written.error().message; });
}

DiskStore::Counts DiskStore::counts() const {
  return {hits_.load(std::memory_order_relaxed), misses_.load(std::memory_order_relaxed),
          rejects_.load(std::memory_order_relaxed), bytes_.load(std::memory_order_relaxed)};
}

}  // namespace sluice
