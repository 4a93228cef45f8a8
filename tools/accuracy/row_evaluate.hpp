// The meaning of a row function's text in real numbers: a tape evaluated over one row.
//
// A value varies along the row or is one for the row, and its level is how many reductions lie
// under it. For each level there is a sweep over the columns that computes what its reductions
// need, and the last sweep gives the result: columns are computed once more rather than kept, so
// that a row of any length takes the memory of one column. What an `if` leaves out for the whole
// function, by parameters, is never computed.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tools/accuracy/evaluate.hpp"
#include "tools/accuracy/weighed.hpp"

namespace sluice::accuracy {

// One row's inputs: of each its columns, or one number where it is one for the row.
using RowInputs = std::vector<std::vector<double>>;

// An input, and of one that varies along the row the column, that is derived by.
struct RowSeed {
  std::uint32_t input = 0;
  std::size_t column = 0;
};

// Registers that a step reads.
[[nodiscard]] std::vector<std::uint32_t> operands_of(const Tape& tape,
                                                     const Tape::Instruction& step);
[[nodiscard]] bool reduces(Step step);

template <typename N>
class RowEvaluator : Evaluator<N> {
  using Base = Evaluator<N>;
  using Base::inputs_;
  using Base::numbers_;
  using Base::tape_;
  using Base::trouble_;
  using Base::truths_;

 public:
  // `along`: by input, whether it varies along the row.
  RowEvaluator(const Tape& tape, std::vector<bool> along)
      : Base(tape), along_(std::move(along)), extents_(tape.registers, Extent::fixed),
        levels_(tape.registers, 0), from_(tape.registers, kNone) {
    Trouble trouble;
    trouble_ = &trouble;
    for (std::size_t i = 0; i < tape.steps.size(); ++i) place(i);
    plan();
    trouble_ = nullptr;
  }

  // Calls `visit(column, result)` for each column, or once where the result is one for the row.
  template <typename Visit>
  void run(const RowInputs& row, std::size_t width, const std::optional<RowSeed>& seed,
           Trouble& trouble, const Visit& visit) {
    row_ = &row;
    width_ = width;
    seed_ = seed;
    trouble_ = &trouble;
    cell_.resize(row.size());
    inputs_ = cell_;
    for (std::size_t level = 0; level < sweeps_.size(); ++level) {
      enter(0);
      execute(sweeps_[level].once);
      const Sweep& sweep = sweeps_[level];
      if (sweep.reductions.empty()) continue;
      std::vector<Sum> sums(sweep.reductions.size());
      for (std::size_t column = 0; column < width; ++column) {
        enter(column);
        execute(sweep.each);
        for (std::size_t r = 0; r < sums.size(); ++r)
          add(sums[r], tape_.steps[sweep.reductions[r]], column);
      }
      for (std::size_t r = 0; r < sums.size(); ++r)
        finish(sums[r], tape_.steps[sweep.reductions[r]]);
    }
    const std::size_t count = varies(tape_.result) ? width : 1;
    for (std::size_t column = 0; column < count; ++column) {
      enter(column);
      if (varies(tape_.result)) execute(last_);
      visit(column, numbers_[tape_.result]);
    }
  }

  [[nodiscard]] bool varies(std::uint32_t place) const { return extents_[place] == Extent::column; }
  [[nodiscard]] const N& at(std::uint32_t place) const { return numbers_[place]; }

 private:
  enum class Extent : std::uint8_t { fixed, row, column };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  struct Sweep {
    std::vector<std::size_t> once;        // steps, before the columns
    std::vector<std::size_t> each;        // for each column
    std::vector<std::size_t> reductions;  // of it
  };
  struct Sum {
    std::optional<N> value;
    N tied{};  // the sum of equal greatest ones
    std::size_t count = 0;
    std::size_t column = 0;
    bool truth = false;
  };

  // What is known of a step's result; what no input changes is computed here and now.
  void place(std::size_t i) {
    const Tape::Instruction& step = tape_.steps[i];
    Extent extent = Extent::fixed;
    std::size_t level = 0;
    for (const std::uint32_t operand : operands_of(tape_, step)) {
      extent = std::max(extent, extents_[operand]);
      level = std::max(level, levels_[operand]);
    }
    if (step.step == Step::input) extent = along_[step.a] ? Extent::column : Extent::row;
    if (step.step == Step::column) extent = Extent::column;
    if (step.step == Step::width) extent = Extent::row;
    if (step.step == Step::rounded_sum)
      for (const std::uint32_t operand : {step.b, step.c})
        if (operand < along_.size() && along_[operand]) extent = Extent::column;
    if (reduces(step.step)) extent = Extent::row, ++level;
    extents_[step.target] = extent;
    levels_[step.target] = level;
    from_[step.target] = i;
    if (extent == Extent::fixed) execute_one(step);
  }

