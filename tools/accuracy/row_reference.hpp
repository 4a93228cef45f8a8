// The truth that row functions are measured against, and what the error contract allows of each
// element (numerics.md).
//
// Softmax, log_softmax and logsumexp of exponents that are inputs have bounds of their own; any
// other text is allowed 32 units of the sum of its absolute terms (weighed.hpp). A gradient is the
// sum over the outputs of their slopes by one element, times the gradients that come in. The first
// level is evaluated over doubles with error bounds; where these are no small part of what is
// allowed, or the type is f64, MPFR does it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <sluice/status.hpp>

#include "tools/accuracy/row_evaluate.hpp"
#include "tools/accuracy/tape.hpp"

namespace sluice::accuracy {

struct RowElement {
  long double truth = 0;
  double allowed = 0;
  double error = 0;  // of the truth
};

struct RowTruth {
  std::vector<RowElement> elements;
  bool by_mpfr = false;
};

class RowReference {
 public:
  // Of a row function; `derived_by` says whether of a value or of a gradient.
  explicit RowReference(Subject subject);

  // Of every element, or of the row's one value. Errors: `unsupported` for built-ins that have no
  // reference.
  [[nodiscard]] Result<RowTruth> values(const RowInputs& row, std::size_t width) const;
  // Of the gradient at some columns; `incoming` has one an element, or one.
  [[nodiscard]] Result<RowTruth> slopes(const RowInputs& row, std::size_t width,
                                        std::span<const double> incoming,
                                        std::span<const std::size_t> columns) const;

  [[nodiscard]] const Subject& subject() const { return subject_; }
  // By input, whether it varies along the row.
  [[nodiscard]] const std::vector<bool>& along() const { return along_; }

 private:
  Subject subject_;
  Tape tape_;
  std::vector<bool> along_;
};

}  // namespace sluice::accuracy
