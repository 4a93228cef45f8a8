// The plan of a program: its values in slots of a frame, its operations as steps.
//
// In: a scheduled program and the loops to run it with. Out: steps in the order of the program,
// with a slot for each value that is live at a time and a block of as many lanes as the frame then
// holds. A result never shares a slot with an operand of its step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <sluice/status.hpp>

#include "compiler/backend/interpreter/interpreter.hpp"
#include "compiler/backend/interpreter/kernels.hpp"

namespace sluice::interpreter {

// The most a frame takes; it lies on the caller's stack.
inline constexpr std::size_t kFrameBytes = 64 * 1024;

// Steps of the body that do nothing for a block in which no lane of `condition` holds.
struct SkippedSteps {
  std::size_t begin;
  std::size_t end;
  Source condition;
};

struct Interpreter::Plan {
  std::vector<Step> prologue;         // once a call: scalars
  std::vector<Step> body;             // once a block
  std::vector<SkippedSteps> skipped;  // in the body's order
  std::vector<std::byte> constants;
  std::vector<std::vector<std::uint64_t>> tables;
  std::size_t lane_bytes = 0;  // 4 or 8
  std::size_t block_lanes = 0;
  std::size_t frame_bytes = 0;
};

// `limit_exceeded` where the values alive at once do not fit in the frame; `unsupported` for a type
// of buffer that has no loops.
[[nodiscard]] Result<std::shared_ptr<const Interpreter::Plan>>
make_plan(const schedule::ElementProgram& program, const KernelTable& kernels);

}  // namespace sluice::interpreter