  void plan() {
    std::size_t deepest = 0;
    std::vector<bool> needed(tape_.registers, false);
    need(tape_.result, needed);
    for (const Tape::Exponents& of = tape_.exponents;
         const std::uint32_t each : {of.away, of.shift, of.log_sum, of.z})
      if (of.form != Form::none) need(each, needed);
    for (std::size_t i = 0; i < tape_.steps.size(); ++i)
      if (needed[tape_.steps[i].target])
        deepest = std::max(deepest, levels_[tape_.steps[i].target]);
    sweeps_.resize(deepest + 1);
    for (std::size_t i = 0; i < tape_.steps.size(); ++i) {
      const Tape::Instruction& step = tape_.steps[i];
      if (!needed[step.target] || extents_[step.target] != Extent::row) continue;
      if (reduces(step.step))
        sweeps_[levels_[step.target] - 1].reductions.push_back(i);
      else
        sweeps_[levels_[step.target]].once.push_back(i);
    }
    for (Sweep& sweep : sweeps_) {
      std::vector<std::uint32_t> roots;
      for (const std::size_t i : sweep.reductions)
        for (const std::uint32_t operand : operands_of(tape_, tape_.steps[i]))
          roots.push_back(operand);
      sweep.each = columns_for(roots);
    }
    std::vector<std::uint32_t> roots{tape_.result};
    if (tape_.exponents.form != Form::none)
      roots.insert(roots.end(), {tape_.exponents.away, tape_.exponents.z});
    last_ = columns_for(roots);
  }

  // A choice that is known needs one side.
  [[nodiscard]] std::vector<std::uint32_t> needs_of(const Tape::Instruction& step) const {
    const bool choice = step.step == Step::choose || step.step == Step::choose_truth;
    if (choice && extents_[step.a] == Extent::fixed)
      return {truths_[step.a] != 0 ? step.b : step.c};
    return operands_of(tape_, step);
  }
  void need(std::uint32_t root, std::vector<bool>& needed) const {
    std::vector<std::uint32_t> open{root};
    while (!open.empty()) {
      const std::uint32_t at = open.back();
      open.pop_back();
      if (needed[at]) continue;
      needed[at] = true;
      if (from_[at] == kNone) continue;
      for (const std::uint32_t each : needs_of(tape_.steps[from_[at]])) open.push_back(each);
    }
  }
  // The steps that make these values of a column.
  [[nodiscard]] std::vector<std::size_t>
  columns_for(const std::vector<std::uint32_t>& roots) const {
    std::vector<bool> needed(tape_.registers, false);
    std::vector<std::uint32_t> open = roots;
    while (!open.empty()) {
      const std::uint32_t at = open.back();
      open.pop_back();
      if (needed[at] || !varies(at)) continue;
      needed[at] = true;
      for (const std::uint32_t each : needs_of(tape_.steps[from_[at]])) open.push_back(each);
    }
    std::vector<std::size_t> steps;
    for (std::size_t i = 0; i < tape_.steps.size(); ++i)
      if (needed[tape_.steps[i].target]) steps.push_back(i);
    return steps;
  }

  void enter(std::size_t column) {
    column_ = column;
    for (std::size_t k = 0; k < cell_.size(); ++k) {
      const std::vector<double>& values = (*row_)[k];
      cell_[k] = values.empty() ? 0 : values[along_[k] ? std::min(column, values.size() - 1) : 0];
    }
  }
  void execute(const std::vector<std::size_t>& steps) {
    for (const std::size_t i : steps) execute_one(tape_.steps[i]);
  }
  void execute_one(const Tape::Instruction& step) {
    N& to = numbers_[step.target];
    switch (step.step) {
      case Step::input:
        to = Slopes<N>::seeded(N(inputs_[step.a]),
                               seed_ && seed_->input == step.a &&
                                   (!along_[step.a] || seed_->column == column_));
        return;
      case Step::column: to = N(static_cast<double>(column_)); return;
      case Step::width: to = N(static_cast<double>(width_)); return;
      case Step::away: to = away(numbers_[step.a], numbers_[step.b]); return;
      case Step::about: to = N(about(numbers_[step.a])); return;
      case Step::weigh: to = weigh(step); return;
      default: break;
    }
    if (step.step < Step::less)
      to = Base::number(step);
    else
      truths_[step.target] = Base::truth(step) ? 1 : 0;
  }

