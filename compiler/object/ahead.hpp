// What is compiled ahead of time: functions of a library, and the targets that there are for them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "compiler/schedule/element_program.hpp"

namespace sluice::object {

// A function of C: its buffers' addresses in the program's order, its passed parameters in the
// compute type, and the number of elements as a size_t.
struct AheadFunction {
  std::string symbol;
  schedule::ElementProgram program;
};

struct AheadTarget {
  std::string_view name;          // as in "x86-64-v3"
  std::string_view architecture;  // targets of one may share a library, which chooses at run time
  std::string_view triple, cpu, features, abi;  // as LLVM has them
  unsigned vector_bytes;
  bool halves = true;      // instructions convert f16; else that is done in integers
  bool round_even = true;  // an instruction rounds to integers, ties to even

  [[nodiscard]] bool is_x86() const { return architecture == "x86-64"; }
};

// Of one architecture the lowest first.
[[nodiscard]] std::span<const AheadTarget> ahead_targets();

}  // namespace sluice::object
