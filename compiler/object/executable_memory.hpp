// Executable memory: pages that are written first and executable after, never both at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sluice/status.hpp>

namespace sluice::object {

// Owns one mapping of code between two guard pages. Movable; unmaps on destruction.
class ExecutableMemory {
 public:
  // Copies `bytes` into fresh pages and makes them executable: by mprotect, and where a policy
  // forbids that, through a second mapping of a memory file. `denied` when the system allows
  // neither; `out_of_memory` when there are no pages.
  // `method` forces one of the two ways.
  enum class Method : std::uint8_t { automatic, protect, memory_file };
  [[nodiscard]] static Result<ExecutableMemory> map(std::span<const std::uint8_t> bytes,
                                                    Method method = Method::automatic);

  ExecutableMemory(ExecutableMemory&& other) noexcept;
  ExecutableMemory& operator=(ExecutableMemory&& other) noexcept;
  ExecutableMemory(const ExecutableMemory&) = delete;
  ExecutableMemory& operator=(const ExecutableMemory&) = delete;
  ~ExecutableMemory();

  [[nodiscard]] const void* entry() const { return code_; }
  [[nodiscard]] std::size_t mapped_bytes() const {
    return mapped_bytes_;
  }  // without the guard pages

 private:
  ExecutableMemory(void* base, std::size_t reserved, const void* code, std::size_t mapped);

  void* base_ = nullptr;
  std::size_t reserved_ = 0;
  const void* code_ = nullptr;
  std::size_t mapped_bytes_ = 0;
};

}  // namespace sluice::object
