// Where the steps of reading a text put what they find wrong with it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "support/diagnostic.hpp"

namespace sluice::dsl {

// Collects diagnostics of one text. One error a place: a second error at the same place is nearly
// always a consequence of the first. Beyond the limit errors are only counted.
class Reporter {
 public:
  explicit Reporter(std::size_t error_limit) : error_limit_(error_limit) {}

  void error(SourcePlace place, std::string message, std::string hint = {},
             Status status = Status::invalid_source) {
    const bool known = std::any_of(diagnostics_.begin(), diagnostics_.end(), [&](const auto& d) {
      return d.severity == Severity::error && d.place.offset == place.offset;
    });
    if (known) return;
    if (++errors_ > error_limit_) return;
    diagnostics_.push_back({Severity::error, place, std::move(message), std::move(hint), status});
  }

  void limit(SourcePlace place, std::string message, std::string hint = {}) {
    error(place, std::move(message), std::move(hint), Status::limit_exceeded);
  }

  void warning(SourcePlace place, std::string message, std::string hint = {}) {
    if (++warnings_ > error_limit_) return;
    diagnostics_.push_back(
        {Severity::warning, place, std::move(message), std::move(hint), Status::invalid_source});
  }

  [[nodiscard]] std::size_t errors() const { return errors_; }
  // Whether further errors would only be counted.
  [[nodiscard]] bool full() const { return errors_ >= error_limit_; }

  // All diagnostics in the order of the text.
  [[nodiscard]] std::vector<Diagnostic> take() {
    std::stable_sort(diagnostics_.begin(), diagnostics_.end(),
                     [](const auto& a, const auto& b) { return a.place.offset < b.place.offset; });
    return std::move(diagnostics_);
  }

 private:
  std::vector<Diagnostic> diagnostics_;
  std::size_t error_limit_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

}  // namespace sluice::dsl
