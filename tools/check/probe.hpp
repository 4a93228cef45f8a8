// `sluice check F --probe`: whether what a file holds looks as if it had been through a softmax or
// a sigmoid already, and whether F applies one itself.
//
// In: a function, and a file for some of its inputs. Out: what is seen of each, row by row along an
// axis, and what is wrong with it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sluice/status.hpp>

#include "dsl/warnings.hpp"
#include "tools/functions.hpp"
#include "tools/run_arguments.hpp"

namespace sluice::tools {

struct ProbePlan {
  Function function;
  std::vector<Assignment> files;  // an input each
  std::int64_t axis = -1;
  bool is_bf16 = false;  // what integers of 16 bits hold
};

enum class Looks : std::uint8_t {
  raw,                // like numbers of any kind
  probabilities,      // within [0, 1], rows summing to 1: a softmax's
  log_probabilities,  // at most 0, rows whose logsumexp is 0: a log_softmax's
  between_0_and_1,    // a sigmoid's
  empty,
};

struct Probed {
  std::string input;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  double least = 0, greatest = 0;
  double sum_off = 0, logsumexp_off = 0;  // the farthest of the rows, from 1 and from 0
  std::int64_t not_finite = 0;            // NaNs and infinities
  Looks looks = Looks::raw;
  dsl::AppliedActivations applied;

  // What is normalised twice; empty where nothing is.
  [[nodiscard]] std::string problem(const std::string& function) const;
};

// Errors: of files and names, and `invalid_argument` for an axis that there is not.
[[nodiscard]] Result<std::vector<Probed>> probe(const ProbePlan& plan);

[[nodiscard]] std::string probe_text(const ProbePlan& plan, const std::vector<Probed>& found);
[[nodiscard]] std::string probe_json(const ProbePlan& plan, const std::vector<Probed>& found);

}  // namespace sluice::tools
