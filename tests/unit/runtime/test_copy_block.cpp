// Blocks copied between places of any steps, against one element at a time.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/copy_block.hpp"

namespace sluice {
namespace {

// Memory of exactly the bytes that a block spans, for sanitizers to see what is beyond.
struct Place {
  Place(std::int64_t row, std::int64_t column, std::int64_t rows, std::int64_t columns,
        std::int64_t size, std::mt19937& random)
      : row_step(row * size), column_step(column * size),
        first((row < 0 ? -row_step * (rows - 1) : 0) +
              (column < 0 ? -column_step * (columns - 1) : 0)),
        bytes(static_cast<std::size_t>(std::abs(row_step) * (rows - 1) +
                                       std::abs(column_step) * (columns - 1) + size)) {
    for (std::byte& each : bytes) each = static_cast<std::byte>(random());
  }
  [[nodiscard]] std::size_t at(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(first + row * row_step + column * column_step);
  }
  [[nodiscard]] BlockPlace place() { return {bytes.data() + first, row_step, column_step}; }

  std::int64_t row_step, column_step, first;
  std::vector<std::byte> bytes;
};

TEST_CASE("blocks of any steps are copied, and nothing between them", "[runtime]") {
  std::mt19937 random(9);
  const auto up_to = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(most + 1));
  };
  const auto sign = [&] { return random() % 3 == 0 ? -1 : 1; };
  for (int round = 0; round < 20000; ++round) {
    const std::int64_t size = std::int64_t{1} << up_to(3);
    const std::int64_t rows = 1 + up_to(40), columns = 1 + up_to(40);
    const auto make = [&](bool repeats) {
      const std::int64_t gap = 1 + up_to(3);
      if (repeats && up_to(3) == 0)
        return Place(sign() * up_to(3), sign() * up_to(3), rows, columns, size, random);
      if (up_to(1) == 0)
        return Place(sign() * (columns * gap + up_to(2)), sign() * gap, rows, columns, size,
                     random);
      return Place(sign() * gap, sign() * (rows * gap + up_to(2)), rows, columns, size, random);
    };
    Place from = make(true), to = make(false);
    std::vector<std::byte> expected = to.bytes;
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j)
        std::memcpy(&expected[to.at(i, j)], &from.bytes[from.at(i, j)],
                    static_cast<std::size_t>(size));
    copy_block(to.place(), from.place(), rows, columns, static_cast<std::size_t>(size));
    if (to.bytes != expected)
      FAIL(rows << " rows of " << columns << " elements of " << size << " bytes, steps "
                << from.row_step << ", " << from.column_step << " to " << to.row_step << ", "
                << to.column_step);
  }
}

}  // namespace
}  // namespace sluice
