// Functions of one 8-bit operand as tables: there are only 256 elements.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "compiler/schedule/element_program.hpp"

namespace sluice::schedule {

// What a kernel of one input and one output, of one byte an element each, makes of every byte. It
// is called as any other (KernelEntry), without parameters.
struct ByteMap {
  static constexpr std::size_t kEntries = 256;

  std::string name;
  std::array<std::uint8_t, kEntries> table{};  // by the input element's bits
  std::int64_t stream_from = 0;                // as in the program
};

// Whether a program's elements map bytes to bytes, and nothing but the element matters.
[[nodiscard]] bool maps_bytes(const ElementProgram& program);

}  // namespace sluice::schedule
