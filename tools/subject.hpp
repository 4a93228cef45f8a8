// What `sluice show` looks at: one pass of one function for operands of one type, made for one
// target.
//
// In: the words of a command line. Out: the subject, with every word understood, and the text of
// any step of the compiler for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sluice/spec.hpp>
#include <sluice/status.hpp>

#include "compiler/driver/request.hpp"
#include "compiler/object/ahead.hpp"
#include "support/target.hpp"
#include "tools/functions.hpp"

namespace CLI {
class App;
}

namespace sluice::tools {

struct SubjectOptions {
  std::string function;
  std::string pass = "forward";
  std::string dtype = "f32";
  std::string shape;
  int axis = -1;
  std::string target;
  std::string accuracy;
  std::vector<std::string> parameters;
  std::vector<std::string> quantisations;  // NAME=SCALE,ZERO
  std::vector<std::string> library_files;
};
// All of them but the function.
void add_options(CLI::App& app, SubjectOptions& options);

struct Subject {
  Function function;
  Pass pass = Pass::forward;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape{4096};
  std::size_t axis = 0;  // of a row function: the dimension of `shape` that rows lie along
  Target target;
  std::optional<object::AheadTarget> elsewhere;  // instead: one that code is made for ahead of time
  double accuracy = 0;
  std::vector<double> parameters;                     // one each of the function's
  std::map<std::string, Quantisation> quantisations;  // of 8-bit operands, by name; else scale 1

  std::set<std::string> optional;  // inputs of a row function that are given beside the required

  [[nodiscard]] const dsl::FunctionDef& definition() const { return function.definition(); }
  [[nodiscard]] Family family() const { return elsewhere ? elsewhere->family : target.family; }
};

[[nodiscard]] Result<Subject> read_subject(const SubjectOptions& options);

// All inputs, outputs and gradients of the pass, each varying along the tensor; of a row function
// of the inputs those that are given.
[[nodiscard]] driver::Request request_of(const Subject& subject);
[[nodiscard]] KernelSpec spec_of(const Subject& subject, const driver::Request& request);

// ast, ir, grad, rewrites, expand, schedule, asm, llvm or key.
[[nodiscard]] Result<std::string> step_text(const Subject& subject, const std::string& step);

}  // namespace sluice::tools
