// gdb's interface for code made at run time: an object file in memory for each kernel.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/object/code_object.hpp"

namespace sluice::object {

// An ELF file of code at `entry`: where it is, its symbol, and how to unwind it.
[[nodiscard]] std::vector<std::uint8_t> elf_image(const CodeObject& code, const void* entry);

// gdb's entry for one file; the layout is gdb's.
struct GdbCode {
  GdbCode* next;
  GdbCode* previous;
  const std::uint8_t* image;
  std::uint64_t size;
};

// Known to gdb as long as this lives. A debugger that comes later reads the list of all.
class GdbEntry {
 public:
  explicit GdbEntry(std::vector<std::uint8_t> image);
  GdbEntry(const GdbEntry&) = delete;
  GdbEntry& operator=(const GdbEntry&) = delete;
  ~GdbEntry();

 private:
  const std::vector<std::uint8_t> image_;
  GdbCode code_;
};

}  // namespace sluice::object
