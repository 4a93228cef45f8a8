// Runs one scheduled program on every back end this processor has, on the same buffers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sluice/dtype.hpp>

#include "compiler/schedule/element_program.hpp"

namespace sluice::differential {

// The inputs' bytes, one element where the extent is scalar, and the parameters' slots.
struct Data {
  std::vector<std::vector<std::uint8_t>> inputs;
  std::vector<std::uint64_t> params;
  std::int64_t count = 0;
};

// Output bytes, one vector an output, NaNs made one.
using Outputs = std::vector<std::vector<std::uint8_t>>;

// The oracle's.
[[nodiscard]] Outputs interpret(const schedule::ElementProgram& program, const Data& data);

// Where a back end's outputs are not the expected ones: which back end, output, element, and the
// bits; nothing when all that this processor can run agree.
[[nodiscard]] std::optional<std::string> disagreement(const schedule::ElementProgram& program,
                                                      const Data& data, const Outputs& expected);
// The same of LLVM, which takes its time; nothing where there is no module of it.
[[nodiscard]] std::optional<std::string> llvm_disagreement(const schedule::ElementProgram& program,
                                                           const Data& data,
                                                           const Outputs& expected);

// The first element in which outputs differ, described; nothing where they are equal.
[[nodiscard]] std::optional<std::string> difference(const schedule::ElementProgram& program,
                                                    const Outputs& expected, const Outputs& got);

}  // namespace sluice::differential
