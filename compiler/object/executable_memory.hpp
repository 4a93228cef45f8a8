// Executable memory: pages that are written first and executable after, never both at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <sluice/status.hpp>

#include "compiler/object/code_object.hpp"
#include "compiler/object/unwind.hpp"

namespace sluice::object {

class CodeArenas;

// Owns pages of code. Movable; gives them back on destruction.
class ExecutableMemory {
 public:
  // Copies `bytes` into fresh pages of their own between two guard pages, and makes them
  // executable: by mprotect, and where a policy forbids that, through a second mapping of a memory
  // file. `denied` when the system allows neither; `out_of_memory` when there are no pages.
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
  [[nodiscard]] std::size_t mapped_bytes() const { return size_; }  // without the guard pages

 private:
  friend class CodeArenas;
  ExecutableMemory(void* code, std::size_t size, std::shared_ptr<CodeArenas> arenas)
      : code_(code), size_(size), arenas_(std::move(arenas)) {}

  void* code_ = nullptr;
  std::size_t size_ = 0;
  std::shared_ptr<CodeArenas> arenas_;   // whose pages they are; null: a mapping of its own
  std::unique_ptr<UnwindTable> unwind_;  // of such a mapping, where it is known
};

// Stretches of address space that many kernels share, so that a process that holds a hundred
// thousand of them stays far below the number of mappings that a system allows: neighbouring pages
// of code are one mapping (those of memory files are not). Guard pages stand before and after each
// arena. A page holds code of one kernel alone; given back, it loses its memory and all access, and
// only then serves again, as a fresh page. Address space stays reserved until the arenas and all
// their kernels are gone.
//
// From any thread at once, without a lock: a thread that forks leaves none behind in the child.
class CodeArenas : public std::enable_shared_from_this<CodeArenas> {
 public:
  CodeArenas() = default;
  CodeArenas(const CodeArenas&) = delete;
  CodeArenas& operator=(const CodeArenas&) = delete;
  ~CodeArenas();

  // As ExecutableMemory::map, and the process's unwinder knows the code; code of many pages has a
  // mapping of its own. The arenas must be owned by a shared pointer.
  using Method = ExecutableMemory::Method;
  [[nodiscard]] Result<ExecutableMemory> map(const CodeObject& code,
                                             Method method = Method::automatic);

 private:
  friend class ExecutableMemory;
  struct Arena;
  struct Place {
    void* code = nullptr;
    Arena* arena = nullptr;
  };
  [[nodiscard]] Place take(std::size_t pages);
  void give_back(void* code, std::size_t size) const;

  std::atomic<Arena*> newest_{nullptr};
};

}  // namespace sluice::object
