// Memory that checked calls work in: one arena a thread and allocator, which grows to what the
// largest call so far took and is given back when the thread ends. A call allocates nothing unless
// it needs more than any before it.
#pragma once

#include <cstddef>

#include <sluice/hooks.hpp>

namespace sluice {

// At least `bytes`, aligned to kWorkspaceAlignment, until the next call of this function by the
// same thread; null where memory cannot be had.
[[nodiscard]] std::byte* thread_workspace(std::size_t bytes, const Allocator& allocator);

inline constexpr std::size_t kWorkspaceAlignment = 64;

[[nodiscard]] constexpr std::size_t workspace_aligned(std::size_t bytes) {
  return (bytes + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment;
}

}  // namespace sluice
