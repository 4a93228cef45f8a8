#include "runtime/workspace.hpp"

#include <cstdlib>
#include <memory>

namespace sluice {
namespace {

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};

struct Arena {
  std::unique_ptr<std::byte, Free> memory;
  std::size_t bytes = 0;
};

}  // namespace

std::byte* thread_workspace(std::size_t bytes) {
  thread_local Arena arena;
  if (bytes > arena.bytes || arena.memory == nullptr) {
    const std::size_t wanted = workspace_aligned(bytes + 1);
    arena.memory.reset();
    arena.memory.reset(static_cast<std::byte*>(std::aligned_alloc(kWorkspaceAlignment, wanted)));
    arena.bytes = arena.memory ? wanted : 0;
  }
  return arena.memory.get();
}

}  // namespace sluice
