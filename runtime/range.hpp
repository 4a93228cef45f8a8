// Ranges of a call's elements, and how they are shared out among tasks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "compiler/schedule/row_program.hpp"

namespace sluice {

struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  [[nodiscard]] std::int64_t length() const { return end - begin; }
  // One of `count` shares that differ by one at most.
  [[nodiscard]] Range share(std::size_t index, std::size_t count) const {
    const auto at = [&](std::size_t i) {
      const auto shares = static_cast<std::int64_t>(count), before = static_cast<std::int64_t>(i);
      return begin + length() / shares * before + std::min(before, length() % shares);
    };
    return {at(index), at(index + 1)};
  }
};

// Into how many tasks so many elements go at most: one of fewer than a block would cost less than
// it costs to hand it on.
[[nodiscard]] inline std::size_t task_count(std::int64_t elements, std::size_t threads) {
  const auto most = static_cast<std::size_t>(elements / schedule::kBlockColumns);
  return std::max<std::size_t>(std::min(threads, most), 1);
}

}  // namespace sluice
