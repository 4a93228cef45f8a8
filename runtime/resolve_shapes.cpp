// The shapes of a spec: whether they go together, and what of them the kernel's code depends on.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "compiler/schedule/row_program.hpp"
#include "runtime/frame.hpp"
#include "runtime/resolved_spec.hpp"
#include "support/few.hpp"

namespace sluice {
namespace {

using driver::Role;

class ShapeResolver {
 public:
  ShapeResolver(ResolvedSpec& resolved, const KernelSpec& spec,
                std::span<const OperandSpec* const> given)
      : resolved_(resolved), spec_(spec), function_(resolved.definition_text()), given_(given) {}

  Outcome run() {
    for (const auto step : {&ShapeResolver::check_extents, &ShapeResolver::find_axis,
                            &ShapeResolver::broadcast, &ShapeResolver::check_written,
                            &ShapeResolver::choose_row_shape, &ShapeResolver::check_sums})
      if (Outcome done = (this->*step)(); !done.ok()) return done;
    choose_extents();
    return Unit{};
  }

 private:
  [[nodiscard]] const Argument& argument(std::size_t k) const { return resolved_.arguments[k]; }
  [[nodiscard]] const driver::Operand& operand(std::size_t k) const {
    return resolved_.operands[argument(k).operand];
  }
  [[nodiscard]] bool per_row(std::size_t k) const { return lacks_axis(function_, operand(k)); }
  // The shape that the kernel's operand has: a half's is that of a half.
  [[nodiscard]] const Shape& shape(std::size_t k) const { return shapes_[k]; }

  static Error invalid(std::string message) {
    return {Status::invalid_operands, std::move(message)};
  }
  [[nodiscard]] std::string name_of(std::size_t k) const {
    return "'" + argument_name(resolved_, argument(k)) + "'";
  }
  [[nodiscard]] Error shape_error(std::size_t k, const std::string& problem) const {
    return invalid("the operand " + name_of(k) + " of shape " + to_string(given_[k]->shape) + " " +
                   problem);
  }

  Outcome check_extents() {
    for (std::size_t k = 0; k < given_.size(); ++k) {
      const Shape own = given_[k]->shape;
      if (std::any_of(own.begin(), own.end(), [](std::int64_t extent) { return extent < 0; }))
        return shape_error(k, "has a negative extent");
      if (own.size() > TensorView::kMaxRank)
        return shape_error(k,
                           "has more than " + std::to_string(TensorView::kMaxRank) + " dimensions");
      if (argument(k).single && !own.empty()) return shape_error(k, "is one number, of shape ()");
      shapes_.push_back(own);
    }
    return Unit{};
  }

  // From the innermost, as operands of fewer dimensions are counted.
  Outcome find_axis() {
    const bool split = !resolved_.split.empty();
    if (!function_.row_wise && !split) {
      if (spec_.axis == -1) return Unit{};
      return Error{Status::invalid_argument,
                   "'" + function_.name + "' is elementwise and has no axis; the spec's is " +
                       std::to_string(spec_.axis)};
    }
    std::size_t rank = 0;
    for (std::size_t k = 0; k < given_.size(); ++k)
      if (driver::is_source(operand(k).role) && !argument(k).single)
        rank = std::max(rank, shape(k).size() + (per_row(k) && !shape(k).empty() ? 1 : 0));
    const auto dimensions = static_cast<std::int64_t>(std::max<std::size_t>(rank, 1));
    if (spec_.axis < -dimensions || spec_.axis >= dimensions)
      return Error{Status::invalid_argument, "the axis " + std::to_string(spec_.axis) +
                                                 " is not among the " + std::to_string(rank) +
                                                 " dimensions of the operands"};
    const std::int64_t from_start = spec_.axis < 0 ? spec_.axis + dimensions : spec_.axis;
    resolved_.axis = static_cast<std::uint32_t>(dimensions - 1 - from_start);
    if (function_.row_wise) frame_ = Frame(*resolved_.axis);
    for (std::size_t k = 0; k < given_.size(); ++k) {
      if (argument(k).way != Way::halves) continue;
      if (shape(k).size() <= *resolved_.axis)
        return shape_error(k, "has no axis " + std::to_string(spec_.axis) + " to be halved");
      std::vector<std::int64_t>& half = halves_.emplace_back(shape(k).begin(), shape(k).end());
      std::int64_t& extent = half[half.size() - 1 - *resolved_.axis];
      if (extent % 2 != 0)
        return shape_error(k, "has an odd extent along the axis that is to be halved");
      extent /= 2;
      shapes_[k] = half;
    }
    return Unit{};
  }

  Outcome broadcast() {
    for (std::size_t k = 0; k < given_.size(); ++k) {
      if (!driver::is_source(operand(k).role) || argument(k).single) continue;
      if (!frame_.add(shape(k), per_row(k)))
        return shape_error(k, "does not broadcast with " + to_string(frame_.shape(per_row(k))));
    }
    if (!frame_.countable())
      return invalid("the operands broadcast to the impossible shape " + to_string(frame_.full()));
    return Unit{};
  }

  // The source that a gradient is of.
  [[nodiscard]] std::size_t source_of(std::size_t k) const {
    for (std::size_t i = 0; i < given_.size(); ++i)
      if (operand(i).role == Role::saved_output ||
          (operand(i).role == Role::input && operand(i).index == operand(k).index))
        return i;
    return k;
  }

