#include "runtime/workspace.hpp"

#include <array>

#include "runtime/hooks.hpp"

namespace sluice {
namespace {

// The C library's, and the one of the last runtime that had an allocator of its own.
thread_local std::array<HookedMemory, 2> arenas;

}  // namespace

std::byte* thread_workspace(std::size_t bytes, const Allocator& allocator) {
  HookedMemory& arena = arenas[allocator.allocate != nullptr ? 1 : 0];
  if (arena.bytes() <= bytes || !(arena.allocator() == allocator)) {
    arena = HookedMemory();
    arena = HookedMemory(allocator, workspace_aligned(bytes + 1), kWorkspaceAlignment);
  }
  return arena.get();
}

void release_workspaces() { arenas = {}; }

}  // namespace sluice
