// What `sluice check` finds out about an 8-bit kernel: every integer of its input against the truth
// quantised by rule.
//
// In: a function of one number, i8 or u8, and what the integers of input and outputs stand for.
// Out: of each output where its integers are not the nearest to the truth, and whether the promise
// for f32 allows that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sluice/status.hpp>

#include "tools/accuracy/measure.hpp"
#include "tools/subject.hpp"

namespace sluice::tools {

struct QuantisedPoint {
  std::int32_t input = 0;
  double x = 0;  // what it stands for
  std::int32_t got = 0;
  std::int32_t nearest = 0;
  double truth = 0;  // in steps of the output, limited to its range
};

struct QuantisedPart {
  std::string name;
  std::optional<accuracy::Promise> promise;  // nothing: measured, not judged
  std::size_t inputs = 0;
  std::size_t differing = 0;  // not the nearest integer
  std::size_t beyond = 0;     // by more than the promise leaves open
  QuantisedPoint worst;       // farthest from the truth

  [[nodiscard]] bool kept() const { return beyond == 0; }
};

struct QuantisedCheckup {
  std::string target;  // of the kernel that ran
  std::vector<QuantisedPart> parts;
  [[nodiscard]] bool kept() const;
};

// Errors: `unsupported` for what is no function of one number, `invalid_argument` where an operand
// has no quantisation, and those of compiling and of the reference.
[[nodiscard]] Result<QuantisedCheckup> run_quantised_check(const Subject& subject);

[[nodiscard]] std::string report_text(const Subject& subject, const QuantisedCheckup& checkup);
// One object; numbers that are not finite are strings.
[[nodiscard]] std::string report_json(const Subject& subject, const QuantisedCheckup& checkup);

}  // namespace sluice::tools
