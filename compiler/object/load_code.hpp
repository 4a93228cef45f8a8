// Code in its place: executable, and known to who walks stacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <sluice/code_tools.hpp>
#include <sluice/status.hpp>

#include "compiler/object/code_object.hpp"
#include "compiler/object/executable_memory.hpp"
#include "compiler/object/gdb.hpp"

namespace sluice::object {

// Immutable; forgotten by unwinder and debugger, and unmapped, when it goes.
class LoadedCode {
 public:
  LoadedCode(ExecutableMemory memory, std::size_t size) : memory_(std::move(memory)), size_(size) {}

  [[nodiscard]] const void* entry() const { return memory_.entry(); }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return {static_cast<const std::uint8_t*>(entry()), size_};
  }
  // All the memory that it holds.
  [[nodiscard]] std::size_t held_bytes() const { return sizeof *this + memory_.mapped_bytes(); }

  void tell(const CodeObject& code, CodeTools tools);

 private:
  ExecutableMemory memory_;
  std::size_t size_;
  std::optional<GdbEntry> gdb_;
};

using CodeHandle = std::shared_ptr<const LoadedCode>;

// Loads code for one runtime's kernels, which share its arenas, and tells the same tools of each.
// From any thread at once.
class CodeLoader {
 public:
  explicit CodeLoader(CodeTools tools) : tools_(tools) {}
  // Errors are those of ExecutableMemory::map.
  [[nodiscard]] Result<CodeHandle> load(const CodeObject& code) const;

 private:
  CodeTools tools_;
  std::shared_ptr<CodeArenas> arenas_ = std::make_shared<CodeArenas>();
};

}  // namespace sluice::object
