// What a runtime may take from its embedder besides threads: memory, and a place to log to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace sluice {

// Where the memory comes from that is as large as tensors are: the workspaces of calls that are
// given none, which are the calling thread's own and grow to what its largest call took, and states
// of rows (RowState). What is small, and lives with programs, specs and kernels, comes from
// operator new, code from the system's pages. None given: the C library's.
struct Allocator {
  // `alignment` is a power of two; null where there is no memory, which is then the call's error.
  void* (*allocate)(void* context, std::size_t bytes, std::size_t alignment) = nullptr;
  void (*release)(void* context, void* memory, std::size_t bytes) = nullptr;
  void* context = nullptr;

  friend bool operator==(const Allocator&, const Allocator&) = default;
};

enum class LogLevel : std::uint8_t {
  warning,  // all works, slower than was asked for: a lower rung, a disk store or entry not used
  error,    // a kernel could not be made; the call that wanted it says so too
};

// Called from whatever thread the event is in, from several at once, and never by a call of a
// kernel. It must not call the runtime; what it throws is dropped. The message is one sentence
// without an end of line.
using Log = std::function<void(LogLevel level, std::string_view message)>;

// Gives the calling thread's workspaces back, of all allocators; a later call takes new ones. A
// thread does so by itself when it ends.
void release_workspaces();

}  // namespace sluice
