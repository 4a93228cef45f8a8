// `sluice run`, first half: from the words of the command line to what is read, compiled and
// written.
//
// In: the arguments as they stand. Out: every name resolved, every file's header read, all shapes
// and element types settled, and the spec of the kernel; or the first error. Nothing is computed or
// written yet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sluice/spec.hpp>
#include <sluice/status.hpp>

#include "tools/functions.hpp"
#include "tools/operand.hpp"
#include "tools/run_arguments.hpp"

namespace sluice::tools {

// What the kernel reads.
struct RunInput {
  std::string name;  // the kernel's name for it: "x", "grad_y"
  Source source;     // its shape broadcasts to the result's
  Dtype dtype;       // the kernel's
};

// What the kernel writes.
struct RunOutput {
  std::string name;  // "y", "dx"
  std::string path;  // empty: to be printed
  Dtype dtype;
  Shape shape;
  std::optional<Source> held = {};  // what the output is added to
  Shape operand = {};               // the kernel's shape for it, where that is not flat
};

struct RunPlan {
  Function function;
  KernelSpec spec = {};
  Shape result = {};  // what all operands broadcast to
  bool flat = true;   // elements alone: no rows, sums or halves, for which shapes matter
  std::optional<std::int64_t> piece = {};  // elements of the result to be held at a time
  std::vector<RunInput> inputs = {};
  std::vector<RunOutput> outputs = {};
  std::string notes = {};  // for the user, lines
};

// Without another number: small enough that they stay in the cache between reading, computing and
// writing.
inline constexpr std::int64_t kPiece = std::int64_t{1} << 16;

[[nodiscard]] Result<RunPlan> plan_run(const RunArguments& arguments);

}  // namespace sluice::tools
