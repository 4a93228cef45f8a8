// Calls of a row function's kernel on operands that lie where the caller wants them, with every
// byte around them watched and a page behind that may not be touched.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sluice/kernel.hpp>

#include "row_subjects.hpp"

namespace sluice::lengths {

// How an operand's bytes differ from the expected ones, all NaNs being one; nothing where they are
// the same.
[[nodiscard]] std::optional<std::string>
difference(Dtype dtype, std::span<const std::uint8_t> expected, std::span<const std::uint8_t> got);

// A checked call over so many threads, as a caller's pool would run it.
struct RowPlace {
  std::size_t threads = 1;
  // Bytes from the first operand's end to the page that may not be touched; further operands
  // stray from it. 0: every operand ends there.
  std::size_t behind = 0;
  bool in_place = false;       // the last output that varies along the row lies in the first input
  bool own_workspace = false;  // of just the bytes that the kernel asks for
};

// Fills in the outputs by a plain call.
void expect_rows(const Kernel& kernel, std::vector<RowElements>& operands);

// What is wrong after the call: an element, a byte outside of the operands, a changed input.
// `given` has the views' shapes and the inputs, `expected` the outputs.
[[nodiscard]] std::optional<std::string> check_call(const Kernel& kernel,
                                                    std::span<const RowElements> given,
                                                    std::span<const RowElements> expected,
                                                    const RowPlace& place);

// An unchecked call of rows that have gaps between them, or go backwards.
struct RowSteps {
  std::int64_t gap = 0;    // bytes between rows, or across between columns
  bool backwards = false;  // in the same direction
  std::size_t behind = 0;
};

// The same of run_rows(); `layout` has two dimensions.
[[nodiscard]] std::optional<std::string> check_steps(const Kernel& kernel,
                                                     std::span<const RowElements> expected,
                                                     const Layout& layout, const RowSteps& steps);

}  // namespace sluice::lengths