  Outcome check_written() {
    for (std::size_t k = 0; k < given_.size(); ++k) {
      const auto same = [&](Shape wanted) {
        return std::equal(wanted.begin(), wanted.end(), shape(k).begin(), shape(k).end());
      };
      if (argument(k).single) continue;
      if (operand(k).role == Role::output) {
        const Extents wanted = frame_.shape(per_row(k));
        if (!same(wanted)) return shape_error(k, "must have the shape " + to_string(wanted));
      }
      if (operand(k).role != Role::input_gradient) continue;
      const std::size_t source = source_of(k);
      if (!same(shape(source)))
        return shape_error(k, "must have its input's shape " + to_string(given_[source]->shape));
    }
    return Unit{};
  }

  Outcome choose_row_shape() {
    if (!function_.row_wise) return Unit{};
    if (frame_.columns() > kMaxColumns)
      return Error{Status::limit_exceeded, "a row has at most " + std::to_string(kMaxColumns) +
                                               " columns, and the spec's have " +
                                               std::to_string(frame_.columns())};
    const bool across = frame_.inner_count() != 1;
    // Until the target is known: a length that is part of the code (resolve.cpp).
    resolved_.row = {across, frame_.columns() <= schedule::kBlockColumns,
                     across ? 0 : frame_.columns()};
    return Unit{};
  }

  // Whether an operand has an element of its own for all that the kernel computes one for.
  [[nodiscard]] bool is_whole(std::size_t k) const {
    const Aligned own = frame_.align(shape(k), per_row(k));
    const bool along_row = extent_of(k) == ir::Extent::element;
    for (std::size_t d = 0; d < frame_.rank(); ++d)
      if (own[d] != frame_.extent(d) && (along_row || !function_.row_wise || d != *resolved_.axis))
        return false;
    return true;
  }

  // Gradients of what broadcasts, and the reduced output.
  Outcome check_sums() {
    for (std::size_t k = 0; k < given_.size(); ++k) {
      Argument& each = resolved_.arguments[k];
      const bool reduced = each.single && !driver::is_source(operand(k).role);
      const bool gradient = operand(k).role == Role::input_gradient && !is_whole(k);
      if (each.single && operand(k).role == Role::output_gradient &&
          resolved_.reduction == Reduction::mean)
        each.way = Way::divided;
      if (reduced || gradient) {
        if (is_quantised(each.dtype) || each.way == Way::halves)
          return Error{
              Status::unsupported,
              "the operand " + name_of(k) + " is a sum, which " +
                  (each.way == Way::halves ? "the halves of an operand" : "integers of 8 bits") +
                  " cannot be"};
        each.way = Way::summed;
      }
      if (each.way == Way::summed || each.way == Way::divided)
        resolved_.operands[each.operand].dtype = resolved_.compute_type();
    }
    return Unit{};
  }

  // How an operand of a row function moves, or any operand of an elementwise function along its
  // innermost loop.
  [[nodiscard]] ir::Extent extent_of(std::size_t k) const {
    if (argument(k).single) return ir::Extent::scalar;
    if (!function_.row_wise) {
      const bool still = (inner_still_ >> k & 1u) != 0 || shape(k).empty();
      return still ? ir::Extent::scalar : ir::Extent::element;
    }
    const Aligned own = frame_.align(shape(k), per_row(k));
    const std::uint32_t axis = *resolved_.axis;
    const bool has_axis = !per_row(k) && (shape(k).size() > axis || frame_.rank() == 0);
    if (has_axis && own[axis] == frame_.extent(axis)) return ir::Extent::element;
    bool one_row = true;
    for (std::size_t d = 0; d < frame_.rank(); ++d) {
      if (d == axis || frame_.extent(d) == 1) continue;
      if (own[d] == frame_.extent(d)) return ir::Extent::row;
      one_row = false;
    }
    return one_row && !shape(k).empty() ? ir::Extent::row : ir::Extent::scalar;
  }

  void choose_extents() {
    if (!function_.row_wise)
      inner_still_ = make_nest(frame_.full(), given_.size(), [&](std::size_t k) {
                       return shape(k);
                     }).inner_still();
    for (std::size_t k = 0; k < given_.size(); ++k) {
      const ir::Extent extent =
          driver::is_source(operand(k).role) ? extent_of(k) : ir::Extent::element;
      resolved_.operands[argument(k).operand].extent = extent;
      if (argument(k).way == Way::halves) resolved_.operands[argument(k).second].extent = extent;
    }
  }

  ResolvedSpec& resolved_;
  const KernelSpec& spec_;
  const dsl::FunctionDef& function_;
  std::span<const OperandSpec* const> given_;
  Few<Shape, kMaxOperands> shapes_;                // the spec's own, but for
  std::vector<std::vector<std::int64_t>> halves_;  // those that are halved
  Frame frame_;
  OperandSet inner_still_ = 0;  // of an elementwise function
};

}  // namespace

Outcome resolve_shapes(ResolvedSpec& resolved, const KernelSpec& spec,
                       std::span<const OperandSpec* const> given) {
  return ShapeResolver(resolved, spec, given).run();
}

}  // namespace sluice
