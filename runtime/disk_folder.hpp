// A folder of files that many processes share: bounded in bytes, the least recently used removed
// first.
//
// The folder is its user's own: mode 0700 or less, else it is not used. Names of files are 32
// hexadecimal digits; what else lies there is left alone. A file appears whole under its name or
// not at all. Writers hold a lock file, which keeps the sum of all files' sizes; readers hold
// nothing. A file's time of modification is that of its last use.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sluice/status.hpp>

namespace sluice {

class DiskFolder {
 public:
  // Makes the folder where there is none, and those it lies in. Errors: `denied` for one that is
  // not the user's own, `io_error`.
  [[nodiscard]] static Result<DiskFolder> open(const std::string& path, std::uint64_t bound_bytes);
  DiskFolder(DiskFolder&& other) noexcept;
  DiskFolder& operator=(DiskFolder&&) = delete;
  ~DiskFolder();

  // Errors: `unavailable` where there is no such file, `io_error` for what is no file of this
  // folder or can't be read.
  [[nodiscard]] Result<std::vector<std::uint8_t>> read(const std::string& name) const;
  // Marks it as used now.
  void touch(const std::string& name) const;

  // In place of what has the name. Errors: `limit_exceeded` for what is larger than the bound,
  // `unavailable` where another process holds the lock for longer than writing takes, `io_error`.
  [[nodiscard]] Outcome write(const std::string& name, std::span<const std::uint8_t> bytes) const;
  [[nodiscard]] Outcome remove(const std::string& name) const;

  struct File {
    std::string name;
    std::uint64_t bytes = 0;
    std::int64_t used = 0;  // nanoseconds, for their order
  };
  // Least recently used first.
  [[nodiscard]] std::vector<File> files() const;

 private:
  class Lock;
  DiskFolder(int folder, std::uint64_t bound_bytes) : folder_(folder), bound_bytes_(bound_bytes) {}
  [[nodiscard]] std::uint64_t make_room(std::uint64_t wanted) const;
  [[nodiscard]] Outcome write_new(const std::string& name,
                                  std::span<const std::uint8_t> bytes) const;

  int folder_;
  std::uint64_t bound_bytes_;
};

}  // namespace sluice
