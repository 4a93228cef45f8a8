// `sluice run`, first half: from the words of the command line to what is read, compiled and
// written.
//
// In: the arguments as they stand. Out: every name resolved, every file's header read, all shapes
// and element types settled, and the spec of the kernel; or the first error. Nothing is computed or
// written yet.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sluice/spec.hpp>
#include <sluice/status.hpp>

#include "tools/functions.hpp"
#include "tools/operand.hpp"

namespace sluice::tools {

struct RunArguments {
  std::string function;
  std::string pass = "forward";
  std::vector<std::string> inputs;      // NAME=FILE.npy or NAME=1,2,3
  std::vector<std::string> values;      // of x; at most one
  std::vector<std::string> parameters;  // NAME=VALUE
  std::vector<std::string> gradients;   // of outputs: NAME=FILE.npy or NAME=1,2,3
  std::vector<std::string> outputs;     // NAME=FILE.npy
  std::vector<std::string> dtypes;      // NAME=TYPE
  std::vector<std::string> splits;
  std::vector<std::string> quantisations;
  std::vector<std::string> library_files;
  std::string wanted;  // --wrt: NAME,...; empty: every number input
  std::string reduction = "none";
  std::string saved = "inputs";
  std::string empty = "nan";
  std::string target;
  std::int64_t axis = -1;
  bool json = false;
};

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
};

struct RunPlan {
  Function function;
  KernelSpec spec;
  Shape result;  // what all operands broadcast to
  std::vector<RunInput> inputs;
  std::vector<RunOutput> outputs;
  std::string notes;  // for the user, lines
};

[[nodiscard]] Result<RunPlan> plan_run(const RunArguments& arguments);

}  // namespace sluice::tools
