// What `sluice check` finds out about a function; report.hpp prints it.
//
// In: a function, an element type, parameters, and how many inputs. Out: the error of each output
// and of each derivative against their promises, at special values and over the sweep; derivatives
// against differences; another function at the same inputs; the card of properties.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sluice/dtype.hpp>
#include <sluice/status.hpp>

#include "tools/accuracy/card.hpp"
#include "tools/accuracy/compare.hpp"
#include "tools/accuracy/differences.hpp"
#include "tools/accuracy/sweep.hpp"
#include "tools/functions.hpp"

namespace sluice::tools {

struct CheckPlan {
  Function function;
  Dtype dtype = Dtype::f32;
  std::vector<double> params;  // one each
  numerics::Grade grade = numerics::Grade::full;
  Family family = Family::fma;
  accuracy::Sweep sweep;
  unsigned threads = 1;
  std::string state_file;                  // where finished chunks are kept; empty: nowhere
  std::optional<dsl::FunctionId> against;  // in the same program
  std::vector<double> against_params;

  [[nodiscard]] const dsl::FunctionDef& definition() const { return function.definition(); }
};

// An output or a derivative.
struct CheckPart {
  std::string name;  // "y", "dy/dx"
  accuracy::Subject subject;
  std::optional<accuracy::Promise> promise;  // nothing: measured, not judged
  std::vector<accuracy::ZeroCrossing> crossings;
  accuracy::Measurement special, sweep;

  [[nodiscard]] bool kept() const { return special.beyond == 0 && sweep.beyond == 0; }
  // Of both.
  [[nodiscard]] accuracy::Measurement all() const;
};

struct SpecialValue {
  double x = 0;
  double y = 0;
  double slope = 0;
};

struct Checkup {
  std::vector<CheckPart> parts;
  bool out_of_range = false;  // a parameter is: nothing is promised there
  std::vector<std::optional<accuracy::Differences>> differences;  // one each of the parts
  std::vector<accuracy::Comparison> comparisons;  // likewise; none without `against`
  // Of functions of one input.
  std::vector<SpecialValue> special;
  std::optional<accuracy::Card> card;

  [[nodiscard]] bool kept() const;
  [[nodiscard]] bool promised() const;
};

// A function that can be checked: elementwise, of numbers. Errors: `unsupported`.
[[nodiscard]] Outcome can_check(const dsl::FunctionDef& definition);

// Shows progress on a terminal's standard error. Errors: those of compiling, of the reference, and
// of the state file.
[[nodiscard]] Result<Checkup> run_check(const CheckPlan& plan);

}  // namespace sluice::tools
