// What walks over a kernel's frame need: a debugger's, a profiler's, an exception's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/object/code_object.hpp"

namespace sluice::object {

// An .eh_frame section with the one entry of code that lies at `entry`. Addresses in it are
// absolute: it may lie anywhere.
[[nodiscard]] std::vector<std::uint8_t> eh_frame(const CodeObject& code, const void* entry);

// Such a section for a stretch of pages, with an entry a page, which is known to the process's
// unwinder as long as this lives, where the build found one that takes sections (libgcc's). What is
// known of a page may change while others run, for an unwinder sorts entries by the addresses that
// they begin with, which stay, and reads the rest when it comes by. A section a kernel would make
// every exception of the program slower: libgcc 12 goes through all of them.
class UnwindTable {
 public:
  UnwindTable(const void* begin, std::size_t pages, std::size_t page_size);
  UnwindTable(const UnwindTable&) = delete;
  UnwindTable& operator=(const UnwindTable&) = delete;
  ~UnwindTable();

  // Of code that lies on these pages, and does not run yet.
  void describe(std::size_t first_page, std::size_t pages, const std::optional<CallFrame>& frame);

 private:
  std::size_t page_size_;
  std::vector<std::uint8_t> section_;
  std::size_t entries_ = 0;      // where they begin
  std::array<void*, 8> room_{};  // the unwinder's own, which takes six or seven words
};

}  // namespace sluice::object