  N weigh(const Tape::Instruction& step) {
    const N& a = numbers_[step.a];
    const double size = std::abs(about(a));
    if (step.code == 1) return with_terms(a, 0.5, 0);
    const double away = std::abs(about(numbers_[step.b]) - about(numbers_[step.c]));
    return with_terms(a, 0, size != 0 && std::isfinite(away) ? size * away / 32 : 0);
  }
  template <typename V>
  static Weighed<V> with_terms(const Weighed<V>& a, double least, double more) {
    return {a.value, std::max(a.terms + more, least), a.rounded};
  }
  // The slope of an exponential is as far off as itself.
  template <typename V>
  static Dual<V> with_terms(const Dual<V>& a, double least, double more) {
    const double size = std::abs(about(a.value));
    const double part = size == 0 ? 0 : more / size;
    if (!a.varies) return Dual<V>(with_terms(a.value, least, more));
    return {with_terms(a.value, least, more),
            with_terms(a.slope, 0, part * std::abs(about(a.slope))), true};
  }

  // The shift stands for itself: it cancels, with its slope and its terms.
  static N away(const N& z, const N& shift) {
    const double by = about(shift);
    if (by == -std::numeric_limits<double>::infinity()) return z;
    return shifted(z, by);
  }
  template <typename V>
  static Weighed<V> shifted(const Weighed<V>& z, double by) {
    V difference = z.value - V(by);
    const double size = std::abs(about(difference));
    return {std::move(difference), size + z.excess() + (z.rounded ? std::abs(about(z)) / 32 : 0),
            true};
  }
  template <typename V>
  static Dual<V> shifted(const Dual<V>& z, double by) {
    return Dual<V>(shifted(z.value, by), z.slope, z.varies);
  }

  void add(Sum& sum, const Tape::Instruction& step, std::size_t column) {
    const N& a = numbers_[step.a];
    switch (step.step) {
      case Step::row_sum: sum.value = sum.value ? *sum.value + a : a; return;
      case Step::row_prod: sum.value = sum.value ? *sum.value * a : a; return;
      case Step::row_max: return add_extreme(sum, a, Order::greater);
      case Step::row_min: return add_extreme(sum, a, Order::less);
      case Step::row_argmax:
        add_extreme(sum, a, Order::greater);
        if (replaced_) sum.column = column;
        return;
      case Step::row_at:
        if (about(numbers_[step.b]) == static_cast<double>(column)) sum.value = a;
        return;
      case Step::row_greatest:
        if (!sum.value || std::isnan(about(a)) || about(a) > about(*sum.value))
          sum.value = N(about(a));
        return;
      case Step::row_any: sum.truth = sum.truth || truths_[step.a] != 0; return;
      case Step::row_all: sum.truth = sum.truth || truths_[step.a] == 0; return;
      default: trouble_->unsupported = true;
    }
  }
  void add_extreme(Sum& sum, const N& a, Order wanted) {
    replaced_ = false;
    if (sum.value && compare(*sum.value, *sum.value) == Order::unordered) return;
    const Order order = sum.value ? Base::ordered(a, *sum.value) : wanted;
    if (order == Order::equal) {
      sum.tied = sum.tied + a;
      ++sum.count;
    } else if (order == wanted || order == Order::unordered) {
      sum.value = sum.tied = a;
      sum.count = 1;
      replaced_ = true;
    }
  }

  void finish(Sum& sum, const Tape::Instruction& step) {
    constexpr double kInf = std::numeric_limits<double>::infinity();
    const auto or_else = [&](double nothing) { return sum.value ? *sum.value : N(nothing); };
    N& to = numbers_[step.target];
    switch (step.step) {
      case Step::row_sum: to = or_else(0); return;
      case Step::row_prod: to = or_else(1); return;
      case Step::row_max:
      case Step::row_min:
        to = or_else(step.step == Step::row_max ? -kInf : kInf);
        if (sum.count > 1) to = Slopes<N>::tied(to, sum.tied / N(static_cast<double>(sum.count)));
        return;
      case Step::row_argmax: to = N(static_cast<double>(sum.column)); return;
      case Step::row_at: to = or_else(std::numeric_limits<double>::quiet_NaN()); return;
      case Step::row_greatest: to = or_else(-kInf); return;
      case Step::row_any: truths_[step.target] = sum.truth ? 1 : 0; return;
      case Step::row_all: truths_[step.target] = sum.truth ? 0 : 1; return;
      default: return;
    }
  }

  std::vector<bool> along_;
  std::vector<Extent> extents_;      // by register
  std::vector<std::size_t> levels_;  // likewise
  std::vector<std::size_t> from_;    // likewise, the step
  std::vector<Sweep> sweeps_;        // by level
  std::vector<std::size_t> last_;
  const RowInputs* row_ = nullptr;
  std::size_t width_ = 0;
  std::size_t column_ = 0;
  std::optional<RowSeed> seed_;
  std::vector<double> cell_;
  bool replaced_ = false;
};

}  // namespace sluice::accuracy
