// A file that one process writes, record after record, for tools that read it later.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include <sys/types.h>

namespace sluice::object {

// Opened when first written to, by whichever thread that is, and open as long as the process runs;
// a child of fork() opens its own. Without a lock: a record is a single write at the file's end.
// A file that can't be opened or written is done without, also where there is no memory to open it.
class ProcessFile {
 public:
  // The descriptor of process `id`'s file, in which what precedes the first record stands already;
  // negative where there is none.
  using Open = int (*)(pid_t id);
  explicit constexpr ProcessFile(Open open) : open_(open) {}

  void append(std::span<const std::uint8_t> record);

 private:
  [[nodiscard]] int descriptor();
  [[nodiscard]] int opened(pid_t process) noexcept;

  Open open_;
  // The process, and what it has of the file.
  std::atomic<std::uint64_t> state_{0};
};

}  // namespace sluice::object
