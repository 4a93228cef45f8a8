// Kernels on disk, for the next process: found by their key, made again without the compiler.
//
// What is damaged, of another build or under another key's name is not used: the kernel is compiled
// and takes its place. A folder that can't be written, or that is busy, is a folder that keeps
// nothing new.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/disk_entry.hpp"
#include "runtime/disk_folder.hpp"
#include "runtime/hooks.hpp"
#include "runtime/kernel_image.hpp"

namespace sluice {

// Callable from any thread at once, and after a fork.
class DiskStore {
 public:
  DiskStore(DiskFolder folder, std::shared_ptr<const Hooks> hooks)
      : folder_(std::move(folder)), hooks_(std::move(hooks)) {}

  [[nodiscard]] std::optional<KernelImage> load(Words key);
  void save(Words key, const KernelImage& image);

  struct Counts {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t rejects = 0;  // entries that were there and not sound; not among the misses
    std::uint64_t bytes = 0;    // written
  };
  [[nodiscard]] Counts counts() const;

 private:
  void reject(const std::string& name, const std::string& reason);

  DiskFolder folder_;
  std::shared_ptr<const Hooks> hooks_;
  std::atomic<std::uint64_t> hits_{0};
  std::atomic<std::uint64_t> misses_{0};
  std::atomic<std::uint64_t> rejects_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace sluice
